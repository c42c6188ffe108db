"""What people wrote, made fit to be shown in a mail: without unseen characters, line breaks and links, and cut to a length."""

import re
import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d")
"""Without these, some scripts and many emoji fall apart; alone they change nothing."""

_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES: Final = frozenset("\t\n\r\v\f\x85\u2028\u2029")


_IN_WORD: Final = r"[^\s!-/:-@\[-`{-~]"
_OF_NO_DOMAIN: Final = r"js(?![\w-]|\.\w)"
"""There is no top-level domain `js`: Node.js stays."""

_KNOWN: Final = r"(?<![\w.@-])(?:ado|asp|vb)\.net(?![\w@-]|\.\w)"
_DOT: Final = rf"(?<={_IN_WORD})[.\u3002\uff0e\uff61](?!{_OF_NO_DOMAIN})(?=[\u200c\u200d]*[^\W\d_]{_IN_WORD})"
_LINKING: Final = re.compile(rf"(?P<stays>{_KNOWN})|{_DOT}|(?<!\w)www\.(?=\w)", re.IGNORECASE)


def one_line(text: str, limit: int) -> str:
    """What a person wrote, as a `visible_line` that no program makes a link of: addresses are broken up.

    A space comes into `://`, after `www.`, and after a dot within a word that two letters follow, as a domain's end has them
    (`https: //evil. com`). So `Dr.Smith` becomes `Dr. Smith`, and a company `Booking. com`; what is no domain or a well-known
    name stays: `J.R.R.`, `Ph.D.`, `2.0`, `.NET`, `ASP.NET`, `Node.js`.
    """
    return _cut(_without_links(_joined(text)), limit)


def visible_line(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters: control, direction and other unseen characters are taken out."""
    return _cut(_joined(text), limit)


def some_lines(text: str, limit: int) -> str:
    """The same for a text whose line breaks mean something; at most one blank line in a row."""
    broken = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [one_line(line, limit) for line in broken]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return _cut("\n".join(kept).strip(), limit)


def _joined(text: str) -> str:
    return " ".join(_seen(text).split())


def _without_links(text: str) -> str:
    broken = _LINKING.sub(lambda found: found[0] if found["stays"] else f"{found[0]} ", text)
    return broken.replace("://", ": //")


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
