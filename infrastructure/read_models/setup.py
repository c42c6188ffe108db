"""First set-up: the table, view and registration of every read model that the database does not know yet."""

from collections.abc import Iterable
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from infrastructure.log.connection import session_conninfo
from infrastructure.read_models.new_build import BUILD_LOCK, live_build, remove_unfinished
from infrastructure.read_models.read_model import (
    AnyReadModel,
    create_indexes,
    create_table,
    create_view,
    table_name,
    view_name,
)

FIRST_BUILD: Final = 1
_ONE_AT_A_TIME: Final = 7_265_003


def ensure_read_models(database_url: str, models: Iterable[AnyReadModel]) -> list[str]:
    """Create build 1 of each read model that is not registered; the names of those created.

    A registered one of another version stays as it is: it is outdated until it is rebuilt. One from before there was a wall
    between tenants gets it. Safe to run at the same time from several processes.
    """
    with psycopg.connect(session_conninfo(database_url)) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        wanted = list(models)
        known = {name for (name,) in connection.execute("select name from projection")}
        missing = [model for model in wanted if model.name not in known]
        for model in missing:
            # A rebuild of it that was killed may have left its table; one that runs is waited for.
            connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [BUILD_LOCK, model.name])
            if live_build(connection, model) is not None:
                continue
            remove_unfinished(connection, model)
            _create(connection, model)
        for model in wanted:
            _wall_in(connection, model)
        return [model.name for model in missing]


def _create(connection: Connection[Any], model: AnyReadModel) -> None:
    connection.execute(create_table(model, FIRST_BUILD))
    for index in create_indexes(model, FIRST_BUILD):
        connection.execute(index)
    for statement in create_view(model, FIRST_BUILD):
        connection.execute(statement)
    connection.execute(
        "insert into projection (name, version, build) values (%s, %s, %s)",
        [model.name, model.version, FIRST_BUILD],
    )


def _wall_in(connection: Connection[Any], model: AnyReadModel) -> None:
    """Give a live build from before migration 0009 its wall; its view is the same otherwise."""
    live = connection.execute(
        """select build from projection join pg_class on relname = %s || build and not relrowsecurity
           where projection.name = %s and relnamespace = current_schema()::regnamespace""",
        [table_name(model, 0).removesuffix("0"), model.name],
    ).fetchone()
    if live is not None:
        connection.execute(sql.SQL("drop view {}").format(sql.Identifier(view_name(model))))
        for statement in create_view(model, live[0]):
            connection.execute(statement)
