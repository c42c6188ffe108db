"""Group read: concurrent reads of a process share one trip to PostgreSQL."""

import asyncio
from collections import deque
from typing import Final

import msgspec
import psycopg
from psycopg.pq.abc import PGresult

from application.recorded import LogUnavailable
from infrastructure.log_reading import Call
from infrastructure.pipeline import run

_ATTEMPTS: Final = 3
_BATCH_LIMIT: Final = 64


class _Waiting(msgspec.Struct):
    call: Call
    result: asyncio.Future[PGresult]


class GroupRead:
    """Runs single statements, many per trip; `readers` is how many connections share the work."""

    def __init__(self, database_url: str, *, queue_limit: int = 10_000, readers: int = 2) -> None:
        self._database_url = database_url
        self._queue_limit = queue_limit
        self._queue: deque[_Waiting] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._closing = False
        self._tasks = [asyncio.create_task(self._read_forever()) for _ in range(readers)]

    async def read(self, call: Call) -> PGresult:
        """The statement's result. Raises `LogUnavailable` when overloaded or without a database."""
        if self._closing or len(self._queue) >= self._queue_limit:
            raise LogUnavailable("too many reads are waiting")
        waiting = _Waiting(call, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake_one()
        return await waiting.result

    def _wake_one(self) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return

    async def close(self) -> None:
        self._closing = True
        for _ in self._tasks:
            self._wake_one()
        await asyncio.gather(*self._tasks)

    async def _read_forever(self) -> None:
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
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH_LIMIT))]
                connection = await self._read(connection, batch)
        finally:
            if connection is not None:
                await connection.close()

    async def _read(
        self, connection: psycopg.AsyncConnection[object] | None, batch: list[_Waiting]
    ) -> psycopg.AsyncConnection[object] | None:
        error: psycopg.Error | None = None
        for attempt in range(_ATTEMPTS):
            try:
                if connection is None:
                    connection = await psycopg.AsyncConnection.connect(self._database_url, autocommit=True)
                results = await run(connection, [waiting.call for waiting in batch])
            except psycopg.Error as failed:
                error = failed
                if connection is not None:
                    await connection.close()
                connection = None
                await asyncio.sleep(0.1 * attempt)
                continue
            for waiting, result in zip(batch, results, strict=True):
                if not waiting.result.done():
                    waiting.result.set_result(result)
            return connection
        for waiting in batch:
            if not waiting.result.done():
                waiting.result.set_exception(LogUnavailable(f"the log cannot be read: {error}"))
        return None
