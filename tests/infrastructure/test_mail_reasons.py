"""What a server says of a mail is kept without naming whom it is for."""

import pytest

from infrastructure.mail.message import address
from infrastructure.mail.reasons import reason_without


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 5.1.1 <Jane.Doe+jobs@bücher.example> unknown", "550 5.1.1 <(recipient)> unknown"),
        ("<jane.doe+jobs@XN--BCHER-KVA.example> unknown", "<(recipient)> unknown"),
        ("550 5.1.1 <jane.doe+jobs>… User unknown", "550 5.1.1 <(recipient)>… User unknown"),
        ("Mailbox of Jane Doe is full", "Mailbox of (recipient) is full"),
        ("Mailbox of DOE, Jane is full", "Mailbox of (recipient), (recipient) is full"),
        ("Host mx.bücher.example said no", "Host mx.(recipient) said no"),
        ("Domain xn--bcher-kva.example not found", "Domain (recipient) not found"),
        ("450 4.2.1 busy\r\nJanet may be told", "450 4.2.1 busy Janet may be told"),
    ],
)
def test_neither_address_nor_name_is_left(said: str, kept: str) -> None:
    assert reason_without(said, address("Jane Doe", "Jane.Doe+jobs@bücher.example")) == kept


def test_without_a_name_only_the_address_is_hidden() -> None:
    assert reason_without("a@b.example: 5.1.1 a mailbox", address("", "a@b.example")) == (
        "(recipient): 5.1.1 (recipient) mailbox"
    )
    assert reason_without("SendGrid answered 500", None) == "SendGrid answered 500"
