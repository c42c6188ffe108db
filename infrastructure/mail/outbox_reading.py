"""Reading the local outbox: the mails that would have been sent, newest first."""

import contextlib
import email
import re
from datetime import datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from pathlib import Path
from typing import Final

import msgspec

NEWEST: Final = 200
"""How many are listed; the folder holds the rest."""

_NAME: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f-]{36}\.eml")


class StoredMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the outbox; `name` is its file's."""

    name: str
    recipient: str
    sender: str
    subject: str
    at: datetime
    text: str
    html: str


def newest(folder: Path) -> list[StoredMail]:
    """The newest mails of an outbox, newest first; one that was removed meanwhile is left out."""
    try:
        names = sorted((path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)
    except FileNotFoundError:
        return []
    found = (_written(folder, name) for name in names[:NEWEST])
    latest = sorted((mail for mail in found if mail is not None), key=lambda mail: mail[0], reverse=True)
    return [mail for _, mail in latest]


def _written(folder: Path, name: str) -> tuple[tuple[datetime, float], StoredMail] | None:
    """A mail and its place in time; names tell whole seconds only."""
    mail = one(folder, name)
    if mail is None:
        return None
    with contextlib.suppress(FileNotFoundError):
        return (mail.at, (folder / name).stat().st_mtime), mail
    return None


def one(folder: Path, name: str) -> StoredMail | None:
    """A mail by its file's name; None when that is no name of a mail, or there is none."""
    if not _NAME.fullmatch(name):
        return None
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        return None
    message = email.message_from_string(content.decode("utf-8", "replace"))
    return StoredMail(
        name=name,
        recipient=_who(message.get("To", "")),
        sender=_who(message.get("From", "")),
        subject=_in_letters(message.get("Subject", "")),
        at=datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%S%z"),
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _who(header: str) -> str:
    """Name and address. What the library itself makes of them (as of 3.11) has blanks within a name of several encoded words."""
    name, address = parseaddr(header)
    return f"{_in_letters(name)} <{address}>" if name else address


def _in_letters(header: str) -> str:
    return str(make_header(decode_header("".join(header.splitlines()))))


def _part(message: Message, subtype: str) -> str:
    for part in message.walk():
        if part.get_content_type() == f"text/{subtype}":
            content = part.get_payload(decode=True)
            return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return ""
