"""Why a mail was not taken, fit to be kept: what servers say of a mail names the person it is for."""

import re
from collections.abc import Iterator
from typing import Final

from infrastructure.mail.display_text import visible_line
from infrastructure.mail.message import Address, in_own_letters
from infrastructure.mail.transport import Undeliverable

_LENGTH: Final = 1_000
_SHORTEST_PART: Final = 3
_PART: Final = re.compile(r"[\W_]+")


def reason_without(said: str, recipient: Address | None) -> str:
    """`said` in one line that any database can keep, without its recipient's address, name, and the parts of both.

    The log and the outcome must not hold them. Servers write them in any case, and domains in either form. Of parts those with
    fewer than three letters stay: they name nobody, and are words of their own.
    """
    line = visible_line(said, _LENGTH)
    if recipient is None:
        return line
    names = sorted(set(_names(recipient)), key=len, reverse=True)
    hidden = "|".join(re.escape(name) for name in names)
    return re.sub(rf"(?<!\w)(?:{hidden})(?!\w)", "(recipient)", line, flags=re.IGNORECASE)


def _names(recipient: Address) -> Iterator[str]:
    yield from (recipient.email, recipient.local, *_parts(recipient.local))
    if recipient.name:
        yield from (recipient.name, *_parts(recipient.name))
    for domain in _domains(recipient.domain):
        yield from (domain, f"{recipient.local}@{domain}")


def _parts(name: str) -> list[str]:
    return [part for part in _PART.split(name) if len(part) >= _SHORTEST_PART]


def _domains(domain: str) -> tuple[str, ...]:
    try:
        return domain, in_own_letters(domain)
    except Undeliverable:
        return (domain,)
