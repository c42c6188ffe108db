"""An empty build of a read model beside the live one: exclusive while it is made, gone unless it became the live one."""

import contextlib
from collections.abc import Generator
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from infrastructure.database.long_session import long_session
from infrastructure.read_models.read_model import AnyReadModel, create_table, table_name

BUILD_LOCK: Final = 7_265_002
"""Advisory lock class: (class, name) is held by the session that makes a build."""


class BuildFailed(Exception):
    """The new build could not be made; the live one is as it was."""


@contextlib.contextmanager
def new_build(database_url: str, model: AnyReadModel) -> Generator[tuple[Connection[Any], int]]:
    """A connection (autocommit) and the number of an empty build of `model`.

    Leftovers of a killed one are removed first. Raises `BuildFailed` if another one is being made.
    """
    with long_session(database_url) as connection:
        connection.execute("set synchronous_commit = off")
        lock = connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", [BUILD_LOCK, model.name])
        if lock.fetchone() != (True,):
            raise BuildFailed(f"{model.name} is being rebuilt or verified already")
        try:
            remove_unfinished(connection, model)
            build = (live_build(connection, model) or 0) + 1
            connection.execute(create_table(model, build))
            yield connection, build
        finally:
            _clean_up(database_url, connection, model)


def live_build(connection: Connection[Any], model: AnyReadModel) -> int | None:
    """The build that queries see; None before the first."""
    row = connection.execute("select build from projection where name = %s", [model.name]).fetchone()
    return None if row is None else row[0]


def remove_unfinished(connection: Connection[Any], model: AnyReadModel) -> None:
    """Drop all builds of `model` but the live one. Only for who holds `BUILD_LOCK`."""
    live = live_build(connection, model)
    tables = connection.execute(
        "select tablename from pg_tables where schemaname = current_schema() and tablename ~ %s",
        [f"^rm_{model.name}__[0-9]+$"],
    ).fetchall()
    for (table,) in tables:
        if live is None or table != table_name(model, live):
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(table)))
    connection.execute(
        "delete from projection_checkpoint where name = %s and build is distinct from %s", [model.name, live]
    )


def _clean_up(database_url: str, connection: Connection[Any], model: AnyReadModel) -> None:
    """Through the connection that holds the lock or, if it was lost, through another."""
    with contextlib.suppress(psycopg.Error):
        if not connection.closed:
            _remove_and_unlock(connection, model)
            return
    with contextlib.suppress(psycopg.Error), long_session(database_url) as other:
        taken = other.execute("select pg_try_advisory_lock(%s, hashtext(%s))", [BUILD_LOCK, model.name])
        if taken.fetchone() == (True,):
            _remove_and_unlock(other, model)


def _remove_and_unlock(connection: Connection[Any], model: AnyReadModel) -> None:
    """A session ends a little after its connection was closed; who rebuilds next must not find the lock until then."""
    remove_unfinished(connection, model)
    connection.execute("select pg_advisory_unlock(%s, hashtext(%s))", [BUILD_LOCK, model.name])
