"""Which passwords are refused: those that an attacker tries first. Nothing is demanded of what a password is made of.

`common_passwords.txt` was written for this project: words, names, teams and keyboard walks that lists of breached passwords
agree on. It stands for far more than its lines, since a password is looked up without its trimmings too.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("common_passwords.txt")
_SHORTEST: Final = 8
_LONGEST: Final = 1024
_LONG: Final = 32
_TRIMMINGS: Final = 8
_SEPARATORS: Final = 4
_LEFT_OVER: Final = 6
_SHORTEST_WORD: Final = 3

_REPEATED: Final = re.compile(r"(.{1,4}?)\1+(.{0,3})", re.DOTALL)
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
)
_LOOK_ALIKES: Final = tuple(
    str.maketrans("034578@$!+", "oeastbasit") | str.maketrans("1", one) for one in ("i", "l")
)


def refusal(password: str, context: Iterable[str] = ()) -> str | None:
    """Why a password is refused, in words for whoever chose it; None when it is taken.

    `context` is what others know of its owner: name, e-mail address, company.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        return f"a password has {_SHORTEST} to {_LONGEST} characters"
    folded = unicodedata.normalize("NFKC", password).casefold()
    if _is_common(folded):
        return (
            "this is among the passwords that are tried first, or such a one with trimmings: choose another"
        )
    if _is_pattern(folded):
        return "this only repeats or counts: choose something that cannot be guessed from its beginning"
    if _is_about(folded, context):
        return "this is mostly your name, address or company: choose something that says nothing about you"
    return None


def _is_common(folded: str) -> bool:
    joined = "".join(folded.split())
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", joined)
    forms = {folded, joined}
    if len(joined) - len(bare) <= _TRIMMINGS:
        forms.add(bare)
    forms |= {form.translate(table) for form in tuple(forms) for table in _LOOK_ALIKES}
    return not forms.isdisjoint(_common())


def _is_pattern(folded: str) -> bool:
    """One to four characters over and over, or a walk along the alphabet, the digits or a row of keys."""
    if (
        len(folded) < _LONG
        and (repeated := _REPEATED.fullmatch(folded))
        and repeated[1].startswith(repeated[2])
    ):
        return True
    walks = (*_ROWS, *(row[::-1] for row in _ROWS))
    parts = re.findall(r"[^\W\d_]+|\d+", folded)
    if not parts or len(folded) - len("".join(parts)) > _SEPARATORS:
        return False
    return all(len(part) > 2 and any(part in walk for walk in walks) for part in parts)


def _is_about(folded: str, context: Iterable[str]) -> bool:
    words = {"hirelog"}
    for known in context:
        whole = unicodedata.normalize("NFKC", known).casefold()
        local = whole.partition("@")[0]
        words |= {*re.findall(r"\w+", local), re.sub(r"\W+", "", local), re.sub(r"\W+", "", whole)}
    left = "".join(re.findall(r"\w", folded))
    found = False
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_WORD and word in left:
            left, found = left.replace(word, ""), True
    return found and len(left) < _LEFT_OVER


@cache
def _common() -> frozenset[str]:
    return frozenset(_FILE.read_text(encoding="ascii").split())
