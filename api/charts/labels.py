"""Job titles as labels under a chart: short, printable, and never two alike."""

import textwrap
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, count
from typing import Final

_UNNAMED: Final = "Untitled job"
_JOINERS: Final = "\u200c\u200d"
_MOST_MARKS: Final = 3
_NOT_LAST: Final = " ,;:.(/&-\u2013\u2014"


def distinct_labels(titles: Sequence[str], columns: int, lines: int = 1) -> list[str]:
    """One short label for each title, no two alike, or two jobs would share a place on the axis.

    Titles that differ only behind the cut show their ends; labels that are alike even so are numbered.
    """
    whole = [printable(title) for title in titles]
    labels = [_shortened(title, columns, lines) for title in whole]
    behind: defaultdict[str, set[str]] = defaultdict(set)
    for label, title in zip(labels, whole, strict=True):
        behind[label].add(title)
    distinct: dict[str, None] = {}
    for label, title in zip(labels, whole, strict=True):
        name = label if len(behind[label]) == 1 else _shortened(_ends(title, columns), columns, lines)
        numbered = (f"{name}{' ' if lines == 1 else chr(10)}({number})" for number in count(2))
        distinct[next(free for free in chain([name], numbered) if free not in distinct)] = None
    return list(distinct)


def _shortened(title: str, columns: int, lines: int) -> str:
    """The title in at most `lines` lines of `columns` Latin characters, cut with an ellipsis."""
    if any(unicodedata.bidirectional(character) in {"R", "AL"} for character in title):
        lines = 1  # vl-convert lays lines that run from right to left over each other
    room = _room(title, columns)
    wrapped = textwrap.wrap(title, room)
    if len(wrapped) > lines:
        rest = " ".join(wrapped[lines - 1 :])
        wrapped[lines - 1 :] = [f"{rest[: room - 1].rstrip(_NOT_LAST)}…"]
    return "\n".join(wrapped)


def _ends(title: str, columns: int) -> str:
    half = (_room(title, columns) - 1) // 2
    return f"{title[:half].rstrip()}…{title[-half:].lstrip()}"


def _room(title: str, columns: int) -> int:
    """How many of the title's characters fit `columns`; Chinese, Japanese and Korean ones take two. A few emoji change nothing."""
    wide = (unicodedata.category(one) == "Lo" and unicodedata.east_asian_width(one) in "WF" for one in title)
    return columns // 2 if any(wide) else columns


def printable(title: str) -> str:
    """The title on one line, without control characters, overrides of the text direction and towers of accents."""
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", title):
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character.isspace():
            kept.append(" ")
        elif marks <= _MOST_MARKS and (category[0] != "C" or character in _JOINERS):
            kept.append(character)
    return " ".join("".join(kept).split()) or _UNNAMED
