"""What is wrong with a request, field by field, in words."""

import re
from typing import Final

import msgspec

from api.http.fields import REASONS


class InvalidField(msgspec.Struct, frozen=True):
    """What is wrong with one field (`$` is the whole body)."""

    field: str
    reason: str


_PLACE: Final = re.compile(r"^(?P<reason>.*?) - at (?:`key` in )?`\$?\.?(?P<field>.*)`$", re.DOTALL)
_PATTERN: Final = re.compile(r"Expected `str` matching regex (?P<pattern>.*)", re.DOTALL)
_NAMED: Final = re.compile(r"(?P<reason>unknown field|missing required field) `(?P<field>.*?)`", re.DOTALL)
_LONGEST: Final = 200


def invalid(message: str, field: str = "") -> InvalidField:
    """The field and the reason in a message of msgspec; `field` is where it was found, if that is known already.

    What the client sent is quoted only so far.
    """
    place = _PLACE.match(message)
    reason = place["reason"] if place else message
    where = field or (place["field"] if place else "")
    if (named := _NAMED.search(reason)) is not None:
        inner = named["field"][:_LONGEST]
        return InvalidField((f"{where}.{inner}" if where else inner) or "$", named["reason"])
    if (pattern := _PATTERN.match(reason)) is not None:
        reason = REASONS.get(pattern["pattern"], "not of the documented form")
    return InvalidField(where or "$", reason.replace("`", "").replace("Expected", "expected")[:_LONGEST])
