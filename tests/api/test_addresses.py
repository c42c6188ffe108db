"""Addresses that an account may have: mail goes to the domain that was written, and one letter box is one account's."""

import itertools
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.addresses import check_email
from api.problems import ProblemError
from infrastructure.mail_message import address

TRICKY = "aAsSiIkK1-_.ßẞäÄ\u03c2\u03c3\u03a3\u0131\u0130\u0307\u0308\u3002\uff0e\uff61\xad\u200c\u200d\u0915\u094d\u0430\u212a"
"""Letters that mappings, capitals, invisible characters and other dots make one of."""

labels = st.text(TRICKY, min_size=1, max_size=6) | st.sampled_from(
    ["xn--exmple-cua", "exämple", "xn--strae-oqa", "straße", "strasse", "xn--a", "☃", "例え"]
)
domains = st.lists(labels | st.text(min_size=1, max_size=6), min_size=1, max_size=3).map(".".join)


def sent_to(email: str) -> str | None:
    """What mail to an address is sent to; None when the address is refused."""
    try:
        check_email(email)
    except ProblemError:
        return None
    return address("", email).email


def in_letters(label: str) -> str:
    return label[4:].encode().decode("punycode") if label.startswith("xn--") else label


@settings(max_examples=500)
@given(domains)
@example("straße.de")
@example("βόλος.com")
@example("Exämple.Com")
@example("xn--exmple-cua.com")
def test_mail_is_sent_to_exactly_the_domain_that_was_written(domain: str) -> None:
    sent = sent_to(f"li@{domain}")
    if sent is not None:
        local, _, encoded = sent.partition("@")
        assert local == "li"
        assert encoded.isascii()
        assert ".".join(map(in_letters, encoded.lower().split("."))) == domain.lower()


def test_two_addresses_are_two_letter_boxes() -> None:
    """Of all short domains of tricky letters."""
    short = {
        f"{''.join(letters)}.de"
        for length in (1, 2, 3)
        for letters in itertools.product(TRICKY, repeat=length)
    }
    longer = {
        "straße.de",
        "strasse.de",
        "ex\xadample.com",
        "example.com",
        "exämple.com",
        "xn--exmple-cua.com",
    }
    accepted: dict[str, str] = {}
    for domain in sorted(short | longer):
        sent = sent_to(f"li@{domain}")
        if sent is not None:
            assert accepted.setdefault(sent.lower(), domain.lower()) == domain.lower()
    assert {"straße.de", "strasse.de", "exämple.com"} <= set(accepted.values())
    assert len(accepted) > 1_000


@pytest.mark.parametrize(
    "domain",
    [
        "xn--exmple-cua.com",
        "XN--exmple-cua.com",
        "xn--a.com",
        "EXÄMPLE.com",
        "ex\u0130.com",
        "ex\xadample.com",
        "ex\u200dample.com",
        "a\u3002example.com",
        "a\u3002exämple.com",
        unicodedata.normalize("NFD", "exämple.com"),
        "ex\ud800mple.com",
    ],
)
def test_a_domain_in_another_spelling_than_its_own_is_refused(domain: str) -> None:
    with pytest.raises(ProblemError) as refused:
        check_email(f"sam@{domain}")
    assert refused.value.status == 400


@pytest.mark.parametrize("email", ["Sam@Example.COM", "sam@Exämple.com", "sam@a_b.example", "jörg@例え.jp"])
def test_an_address_in_its_own_letters_is_taken(email: str) -> None:
    check_email(email)
