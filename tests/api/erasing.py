"""`hirelog accounts erase` as an operator runs it, and what a database holds afterwards."""

import asyncio
import json
from typing import Final

import psycopg
from click.testing import Result
from psycopg import sql

from infrastructure.operator_error import OperatorError
from tests.api.command_line import invoked
from tests.api.people import Json, Person, System

WITHOUT_WORDS: Final = {"uuid", "bigint", "integer", "boolean", "timestamp with time zone"}
"""Types that can hold nothing that somebody is called or wrote."""


def run(system: System, *words: str, typed: str | None = None, **environment: str) -> Result:
    given = {"HIRELOG_HOME": str(system.services.settings.home), **environment}
    return invoked(system.database_url, "accounts", "erase", *words, typed=typed, **given)


async def erase(system: System, who: str, **environment: str) -> Json:
    """What the command says was deleted. Raises its `OperatorError`."""
    result = await asyncio.to_thread(run, system, who, "--yes", "--json", **environment)
    if isinstance(result.exception, OperatorError):
        raise result.exception
    assert result.exit_code == 0, result.output
    said: Json = json.loads(result.stdout)
    return said


def columns(connection: psycopg.Connection, *, worded: bool) -> list[tuple[str, str, str]]:
    """Table, name and type of the columns that can hold words, or of those that cannot."""
    found = connection.execute(
        """select table_name, column_name, data_type
           from information_schema.columns join information_schema.tables using (table_schema, table_name)
           where table_type = 'BASE TABLE' and table_schema = 'public' and (data_type = any(%s)) <> %s
           order by table_name, column_name""",
        [list(WITHOUT_WORDS), worded],
    )
    return found.fetchall()


def pointing(database_url: str, person: Person) -> set[str]:
    """The columns that hold a person's id, beside those of the read models."""
    found: set[str] = set()
    with psycopg.connect(database_url) as connection:
        for table, column, kind in columns(connection, worded=False):
            if kind != "uuid" or table.startswith("rm_"):
                continue
            question = sql.SQL("select exists (select from {} where {} = %s)").format(
                sql.Identifier(table), sql.Identifier(column)
            )
            if connection.execute(question, [person.id]).fetchone() == (True,):
                found.add(f"{table}.{column}")
    return found
