"""An answer of a command: JSON, encoded and sent with the least there is to do."""

from typing import Any, Final, TypeVar

import msgspec
from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

ContentT = TypeVar("ContentT")

_encode: Final = msgspec.json.Encoder().encode


class EncodedResponse(Response[ContentT]):
    """A JSON answer with a status, and headers named in lower case. Of what else a response may have (cookies, background tasks,
    other media types) it has nothing, and so skips what Litestar does about it."""

    __slots__ = ()

    def to_asgi_response(
        self,
        app: object,  # noqa: ARG002 (as Litestar calls it)
        request: Request[Any, Any, Any],  # noqa: ARG002
        *,
        status_code: int | None = None,
        **_others: object,
    ) -> ASGIResponse:
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        return _Encoded(self.status_code or status_code or 200, headers, _encode(self.content))


class _Encoded(ASGIResponse):
    __slots__ = ("_head",)

    def __init__(self, status_code: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._head = [
            *headers,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        self.status_code = status_code
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (as ASGI calls it)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._head})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
