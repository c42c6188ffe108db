"""The types of what a client may send, bounded once. PostgreSQL has no NUL in a text and no integer above 64 bits."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

_NO_CONTROL = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*\Z"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*\Z"
_NOT_BLANK = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z"

Title: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NOT_BLANK)]
Line: TypeAlias = Annotated[str, Meta(max_length=200, pattern=_ONE_LINE)]
Text: TypeAlias = Annotated[str, Meta(max_length=20_000, pattern=_NO_CONTROL)]
Note: TypeAlias = Annotated[str, Meta(min_length=1, max_length=5_000, pattern=_NO_CONTROL)]
Skill: TypeAlias = Annotated[str, Meta(min_length=1, max_length=80, pattern=_NOT_BLANK)]
Skills: TypeAlias = Annotated[tuple[Skill, ...], Meta(max_length=50)]
Years: TypeAlias = Annotated[int, Meta(ge=0, le=60)]
Money: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Currency: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Openings: TypeAlias = Annotated[int, Meta(ge=1, le=1_000)]
Email: TypeAlias = Annotated[
    str,
    Meta(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]+\Z"),
]
Password: TypeAlias = Annotated[str, Meta(min_length=8, max_length=1024)]
Name: TypeAlias = Title


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body; a field that it does not know is refused, so that a typing mistake is not lost."""
