"""HTTP as uvicorn speaks it, with a bound on how long a client may take to send what it began."""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, cast

import msgspec
from litestar import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.http.joined_writes import JoinedWrites
from api.http.problems import incomplete, problem
from api.http.response_headers import PROTECTION


class TimedHttp(HttpToolsProtocol):
    """Lets go of who connects and asks nothing, or stops within a request's head or body; who asked gets a 408 problem.

    It looks at its connection every `seconds`; what was unfinished at the look before and still is has taken too long. So a
    request may take that once or twice, and those that come whole pay nothing. A body has one more look for every
    `bytes_a_look` of the length that it declares.
    """

    seconds: ClassVar[float] = 15.0
    bytes_a_look: ClassVar[int] = 300_000

    _next_look: asyncio.TimerHandle | None = None
    _unfinished: object = None
    _looks = 1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self.transport = JoinedWrites(transport, self.loop)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._next_look is not None:
            self._next_look.cancel()

    def _look_later(self) -> None:
        self._next_look = self.loop.call_later(self.seconds, self._look)

    def _look(self) -> None:
        if self._is_whole() or self.flow.read_paused:  # paused: it is we who keep the client waiting
            self._looks = 0
        elif self._unfinished is not self.scope:
            self._unfinished, self._looks = self.scope, 1
        elif self._looks > self._further_looks():
            self._let_go()
            return
        else:
            self._looks += 1
        self._look_later()

    def _cycle(self) -> RequestResponseCycle | None:
        """The request whose head came last; None before the first."""
        return cast("RequestResponseCycle | None", self.cycle)

    def _has_half_a_head(self) -> bool:
        cycle = self._cycle()
        return cast("object", self.scope) is not (None if cycle is None else cycle.scope)

    def _is_whole(self) -> bool:
        cycle = self._cycle()
        return cycle is not None and not cycle.more_body and not self._has_half_a_head()

    def _further_looks(self) -> int:
        cycle = self._cycle()
        if cycle is None or cycle.response_complete or self._has_half_a_head():
            return 0
        length = next((int(value) for name, value in self.headers if name == b"content-length"), 0)
        return length // self.bytes_a_look

    def _let_go(self) -> None:
        cycle = self._cycle()
        is_asking = self._has_half_a_head()
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or not cycle.more_body:
                cycle.keep_alive = False
                return
            cycle.disconnected = True
            cycle.message_event.set()
            is_asking = True
        if is_asking:
            self.transport.write(_answer(incomplete()))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (as uvicorn's)
        """To what is no HTTP."""
        self.transport.write(_answer(problem(400, "malformed", "This is no HTTP request.")))
        self.transport.close()


def _answer(said: Response[Any]) -> bytes:
    content = msgspec.json.encode(said.content)
    status = HTTPStatus(said.status_code or HTTPStatus.BAD_REQUEST)
    head = (
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(content)),
        (b"connection", b"close"),
        *PROTECTION,
    )
    first = f"HTTP/1.1 {status.value} {status.phrase}".encode()
    return b"\r\n".join((first, *(b"%s: %s" % field for field in head), b"", content))
