"""Connections to the log that notice within seconds that their server is gone or does not answer, and whose sessions are as our
statements need them.

psycopg prepares nothing on them by itself: it would forget its statements with DEALLOCATE ALL, and ours with them.
"""

import asyncio
import os
from contextlib import suppress
from typing import Any, Final, LiteralString, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.waiting import wait_async

_TIMEOUTS: Final = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

_IF_WE_VANISH: Final = (
    "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=15s"
)
"""The same for the server: a machine that is gone says no good-bye, and what it had locked stayed so for two hours."""

_MARK: Final = "hirelog.session"
_SESSION: Final = rf"-c timezone=UTC -c datestyle=ISO -c default_transaction_isolation=read\ committed -c row_security=on -c {_MARK}=ours"
"""Times are told in UTC, psycopg reads no other style of dates, a stricter isolation would refuse some statements, and without
row-level security all. A server, a database or a role may be set to something else: initdb takes the time zone of its machine. The
mark shows that all of it came."""

_SETTLE: Final[LiteralString] = f"""
select current_setting('{_MARK}', true) is not distinct from 'ours',
       case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', false) end
"""
"""What is acknowledged is kept, whatever the server is set to; which standbys are waited for is left to it."""

_PROMPT: Final = "-c lock_timeout=5s -c statement_timeout=10s -c idle_in_transaction_session_timeout=30s"
"""Somebody waits for the answer. What the server gives up itself is not written later, unheard; and whoever stops in the middle of
a transaction lets go what it has locked."""

_BY_INDEX: Final = "-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off"
"""What is asked is found by an index. PostgreSQL cannot know: without statistics (a new or a restored database), or with those of
tables that were short, it read all there was. `jit`, because PostgreSQL before 18 counts what is off as work."""

_IN_ORDER: Final = "-c enable_sort=off"
"""Whatever a log is asked also stands in one of its indexes in the order that is asked for, and PostgreSQL took the other index, and
sorted: each append read the tenant's whole log (18 appends after 10,000 events: 59 ms)."""

_LOOK_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 0.5

AnswerT = TypeVar("AnswerT")


class SettingsLost(psycopg.OperationalError):
    """What sessions are to be set to does not reach the server. Nor would whose rows are shown, behind a pooler that shares sessions."""

    def __init__(self) -> None:
        super().__init__(
            "a pooler in between, like PgBouncer, drops the settings of our sessions: give the address of PostgreSQL itself"
        )


async def settle(connection: psycopg.AsyncConnection[Any]) -> None:
    """See to it that a new session is as our statements need it. Raises `SettingsLost`, and closes a connection, whose session is
    not set to what `session_conninfo` says."""
    row = await (await connection.execute(_SETTLE)).fetchone()
    if row is None or not row[0]:
        await connection.close()
        raise SettingsLost


def settle_sync(connection: psycopg.Connection[Any]) -> None:
    """`settle` for synchronous code."""
    row = connection.execute(_SETTLE).fetchone()
    if row is None or not row[0]:
        connection.close()
        raise SettingsLost


class PromptConnection(psycopg.AsyncConnection[Any]):
    """A connection that ends with an `OperationalError` when the server has not answered in time: one that is frozen, or out of
    reach, does not even say that it gives up. Who stops waiting earlier closes it too, once the server was asked to stop: psycopg
    would wait for ten seconds for one that is out of reach."""

    answer_seconds = 12.0

    async def wait(
        self,
        gen: PQGen[AnswerT],
        interval: float = _LOOK_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109 (as psycopg has it)
    ) -> AnswerT:
        seconds = self.answer_seconds if timeout is None else timeout
        try:
            return await wait_async(gen, self.pgconn.socket, interval=interval, timeout=seconds)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                try:
                    with suppress(psycopg.Error):
                        await self.cancel_safe(timeout=_STOP_SECONDS)
                finally:
                    self.pgconn.finish()
            raise
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


async def connect(database_url: str) -> psycopg.AsyncConnection[object]:
    """A connection for `infrastructure.log.pipeline`."""
    connection = await PromptConnection.connect(
        session_conninfo(database_url, prompt=True, by_index=True, in_order=True),
        autocommit=True,
        prepare_threshold=None,
    )
    await settle(connection)
    return connection


def connect_sync(database_url: str) -> psycopg.Connection[object]:
    """`connect` for synchronous code, which may stop between the statements of a transaction: a lock that it holds then
    is not held for long."""
    connection = psycopg.Connection[object].connect(
        session_conninfo(database_url, by_index=True, in_order=True), autocommit=True, prepare_threshold=None
    )
    settle_sync(connection)
    connection.execute("set idle_in_transaction_session_timeout = '30s'")
    return connection


def session_conninfo(
    database_url: str, *, prompt: bool = False, by_index: bool = False, in_order: bool = False
) -> str:
    """The address with timeouts by which either side notices that the other is gone, and with our sessions' settings; `prompt`
    adds how long a statement, and a lock, may take; `by_index` that rows are found by indexes alone, `in_order` that they are not
    sorted if an index has them in order.

    What the URL says about timeouts goes first. Its `options`, or else those of PGOPTIONS, are kept; behind them the server is sent
    what our sessions need.
    """
    given = conninfo_to_dict(database_url)
    own = given.get("options") or os.environ.get("PGOPTIONS", "")
    options = f"{_IF_WE_VANISH} {_PROMPT if prompt else ''} {own} {_SESSION}"
    options += f" {_BY_INDEX if by_index else ''} {_IN_ORDER if in_order else ''}"
    return make_conninfo("", **(_TIMEOUTS | given | {"options": options.strip(), "client_encoding": "UTF8"}))


class Link:
    """A connection that is made when it is needed, and again after it was closed."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: psycopg.AsyncConnection[object] | None = None

    async def connection(self) -> psycopg.AsyncConnection[object]:
        if self._connection is None:
            self._connection = await connect(self._database_url)
        return self._connection

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
