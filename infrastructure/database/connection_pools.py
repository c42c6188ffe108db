"""The connections of a process to what is not appended in groups. They commit each statement by itself, outside of a transaction."""

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, Connection, errors, pq
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infrastructure.log.connection import PromptConnection, session_conninfo, settle, settle_sync

_MAIL_CONNECTIONS: Final = 3
"""Nobody holds one while talking to a mail server: these are enough for many mails at a time."""

_RENEWAL_SECONDS: Final = 5.0
"""How often, at the most, all connections are replaced: while the database takes no writes, new ones are no better."""

_WAIT_SECONDS: Final = 5.0
"""How long whoever needs a connection waits for one, and how long the pool goes on trying to make it: the next who needs one has it
tried at once. Its pauses double, and else it would stay away for minutes after a database that was away for minutes."""


class ReadOnlyDatabase(psycopg.OperationalError):
    """The database takes no writes now, as during a failover."""


class Pool(ConnectionPool[Connection[Any]]):
    """Passes over connections that were cut while nobody used them, and keeps none on which the database took no writes.

    A session that began while the database was read-only stays so when the database no longer is. The pool's own `check` would
    pass over what was cut too, but it waits for a second and longer after each.
    """

    _renewed_at = float("-inf")

    @contextmanager
    def connection(self, timeout: float | None = None) -> Generator[Connection[Any]]:
        with super().connection(timeout) as connection:
            try:
                yield connection
            except errors.ReadOnlySqlTransaction as refused:
                connection.close()
                if time.monotonic() - self._renewed_at > _RENEWAL_SECONDS:
                    self._renewed_at = time.monotonic()
                    self.drain()
                raise ReadOnlyDatabase("the database takes no writes") from refused

    def getconn(self, timeout: float | None = None) -> Connection[Any]:
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            connection = super().getconn(deadline - time.monotonic())
            if not _was_cut(connection.pgconn):
                return connection
            self.putconn(connection)


class AsyncPool(AsyncConnectionPool[AsyncConnection[Any]]):
    """`Pool` for asynchronous code."""

    _renewed_at = float("-inf")

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncGenerator[AsyncConnection[Any]]:  # noqa: ASYNC109 (as the pool has it)
        async with super().connection(timeout) as connection:
            try:
                yield connection
            except errors.ReadOnlySqlTransaction as refused:
                await connection.close()
                if time.monotonic() - self._renewed_at > _RENEWAL_SECONDS:
                    self._renewed_at = time.monotonic()
                    await self.drain()
                raise ReadOnlyDatabase("the database takes no writes") from refused

    async def getconn(self, timeout: float | None = None) -> AsyncConnection[Any]:  # noqa: ASYNC109 (as the pool has it)
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            connection = await super().getconn(deadline - time.monotonic())
            if not _was_cut(connection.pgconn):
                return connection
            await self.putconn(connection)


def _was_cut(pgconn: pq.abc.PGconn) -> bool:
    """Whether the other side has closed an idle connection, as far as is known here: the server is not asked."""
    try:
        # First comes why the server closes, then the end.
        pgconn.consume_input()
        pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return pgconn.status != pq.ConnStatus.OK


def api_pool(database_url: str, size: int) -> AsyncPool:
    """A pool of at most `size` connections for `infrastructure.database.tenant_walls`, to be opened; the database may be away as yet."""
    return AsyncPool(
        session_conninfo(database_url, prompt=True, by_index=True),
        connection_class=PromptConnection,
        min_size=1,
        max_size=size,
        timeout=_WAIT_SECONDS,
        reconnect_timeout=_WAIT_SECONDS,
        open=False,
        configure=settle,
        kwargs={"autocommit": True},
    )


def projection_pool(database_url: str, size: int) -> Pool:
    """An open pool of at most `size` connections for `infrastructure.log.pipeline`; the database may be away as yet."""
    return _pool(database_url, "projections", size, prepare_threshold=None)


def mail_pool(database_url: str) -> Pool:
    """An open pool of few connections that prepare every statement; the database may be away as yet."""
    return _pool(database_url, "mail", _MAIL_CONNECTIONS, prepare_threshold=0)


def _pool(database_url: str, name: str, size: int, *, prepare_threshold: int | None) -> Pool:
    return Pool(
        session_conninfo(database_url, by_index=True),
        min_size=1,
        max_size=max(1, size),
        timeout=_WAIT_SECONDS,
        reconnect_timeout=_WAIT_SECONDS,
        open=True,
        name=name,
        configure=settle_sync,
        kwargs={"autocommit": True, "prepare_threshold": prepare_threshold},
    )
