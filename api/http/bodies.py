"""Request bodies: what form and size they may have, and how JSON is read straight into the type that a handler declares."""

import json
from functools import cache
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.handlers import BaseRouteHandler

from api.http.invalid_fields import InvalidField, invalid
from api.http.problems import ProblemError, not_valid
from api.throttle import AnyConnection

BODY_BYTES: Final = 1_000_000
_MEDIA_TYPES: Final = ("application/json",)


async def body_guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """A body must be what the handler reads: JSON, unless it says `media_types=...`, not packed, and not too large. Where nothing
    is read, nothing may be said."""
    headers = connection.headers
    length = headers.get("content-length", "0")
    if length == "0" and "transfer-encoding" not in headers:
        return
    most: int = handler.opt.get("body_bytes", BODY_BYTES)
    if length.isdigit() and int(length) > most:
        raise ProblemError(413, "too_large", f"A body has at most {most} bytes.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ProblemError(
            415, "unsupported_media_type", "The body must come as it is, without Content-Encoding."
        )
    wanted: tuple[str, ...] = handler.opt.get("media_types", _MEDIA_TYPES)
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in wanted:
        raise ProblemError(415, "unsupported_media_type", f"The body must be {' or '.join(wanted)}.")
    if wanted == _MEDIA_TYPES and isinstance(connection, BodyRequest) and handler.parsed_data_field is None:
        _read(await connection.body() or b"{}", _Nothing)


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body without fields."""


class BodyRequest(Request[Any, Any, Any]):
    """A request whose JSON is decoded in one step and strictly: `"3"` is no number."""

    __slots__ = ()

    async def json(self) -> Any:
        """The body as the handler's `data`. Raises a 400 problem."""
        field = self.route_handler.parsed_data_field
        return _read(await self.body(), Any if field is None else field.annotation)


def _read(body: bytes, wanted: object) -> Any:
    decoder = _decoder(wanted)
    try:
        decoded = decoder.decode(body)
        as_written = _encode(_decode(body)) == body
    except msgspec.ValidationError as error:
        raise not_valid(invalid(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(400, "malformed", "The body is not JSON.", [_malformed(error)]) from error
    if not as_written:
        _without_duplicates.decode(body.decode())
    return decoded


def _once_each(pairs: list[tuple[str, Any]]) -> None:
    """A name that comes twice in an object would lose what it said first. Raises a 400 problem."""
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        twice = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise not_valid(InvalidField(twice, "given twice"))


_without_duplicates: Final = json.JSONDecoder(object_pairs_hook=_once_each)
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
"""What comes out of both as it went in, as from most clients, names nothing twice: a dict has each name once."""


@cache
def _decoder(wanted: object) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


def _malformed(error: Exception) -> InvalidField:
    match error:
        case RecursionError():
            reason = "nested too deeply"
        case UnicodeDecodeError():
            reason = "not UTF-8"
        case _:
            reason = str(error)
    return InvalidField("$", reason)
