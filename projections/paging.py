"""Keyset paging: a page of items and the opaque place after it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

ItemT = TypeVar("ItemT")
PlaceT = TypeVar("PlaceT")


class InvalidCursor(ValueError):
    """The cursor was not made here, or for another order."""


class Page(msgspec.Struct, Generic[ItemT], frozen=True):
    """Some items of a list in its order; `next` is the cursor of the rest, null when there is no more."""

    items: list[ItemT]
    next: str | None = None


def encode_cursor(sort: str, place: object, item_id: UUID) -> str:
    """The cursor after an item that stands at `place` in the order `sort`."""
    return urlsafe_b64encode(msgspec.json.encode((sort, place, item_id))).rstrip(b"=").decode()


def decode_cursor(cursor: str, sort: str, place: type[PlaceT]) -> tuple[PlaceT, UUID]:
    """The place and the id in a cursor. Raises `InvalidCursor` if it is not one of this order."""
    try:
        data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        encoded_for, raw, item_id = msgspec.json.decode(data, type=tuple[str, msgspec.Raw, UUID])
        found = msgspec.json.decode(raw, type=place)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidCursor("not a cursor of this list") from error
    if encoded_for != sort:
        raise InvalidCursor(f"the cursor belongs to the order {encoded_for!r}")
    return found, item_id
