"""Requests of a process that wait for PostgreSQL go there together: a bounded queue, a few connections, one trip per batch."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec
import psycopg
from psycopg import errors

from application.recorded import LogUnavailable
from infrastructure.log.connection import Link

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
Connection: TypeAlias = psycopg.AsyncConnection[object]

_GIVEN_UP: Final = (errors.LockNotAvailable, errors.QueryCanceled, errors.DiskFull, errors.OutOfMemory)
"""The connection is as good as before, and another one would fare no better."""

_RETRY_DELAYS: Final = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0)
_PATIENCE_SECONDS: Final = 4.0
"""A batch that has taken so long is not sent again: whoever waits for it has waited enough."""

_BATCH_BYTES: Final = 16 << 20
_QUEUE_BYTES: Final = 256 << 20


class _Waiting(msgspec.Struct, Generic[RequestT, AnswerT]):
    request: RequestT
    size: int
    answer: asyncio.Future[AnswerT]


class GroupQueue(ABC, Generic[RequestT, AnswerT]):
    """Answers requests in batches; `workers` is how many connections share the work.

    `queue_limit` bounds how many requests wait (beyond it `LogUnavailable` at once), `batch_limit` how many go together. A
    lost connection is replaced and the batch sent again; what the server refuses is found by halving the batch. A batch for which
    the server gave up is not sent again.
    """

    def __init__(self, database_url: str, *, workers: int, queue_limit: int, batch_limit: int) -> None:
        self._database_url = database_url
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._queue: deque[_Waiting[RequestT, AnswerT]] = deque()
        self._queued_bytes = 0
        self._idle: deque[asyncio.Future[None]] = deque()
        self._closing = False
        self._reachable = True
        self._working = workers
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._work()) for _ in range(workers)]

    @property
    def queued(self) -> int:
        """How many requests wait for a trip."""
        return len(self._queue)

    @abstractmethod
    async def _send(
        self, connection: Connection, requests: Sequence[RequestT]
    ) -> Sequence[AnswerT | Exception]:
        """One batch; its answers in order. It may have been sent before, with an unknown outcome."""

    def _ask(self, request: RequestT, size: int = 0) -> asyncio.Future[AnswerT]:
        """What will be the answer to a request of `size` bytes. Raises `LogUnavailable` at once when too many wait."""
        if self._closing:
            raise LogUnavailable("the log is closed")
        if len(self._queue) >= self._queue_limit or self._queued_bytes + size > _QUEUE_BYTES:
            raise LogUnavailable("too much waits for the log")
        answer: asyncio.Future[AnswerT] = self._loop.create_future()
        self._queue.append(_Waiting(request, size, answer))
        self._queued_bytes += size
        self._wake_one()
        return answer

    async def close(self) -> None:
        """Answer what waits, then stop."""
        self._closing = True
        for _ in self._tasks:
            self._wake_one()
        await asyncio.wait(self._tasks)

    def _wake_one(self) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return

    def _take(self) -> list[_Waiting[RequestT, AnswerT]]:
        """The next batch, without requests that nobody waits for any more."""
        batch: list[_Waiting[RequestT, AnswerT]] = []
        size = 0
        while self._queue and len(batch) < self._batch_limit and size < _BATCH_BYTES:
            waiting = self._queue.popleft()
            self._queued_bytes -= waiting.size
            if not waiting.answer.done():
                batch.append(waiting)
                size += waiting.size
        return batch

    async def _work(self) -> None:
        link = Link(self._database_url)
        batch: list[_Waiting[RequestT, AnswerT]] = []
        try:
            while self._queue or not self._closing:
                batch = self._take()
                if batch:
                    await self._answer(link, batch)
                elif not self._closing:
                    idle = asyncio.get_running_loop().create_future()
                    self._idle.append(idle)
                    await idle
        finally:
            self._working -= 1
            if not self._working:
                self._closing = True
                batch += self._queue
                self._queue.clear()
            _tell(batch, LogUnavailable("the log was closed"))
            await link.close()

    async def _answer(self, link: Link, batch: list[_Waiting[RequestT, AnswerT]]) -> None:
        """Send a batch until it is answered or the server stays out of reach."""
        error: Exception | None = None
        began = self._loop.time()
        for delay in _RETRY_DELAYS if self._reachable else _RETRY_DELAYS[:1]:
            if delay:
                await asyncio.sleep(delay)
            try:
                answers = await self._send(await link.connection(), [waiting.request for waiting in batch])
            except _GIVEN_UP as given_up:
                _tell(batch, LogUnavailable(f"the server gave up: {given_up}"))
                return
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as lost:
                error = lost
                await link.close()
                if self._loop.time() - began > _PATIENCE_SECONDS:
                    break
            except Exception as refused:  # noqa: BLE001 (whatever it is, every request must be answered)
                await self._find_refused(link, batch, refused)
                return
            else:
                self._reachable = True
                for waiting, answer in zip(batch, answers, strict=True):
                    _tell_one(waiting, answer)
                return
        self._reachable = False
        _tell(batch, LogUnavailable(f"the log is out of reach: {error}"))

    async def _find_refused(
        self, link: Link, batch: list[_Waiting[RequestT, AnswerT]], refused: Exception
    ) -> None:
        if len(batch) == 1:
            _tell(batch, ValueError(str(refused)) if isinstance(refused, psycopg.DataError) else refused)
            return
        half = len(batch) // 2
        await self._answer(link, batch[:half])
        await self._answer(link, batch[half:])


def _tell(batch: Sequence[_Waiting[RequestT, AnswerT]], error: Exception) -> None:
    for waiting in batch:
        _tell_one(waiting, error)


def _tell_one(waiting: _Waiting[RequestT, AnswerT], answer: AnswerT | Exception) -> None:
    future = waiting.answer
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
        # Whoever asked may have gone away meanwhile.
        future.exception()
    else:
        future.set_result(answer)
