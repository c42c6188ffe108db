"""What happens to a database while others work on it: it closes their connections, or takes no writes for a while."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict


def cut(administration: psycopg.Connection[Any], database_url: str) -> None:
    """Close all connections to the database, from its side."""
    name = conninfo_to_dict(database_url)["dbname"]
    administration.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s", [name]
    )


@contextmanager
def read_only(administration: psycopg.Connection[Any], database_url: str) -> Generator[None]:
    """As during a failover: sessions that begin meanwhile take no writes, not even afterwards."""
    change = sql.SQL("alter database {} set default_transaction_read_only = {}")
    name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    administration.execute(change.format(name, "on"))
    cut(administration, database_url)
    yield
    administration.execute(change.format(name, "off"))
