"""Which passwords are refused: those that an attacker tries first. Nothing is demanded of what a password is made of.

The most common passwords come with zxcvbn; `common_passwords.txt`, written for this project, has what its lists lack.
They stand for far more than their number, since a password is looked up without its trimmings too.
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
_SHORTEST_CORE: Final = 4
_AFFIXES: Final = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
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
    "zxcvbnm",
)
_WALKS: Final = (*_ROWS, *(row[::-1] for row in _ROWS))
_LOOK_ALIKES: Final = tuple(
    str.maketrans("034578@$!+", "oeastbasit") | str.maketrans("1", one) for one in ("i", "l")
)


def refusal(password: str, context: Iterable[str] = ()) -> str | None:
    """Why a password is refused, in words for whoever chose it; None when it is taken.

    `context` is what others know of its owner: name, e-mail address, company.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        return f"a password has {_SHORTEST} to {_LONGEST} characters"
    normalized = unicodedata.normalize("NFKC", password).casefold()
    if _is_common(normalized):
        return (
            "this is among the passwords that are tried first, or such a one with trimmings: choose another"
        )
    if _is_pattern(normalized):
        return "this only repeats or counts: choose something that cannot be guessed from its beginning"
    if _is_about(normalized, context):
        return "this is mostly your name, address or company: choose something that says nothing about you"
    return None


def _is_common(normalized: str) -> bool:
    joined = "".join(normalized.split())
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", joined)
    forms = {normalized, joined}
    if len(joined) - len(bare) <= _TRIMMINGS:
        forms.add(bare)
    forms |= {form.translate(table) for form in tuple(forms) for table in _LOOK_ALIKES}
    return not forms.isdisjoint(_common())


def _is_pattern(normalized: str) -> bool:
    """One to four characters over and over, or walks, with up to two more letters or digits around them."""
    if (
        len(normalized) < _LONG
        and (repeated := _REPEATED.fullmatch(normalized))
        and repeated[1].startswith(repeated[2])
    ):
        return True
    places = [place for place, character in enumerate(normalized) if character.isalnum()]
    if len(normalized) - len(places) > _SEPARATORS:
        return False
    return any(
        all(map(_is_walk, re.findall(r"[^\W\d_]+|\d+", normalized[places[before] : places[-1 - after] + 1])))
        for before, after in _AFFIXES
        if len(places) - before - after >= _SHORTEST_CORE
    )


def _is_walk(part: str) -> bool:
    """Along the alphabet, the digits or a row of keys, or standing still: `abc`, `4321`, `aabbcc`, `7777`."""
    pace = len(part) - len(part.lstrip(part[0]))
    steps = part[::pace]
    return (
        len(part) > 2
        and pace < _LONG
        and (len(steps) == 1 or any(steps in walk for walk in _WALKS))
        and part == "".join(step * pace for step in steps)
    )


def _is_about(normalized: str, context: Iterable[str]) -> bool:
    words = {"hirelog"}
    for known in context:
        whole = unicodedata.normalize("NFKC", known).casefold()
        local = whole.partition("@")[0]
        words |= {*re.findall(r"\w+", local), re.sub(r"\W+", "", local), re.sub(r"\W+", "", whole)}
    left = "".join(re.findall(r"\w", normalized))
    found = False
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_WORD and word in left:
            left, found = left.replace(word, ""), True
    return found and len(left) < _LEFT_OVER


@cache
def _common() -> set[str]:
    """Zxcvbn has each word in one of its lists only: a common password that is better known as a name is in the list of names."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    names_and_words = {word for words in FREQUENCY_LISTS.values() for word in words if len(word) >= _SHORTEST}
    return names_and_words.union(FREQUENCY_LISTS["passwords"], _FILE.read_text(encoding="ascii").split())
