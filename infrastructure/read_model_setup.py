"""First set-up: the table, view and registration of every read model that the database does not know yet."""

from collections.abc import Iterable
from typing import Any, Final

import psycopg
from psycopg import Connection

from infrastructure.read_model import (
    AnyReadModel,
    create_indexes,
    create_table,
    create_view,
)

FIRST_BUILD: Final = 1
_ONE_AT_A_TIME: Final = 7_265_003


def ensure_read_models(database_url: str, models: Iterable[AnyReadModel]) -> list[str]:
    """Create build 1 of each read model that is not registered; the names of those created.

    A registered one of another version stays as it is: it is outdated until it is rebuilt. Safe to run at the same time
    from several processes.
    """
    with psycopg.connect(database_url) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        known = {name for (name,) in connection.execute("select name from projection")}
        missing = [model for model in models if model.name not in known]
        for model in missing:
            _create(connection, model)
        return [model.name for model in missing]


def _create(connection: Connection[Any], model: AnyReadModel) -> None:
    connection.execute(create_table(model, FIRST_BUILD))
    for index in create_indexes(model, FIRST_BUILD):
        connection.execute(index)
    connection.execute(create_view(model, FIRST_BUILD))
    connection.execute(
        "insert into projection (name, version, build) values (%s, %s, %s)",
        [model.name, model.version, FIRST_BUILD],
    )
