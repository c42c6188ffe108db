"""A load client in one process: keep-alive connections, requests built beforehand, the least possible parsing.

Every request of a run may differ (another token, URL or body), which the usual load generators make awkward.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec

from benchmarks.sample import Sample, sample

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_EMPTY: Final = frozenset({204, 304})


class Measured(msgspec.Struct):
    """What came back: latencies in seconds of all answers, how often each status, how long the run took."""

    latencies: list[float] = []
    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    seconds: float = 0.0
    refusals: list[bytes] = []

    @property
    def sample(self) -> Sample:
        """Throughput and latencies."""
        return sample(self.latencies, self.seconds)

    def expect(self, *statuses: int) -> "Measured":
        """Itself, if nothing else was answered; otherwise raises `RuntimeError` with an example."""
        if unexpected := set(self.statuses) - set(statuses):
            raise RuntimeError(
                f"unexpected {sorted(unexpected)} in {dict(self.statuses)}: {self.refusals[:1]}"
            )
        return self


Answered = Callable[[int, bytes, float], None]


def request(method: str, path: str, *, token: str | None = None, body: object = None) -> bytes:
    """One HTTP/1.1 request; `body` is encoded as JSON."""
    lines = [f"{method} {path} HTTP/1.1", "host: benchmark", "accept: application/json"]
    if token is not None:
        lines.append(f"authorization: Bearer {token}")
    content = b"" if body is None else msgspec.json.encode(body)
    if content:
        lines += ["content-type: application/json", f"content-length: {len(content)}"]
    elif method != "GET":
        lines.append("content-length: 0")
    return "\r\n".join(lines).encode() + _HEAD_END + content


async def closed_loop(
    url: str,
    requests: Iterator[bytes],
    *,
    connections: int = 32,
    seconds: float | None = None,
    answered: Answered | None = None,
) -> Measured:
    """Each connection sends its next request when the last one is answered, until time or requests run out.

    `answered(status, body, moment)` is called for each answer, with `time.perf_counter()` at its arrival.
    """
    measured = Measured()
    began = time.perf_counter()
    deadline = began + (seconds if seconds is not None else 86_400)

    async def client() -> None:
        connection = await _connect(url)
        try:
            for content in requests:
                sent = time.perf_counter()
                if sent >= deadline:
                    return
                _take(measured, await connection.answer(content), sent, answered)
        finally:
            connection.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    measured.seconds = time.perf_counter() - began
    return measured


async def open_loop(
    url: str,
    requests: Iterator[bytes],
    *,
    per_second: float,
    seconds: float,
    connections: int = 32,
    answered: Answered | None = None,
) -> Measured:
    """Send at a fixed rate whatever the server does; latencies count from the moment a request was due."""
    measured = Measured()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    opened = [await _connect(url) for _ in range(connections)]
    for connection in opened:
        free.put_nowait(connection)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as running:
        for number in range(round(per_second * seconds)):
            due = began + number / per_second
            await asyncio.sleep(due - time.perf_counter())
            content = next(requests, None)
            if content is None:
                break
            running.create_task(_send(free, measured, content, due, answered))
    measured.seconds = time.perf_counter() - began
    for connection in opened:
        connection.close()
    return measured


async def _send(
    free: "asyncio.Queue[Connection]",
    measured: Measured,
    content: bytes,
    due: float,
    answered: Answered | None,
) -> None:
    connection = await free.get()
    try:
        _take(measured, await connection.answer(content), due, answered)
    finally:
        free.put_nowait(connection)


def _take(measured: Measured, answer: tuple[int, bytes], since: float, answered: Answered | None) -> None:
    now = time.perf_counter()
    status, body = answer
    measured.latencies.append(now - since)
    measured.statuses[status] += 1
    if status >= 400 and len(measured.refusals) < 5:
        measured.refusals.append(body[:300])
    if answered is not None:
        answered(status, body, now)


async def _connect(url: str) -> "Connection":
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, parts.hostname or "127.0.0.1", parts.port or 80)
    return connection


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and does not say so

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(_HEAD_END)
        if head_end < 0:
            return
        status = int(self._buffer[9:12])
        start = head_end + len(_HEAD_END)
        end = start if status in _EMPTY else start + self._length(head_end)
        if len(self._buffer) < end:
            return
        body, self._buffer = self._buffer[start:end], b""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result((status, body))

    def answer(self, content: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request; its status and body."""
        if self._transport.is_closing():
            raise ConnectionError("the server closed the connection")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        return self._waiting

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def _length(self, head_end: int) -> int:
        """The length of the body. Raises `ValueError` for an answer that does not say it."""
        head = self._buffer[:head_end]
        at = head.find(_LENGTH)
        if at < 0:
            head = head.lower()
            at = head.index(_LENGTH)
        line_end = head.find(b"\r\n", at)
        return int(head[at + len(_LENGTH) : line_end if line_end > 0 else head_end])
