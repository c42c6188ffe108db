"""The bytes of a mail: whatever people are called, one sender, one recipient, one subject and nothing else."""

import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.mail.display_text import one_line
from infrastructure.mail.message import NAME_LENGTH, address, as_bytes, in_own_letters, sender
from infrastructure.mail.templates import Content
from infrastructure.mail.transport import Undeliverable
from infrastructure.settings import SettingsError
from tests.mails import MAIL_ID, mail

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]
HOSTILE = [
    'x"\r\nBcc: victim@example.com',
    "x\nBcc: victim@example.com\n\nbody",
    '", victim@example.com, "',
    "<victim@example.com>",
    "=?utf-8?q?a=0d=0aBcc:_victim@example.com?=",
    'Jörg, "x" ' + "ü" * 80,
    "\u202egnp.exe",
    "a" * 1000,
    "名" * 1000,
    "👩‍💻" * 300,
    "\x00\x01\x7f\x85\u2028",
    "\\",
    "",
]


def parsed(data: bytes) -> Message:
    """As a strict old parser reads it, which decodes nothing by itself."""
    return email.message_from_bytes(data, policy=email.policy.compat32)


def decoded(value: object) -> str:
    return str(make_header(decode_header(str(value))))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_stays_a_name(text: str) -> None:
    check(text, Content(one_line(text, 150), text + "\n", text))


@given(text=st.text(max_size=300))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    message = email.message_from_bytes(
        as_bytes(mail(content=Content("s", text, text))), policy=email.policy.default
    )
    assert [part["Content-Type"] for part in message.iter_parts()] == [
        'text/plain; charset="utf-8"',
        'text/html; charset="utf-8"',
    ]
    for part in message.iter_parts():
        received = part.get_payload(decode=True)
        assert isinstance(received, bytes)
        sent = re.sub(r"\r\n|\r|\n", "\r\n", text.removesuffix("\n"))
        assert received.decode().removesuffix("\r\n") == sent


@settings(max_examples=150)
@given(text=st.text(max_size=200), other=st.text(max_size=200))
def test_any_name_and_subject_come_back_as_they_were(text: str, other: str) -> None:
    check(text, Content(one_line(other, 150), "text\n", "html"))


def check(name: str, content: Content) -> None:
    data = as_bytes(mail(name, content=content))
    message = parsed(data)
    assert list(message.keys()) == HEADERS
    shown, to = parseaddr(str(message["To"]))
    assert to == "cleo@example.com"
    assert str(message["To"]).count("@") == 1 or '"' in str(message["To"])
    assert decoded(shown).split() == one_line(name, NAME_LENGTH).split()
    assert decoded(message["Subject"]) == content.subject
    assert message["Message-ID"] == f"<{MAIL_ID}@mail.example.com>"
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_both_bodies_come_back_and_the_unsubscribe_link_is_whole() -> None:
    link = "https://jobs.example.com/notifications/unsubscribe?token=" + "a" * 200
    text = "Grüße, \n.\n..\nFrom here\n--=_x\n=3D\n" + "漢字" * 200 + " \n\n\tend\n"
    content = Content("s", text, "<p>Grüße &amp; 漢字</p>\n", unsubscribe_url=link)
    message = email.message_from_bytes(as_bytes(mail(content=content)), policy=email.policy.default)
    assert message["List-Unsubscribe"] == f"<{link}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content().replace("\r\n", "\n") for part in message.iter_parts()] == [
        content.text,
        content.html,
    ]


def test_an_address_may_be_international() -> None:
    assert address("", "cleo@bücher.example").email == "cleo@xn--bcher-kva.example"
    assert address("", "cleo@BÜCHER.example").email == "cleo@xn--bcher-kva.example"
    mail_to = mail("Jörg", "jörg@example.com")
    assert mail_to.recipient.international
    assert "<jörg@example.com>".encode() in as_bytes(mail_to)


@pytest.mark.parametrize(
    "to",
    [
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com, b@example.com",
        "a b@example.com",
        "<a@example.com>",
        "a@b@example.com",
        "@example.com",
        "a@",
        "a@exa\x00mple.com",
        "a@" + "ü" * 70 + ".example",
        "a@ex\xadämple.com",
        "a@ex\u200dample.com",
        "a@ex\ud800mple.com",
        "",
    ],
)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(Undeliverable):
        address("Cleo", to)


@pytest.mark.parametrize(
    ("domain", "sent_to"),
    [("straße.example", "xn--strae-oqa.example"), ("βόλος.example", "xn--nxasmm1c.example")],
)
def test_mail_goes_to_the_domain_that_was_written(domain: str, sent_to: str) -> None:
    assert address("", f"cleo@{domain}").domain == sent_to
    assert in_own_letters(sent_to) == domain


def test_the_sender_is_a_name_and_an_address_or_an_address() -> None:
    assert sender("jobs@example.com").email == "jobs@example.com"
    assert sender('"Jobs, Inc." <jobs@example.com>').name == "Jobs, Inc."
    with pytest.raises(SettingsError, match="HIRELOG_MAIL_FROM"):
        sender("Jobs <jobs>")
