"""What people wrote, made fit to be shown in a line of a mail: nothing unseen in it, no line break, no link, not endless."""

import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d")
"""Without these, some scripts and many emoji fall apart; alone they change nothing."""

_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES: Final = frozenset("\t\n\r\v\f\x85\u2028\u2029")


def one_line(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters: control, direction and other unseen characters are taken out.

    An address is broken up (`https: //...`), so that no program that shows the line makes a link of it.
    """
    return _cut(" ".join(_seen(text).split()).replace("://", ": //"), limit)


def some_lines(text: str, limit: int) -> str:
    """The same for a text whose line breaks mean something; at most one blank line in a row."""
    broken = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [one_line(line, limit) for line in broken]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return _cut("\n".join(kept).strip(), limit)


def _seen(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if character in _SPACES else character
        for character in text
        if character in _SPACES or character in _JOINERS or unicodedata.category(character) not in _DROPPED
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
