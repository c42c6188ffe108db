r"""The types of what a client may send, bounded once. PostgreSQL has no NUL in a text and no integer above 64 bits.

`$(?!\n)` is the very end in Python, as `$` alone is in JSON Schema; no pattern takes more than one pass.
"""

import unicodedata
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta
from msgspec.structs import force_setattr

from api.http.currencies import CURRENCIES
from domain.unicode_text import composed

_TEXT: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$(?!\n)"
_SOME_TEXT: Final = r"^(?=\s*\S)[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$(?!\n)"
TURNING: Final = r"\u202a-\u202e\u2066-\u2069"
"""Characters (as in a class of a pattern) that turn the direction of what follows in a list or a mail: no line has them, nor
line breaks of Unicode's."""
UNSEEN: Final = (
    r"\s\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that show nothing (blanks, fillers, and what Unicode has programs ignore): a line that must not be blank has another
one. Those beyond 16 bits stand for themselves: Python and JSON Schema do not spell them alike."""
_LINE: Final = rf"^[^\x00-\x1f\x7f\u2028\u2029{TURNING}]*$(?!\n)"
_SOME_LINE: Final = rf"^(?=[{UNSEEN}]*[^{UNSEEN}])[^\x00-\x1f\x7f\u2028\u2029{TURNING}]*$(?!\n)"
_CURRENCY: Final = rf"^({'|'.join(sorted(CURRENCIES))})$(?!\n)"
_EMAIL: Final = r"^[^@\s\x00-\x1f\x7f]{1,64}@([^@\s\x00-\x1f\x7f.]{1,63}\.)+[^@\s\x00-\x1f\x7f.]{1,63}$(?!\n)"
NO_NUL: Final = r"^[^\x00]*$(?!\n)"

REASONS: Final = {
    repr(pattern): reason
    for pattern, reason in (
        (_TEXT, "expected text without control characters"),
        (_SOME_TEXT, "expected text that is not blank and has no control characters"),
        (_LINE, "expected one line without control characters"),
        (_SOME_LINE, "expected one line that is not blank and has no control characters"),
        (_CURRENCY, "expected the code of a currency in use, three capital letters (ISO 4217)"),
        (_EMAIL, "expected an e-mail address"),
        (NO_NUL, "expected text without a NUL character"),
    )
}
"""What a pattern demands, in words, by the pattern as msgspec's messages quote it."""

PLAIN_PATTERNS: Final = {
    _TEXT: r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
    _SOME_TEXT: r"^[^\S\x0b\x0c]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
    _LINE: r"^[^\x00-\x1f\x7f]*$",
    _SOME_LINE: r"^[^\S\x00-\x1f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",
    _CURRENCY: _CURRENCY.removesuffix(r"(?!\n)"),
    _EMAIL: _EMAIL.removesuffix(r"(?!\n)"),
    NO_NUL: r"^[^\x00]*$",
}
"""What is published of each pattern: clients are made in languages that know no look-ahead, and have no characters beyond 16 bits in
a class. All that the pattern takes, its plain form takes too; what more it takes is refused here."""

Title: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=_SOME_LINE)]
Line: TypeAlias = Annotated[str, Meta(max_length=200, pattern=_LINE)]
Text: TypeAlias = Annotated[str, Meta(max_length=20_000, pattern=_TEXT)]
Note: TypeAlias = Annotated[str, Meta(min_length=1, max_length=5_000, pattern=_SOME_TEXT)]
LONGEST_SKILL: Final = 200
Skill: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_SKILL, pattern=_SOME_LINE)]
Skills: TypeAlias = Annotated[tuple[Skill, ...], Meta(max_length=50)]
Years: TypeAlias = Annotated[int, Meta(ge=0, le=60)]
Money: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Currency: TypeAlias = Annotated[str, Meta(pattern=_CURRENCY)]
Openings: TypeAlias = Annotated[int, Meta(ge=1, le=1_000)]
Criterion: TypeAlias = Annotated[str, Meta(min_length=1, max_length=60, pattern=_SOME_LINE)]
Points: TypeAlias = Annotated[int, Meta(ge=1, le=5)]
Ratings: TypeAlias = Annotated[dict[Criterion, Points], Meta(min_length=1, max_length=20)]
Email: TypeAlias = Annotated[str, Meta(max_length=254, pattern=_EMAIL)]
Password: TypeAlias = Annotated[str, Meta(min_length=8, max_length=1024)]
Name: TypeAlias = Title
Word: TypeAlias = Annotated[str, Meta(max_length=200, pattern=NO_NUL)]


_LINES: Final = ("title", "location", "name", "company_name", "source")


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body; a field that it does not know is refused, so that a typing mistake is not lost.

    Names and titles are taken with letters composed (NFC), however the client's keyboard made them: `ë` is found by `ë`."""

    def __post_init__(self) -> None:
        for field in _LINES:
            given = getattr(self, field, None)
            if isinstance(given, str) and not given.isascii():
                force_setattr(self, field, composed(given))


class SkillsBody(Body, frozen=True):
    """A body that names skills, in `skills` or `must_have_skills`: they are taken in plain letters."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("skills", "must_have_skills"):
            given = getattr(self, field, UNSET)
            if given is not UNSET and not "".join(given).isascii():
                force_setattr(self, field, tuple(map(plain_letters, given)))


def plain_letters(skill: str) -> str:
    """A skill in plain letters (NFKC), as texts are searched for it; as it is where that would be too long."""
    plain = unicodedata.normalize("NFKC", skill)
    return plain if len(plain) <= LONGEST_SKILL else skill
