"""A session for work over whole logs, which a server's limits for short requests must not end."""

from typing import Any, Final, LiteralString

import psycopg
from psycopg import Connection

from infrastructure.log.connection import session_conninfo, settle_sync

UNHURRIED: Final[LiteralString] = "set idle_session_timeout = 0; set statement_timeout = 0"
"""It idles while events are folded, and its statements take as long as they take."""

_ALL_EVENTS: Final[LiteralString] = "select coalesce(sum(position), 0)::bigint from log_head"


def long_session(database_url: str) -> Connection[Any]:
    """A connection (autocommit) for psycopg's statements and for those of `infrastructure.log.pipeline`: psycopg prepares nothing,
    as it would forget theirs with its own."""
    connection = psycopg.connect(session_conninfo(database_url), autocommit=True, prepare_threshold=None)
    settle_sync(connection)
    connection.execute(UNHURRIED)
    return connection


def events_in_all_logs(connection: Connection[Any]) -> int:
    """How many events there are: what progress is told in proportion to."""
    found = connection.execute(_ALL_EVENTS).fetchone()
    return int(found[0]) if found else 0
