"""What every answer says besides its content: how a browser must treat it, and the name of its request."""

import os
import time
from itertools import count
from typing import Final, cast

import structlog
from litestar.types import Message, Scope

from api.throttle import ALLOWANCE
from infrastructure.identity.rate_limits import Allowance

_REQUEST_ID: Final = "hirelog_request_id"

# A page or a file that says something else keeps what it says.
PROTECTION: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_CROSS_ORIGIN: Final = (b"cross-origin-resource-policy", b"cross-origin")
_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")


class ResponseHeaders:
    """Completes the head of every answer, errors included. `secure`: the public address is an https one; `cross_origin`: pages
    of other origins may read answers (CORS decides which)."""

    def __init__(self, *, secure: bool, cross_origin: bool) -> None:
        protection = dict(PROTECTION) | (dict([_CROSS_ORIGIN]) if cross_origin else {})
        self._headers = (*protection.items(), *([_TRANSPORT] if secure else []))

    async def __call__(self, message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = cast("list[tuple[bytes, bytes]]", message["headers"])
        said = {name.lower() for name, _ in headers}
        headers += [header for header in self._headers if header[0] not in said]
        known = cast("dict[str, object]", scope)
        name = known.get(_REQUEST_ID)
        if name is not None:
            headers.append((b"x-request-id", str(name).encode()))
        allowance = known.get(ALLOWANCE)
        if isinstance(allowance, Allowance) and b"ratelimit-limit" not in said:
            headers += rate_limit_headers(allowance)


def rate_limit_headers(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """What is left, in requests and seconds."""
    return [
        (b"ratelimit-limit", b"%d" % allowance.limit),
        (b"ratelimit-remaining", b"%d" % max(0, allowance.remaining)),
        (b"ratelimit-reset", b"%d" % allowance.reset),
    ]


class RequestIds:
    """Names for the requests of one process: unlike those of any other, in the order of their arrival."""

    def __init__(self) -> None:
        self._process = f"{int(time.time()):x}{os.urandom(4).hex()}"
        self._numbers = count(1)

    def name(self, scope: Scope) -> None:
        """Give a request its name, in its scope and in all that is logged while it is answered."""
        name = f"{self._process}-{next(self._numbers):x}"
        cast("dict[str, object]", scope)[_REQUEST_ID] = name
        structlog.contextvars.bind_contextvars(request_id=name)
