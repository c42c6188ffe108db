"""Connections to the log that notice within seconds that their server is gone, and whose sessions are as our statements need them.

psycopg prepares nothing on them by itself: it would forget its statements with DEALLOCATE ALL, and ours with them.
"""

import os
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_TIMEOUTS: Final = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

_SESSION: Final = r"-c timezone=UTC -c datestyle=ISO -c default_transaction_isolation=read\ committed"
"""Times are told in UTC, psycopg reads no other style of dates, and a stricter isolation would refuse some statements. A server,
a database or a role may be set to something else: initdb takes the time zone of its machine."""


async def connect(database_url: str) -> psycopg.AsyncConnection[object]:
    """A connection for `infrastructure.pipeline`."""
    return await psycopg.AsyncConnection.connect(
        attentive(database_url), autocommit=True, prepare_threshold=None
    )


def connect_sync(database_url: str) -> psycopg.Connection[object]:
    """`connect` for synchronous code, which may stop between the statements of a transaction: a lock that it holds then
    is not held for long."""
    connection = psycopg.Connection[object].connect(
        attentive(database_url), autocommit=True, prepare_threshold=None
    )
    connection.execute("set idle_in_transaction_session_timeout = '30s'")
    return connection


def attentive(database_url: str) -> str:
    """The address with timeouts by which a connection notices that its server is gone, and with our sessions' settings.

    What the URL says about timeouts goes first. Its `options`, or else those of PGOPTIONS, are kept; behind them the server is sent
    `timezone`, `datestyle` and `default_transaction_isolation`, which a pooler in between has to let pass.
    """
    given = conninfo_to_dict(database_url)
    options = given.get("options") or os.environ.get("PGOPTIONS", "")
    return make_conninfo("", **(_TIMEOUTS | given | {"options": f"{options} {_SESSION}".strip()}))


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
