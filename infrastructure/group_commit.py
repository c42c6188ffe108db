"""Group commit: concurrent appends of a process are written together, many per transaction, in one bounded queue."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from application.recorded import Append, Appended, LogUnavailable, VersionConflict
from infrastructure.log_writer import write

Outcome = Appended | VersionConflict | BaseException
Committed = Callable[[set[UUID]], None]

_RECONNECT_DELAYS: Final = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0)


class _Waiting(msgspec.Struct):
    append: Append
    outcome: asyncio.Future[Appended]


async def connect(database_url: str) -> psycopg.AsyncConnection[object]:
    """A connection for `infrastructure.pipeline`."""
    return await psycopg.AsyncConnection.connect(database_url, autocommit=True)


class GroupCommit:
    """Writes appends; `append` returns once they are durable.

    `queue_limit` bounds what waits (beyond it `LogUnavailable` at once), `batch_limit` what one transaction writes.
    `committed` is told which tenants have new events after each commit.
    """

    def __init__(
        self,
        database_url: str,
        *,
        queue_limit: int = 10_000,
        batch_limit: int = 256,
        writers: int = 1,
        committed: Committed | None = None,
    ) -> None:
        self._database_url = database_url
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._committed = committed
        self._queue: deque[_Waiting] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._closing = False
        self._tasks = [asyncio.create_task(self._write_forever()) for _ in range(writers)]
        self.batches = 0
        self.appends = 0

    @property
    def queued(self) -> int:
        """How many appends wait for a transaction."""
        return len(self._queue)

    async def append(self, append: Append) -> Appended:
        """Write durably. Raises `VersionConflict`, or `LogUnavailable` (then the outcome may be unknown: repeat it with
        the same command id)."""
        if self._closing or len(self._queue) >= self._queue_limit:
            raise LogUnavailable("the log's queue is full")
        waiting = _Waiting(append, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                break
        return await asyncio.shield(waiting.outcome)

    async def close(self) -> None:
        """Write what waits, then stop."""
        self._closing = True
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
        await asyncio.gather(*self._tasks)

    async def _write_forever(self) -> None:
        connection: psycopg.AsyncConnection[object] | None = None
        try:
            while True:
                if not self._queue:
                    if self._closing:
                        return
                    idle = asyncio.get_running_loop().create_future()
                    self._idle.append(idle)
                    await idle
                    continue
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_limit))]
                connection = await self._write(connection, batch)
        finally:
            if connection is not None:
                await connection.close()

    async def _write(
        self, connection: psycopg.AsyncConnection[object] | None, batch: list[_Waiting]
    ) -> psycopg.AsyncConnection[object] | None:
        """Write a batch and tell each of its appends; after a lost connection, ask the log what became of it."""
        appends = [waiting.append for waiting in batch]
        error: Exception | None = None
        for delay in _RECONNECT_DELAYS:
            if delay:
                await asyncio.sleep(delay)
            try:
                if connection is None:
                    connection = await connect(self._database_url)
                outcomes = await write(connection, appends)
            except psycopg.OperationalError as lost:
                error = lost
                if connection is not None:
                    with suppress(psycopg.Error):
                        await connection.close()
                connection = None
                continue
            except (psycopg.Error, ValueError, TypeError, OverflowError) as refused:
                if connection is not None:
                    await connection.close()
                connection = None
                if len(batch) == 1:
                    self._tell(batch, [refused])
                    return None
                for waiting in batch:
                    connection = await self._write(connection, [waiting])
                return connection
            self._tell(batch, outcomes)
            return connection
        unavailable = LogUnavailable(f"the log is out of reach: {error}")
        self._tell(batch, [unavailable] * len(batch))
        return None

    def _tell(self, batch: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
        tenants: set[UUID] = set()
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Appended):
                tenants.add(waiting.append.tenant_id)
                if not waiting.outcome.done():
                    waiting.outcome.set_result(outcome)
            elif not waiting.outcome.done():
                waiting.outcome.set_exception(outcome)
                waiting.outcome.exception()
        self.batches += 1
        self.appends += len(batch)
        if tenants and self._committed is not None:
            self._committed(tenants)
