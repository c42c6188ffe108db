"""A mail, and the bytes of it. Nothing that people wrote can become a header, an address or an encoded word of ours.

They are made here: the standard library's `EmailMessage` (as of 3.11) drops the quotes of a folded name, encodes long addresses
of links, and decodes encoded words that people wrote, line breaks in them included. It also takes 2 ms a mail.
"""

import binascii
import re
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from typing import Final
from uuid import UUID

import idna
import msgspec

from infrastructure.mail.display_text import one_line
from infrastructure.mail.templates import Content
from infrastructure.mail.transport import Undeliverable
from infrastructure.settings import SettingsError

NAME_LENGTH: Final = 80
_LINE_LENGTH: Final = 900
_END: Final = "\r\n"
_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")
_PLAIN: Final = re.compile(r"[ -~]*")
_ATOMS: Final = re.compile(r"[A-Za-z0-9 !#$%&'*+/^_`{|}~-]+")
_ADDRESS: Final = re.compile(
    r"([^\x00-\x20\x7f-\xa0\s<>()\[\],;:@\\\"]{1,64})@([^\x00-\x20\x7f-\xa0\s<>()\[\],;:@\\\"]{1,255})"
)


class Address(msgspec.Struct, frozen=True):
    """Somebody who sends or receives mail; the domain is ASCII, `local` need not be."""

    name: str
    local: str
    domain: str

    @property
    def email(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def international(self) -> bool:
        """Whether only servers with SMTPUTF8 can take it."""
        return not self.local.isascii()


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one person. `mail_id` is the same when it is sent again, so that receivers can drop a repeat."""

    mail_id: UUID
    sender: Address
    recipient: Address
    content: Content
    queued_at: datetime

    @property
    def message_id(self) -> str:
        return f"<{self.mail_id}@{self.sender.domain}>"


def address(name: str, email: str) -> Address:
    """A name and an e-mail address as mail can carry them. Raises `Undeliverable` for an address that it cannot.

    Domains are encoded as in IDNA 2008. That of 2003, Python's own, makes strasse.de of straße.de, which is somebody else's.
    """
    found = _ADDRESS.fullmatch(email)
    if found is None:
        raise Undeliverable("the address is none that mail can be sent to")
    try:
        domain = found[2] if found[2].isascii() else idna.encode(found[2].lower()).decode()
    except idna.IDNAError as error:
        raise Undeliverable("the domain of the address is none that mail can be sent to") from error
    return Address(one_line(name, NAME_LENGTH), found[1], domain)


def in_own_letters(domain: str) -> str:
    """A domain as a person writes it, in small letters, of one as mail carries it. Raises `Undeliverable` when none is meant by it."""
    labels = domain.lower().split(".")
    try:
        return ".".join(idna.ulabel(label) if label.startswith("xn--") else label for label in labels)
    except idna.IDNAError as error:
        raise Undeliverable("the domain of the address is none that mail can be sent to") from error


def sender(text: str) -> Address:
    """The address of `Name <local@domain>`, or of `local@domain`. Raises `SettingsError`."""
    name, bracket, rest = text.partition("<")
    try:
        return address(name.strip().strip('"'), rest.strip().removesuffix(">") if bracket else text.strip())
    except Undeliverable as error:
        raise SettingsError(f"HIRELOG_MAIL_FROM: {error}") from error


def as_bytes(mail: Mail) -> bytes:
    """The mail as RFC 5322 has it (with RFC 6532, if the address needs it): text and HTML, 7 bit, short lines."""
    boundary = f"=_{mail.mail_id.hex}"
    headers = [
        ("From", _with_name("From", mail.sender)),
        ("To", _with_name("To", mail.recipient)),
        ("Subject", _words("Subject", mail.content.subject)),
        ("Date", format_datetime(mail.queued_at.astimezone(UTC))),
        ("Message-ID", mail.message_id),
        ("Auto-Submitted", "auto-generated"),
        *((name, _words(name, value)) for name, value in mail.content.headers.items()),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    parts = (_part("plain", mail.content.text), _part("html", mail.content.html))
    between = f"--{boundary}{_END}".encode()
    head = "".join(f"{name}: {value}{_END}" for name, value in headers)
    return b"".join(
        (head.encode(), _END.encode(), between, between.join(parts), f"--{boundary}--{_END}".encode())
    )


def _part(subtype: str, text: str) -> bytes:
    lines = _LINE_BREAK.sub(_END, text.removesuffix("\n"))
    head = f'Content-Type: text/{subtype}; charset="utf-8"{_END}Content-Transfer-Encoding: quoted-printable{_END * 2}'
    return head.encode() + binascii.b2a_qp(f"{lines}{_END}".encode()) + _END.encode()


def _with_name(header: str, who: Address) -> str:
    if not who.name:
        return who.email
    if _ATOMS.fullmatch(who.name):
        shown = who.name
    elif _PLAIN.fullmatch(who.name) and "=?" not in who.name:
        shown = '"' + re.sub(r'(["\\])', r"\\\1", who.name) + '"'
    else:
        shown = _encoded(header, who.name)
    return f"{shown}{_END if _END in shown else ''} <{who.email}>"


def _words(header: str, text: str) -> str:
    """One line as it is, where every program reads it as such; else as encoded words."""
    line = " ".join(text.split())
    if _PLAIN.fullmatch(line) and "=?" not in line and len(line) <= _LINE_LENGTH:
        return line
    return _encoded(header, line)


def _encoded(header: str, text: str) -> str:
    return Header(text, "utf-8", header_name=header).encode(linesep=_END)
