"""PostgreSQL finds what a log is asked by the index that it is about, whatever it knows about how many events there are."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any, Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.log import reading, transaction
from infrastructure.log.connection import connect
from infrastructure.log.pipeline import Statement
from infrastructure.recorders import statements as recorders
from infrastructure.servers.embedded import Servers

_FILL: Final = """
insert into event (tenant_id, position, stream_id, version, type, data, actor_id, command_id, recorded_at)
select tenant, position, md5(tenant::text || position / 3)::uuid, position %% 3 + 1, 'JobPublished', '{}', null, tenant, now()
from (select md5(number::text)::uuid as tenant from generate_series(%s::int, %s::int) as number) as tenants,
     generate_series(1, %s::int) as position
"""
_READ: Final = ("event", "log_head")


def _statements(*modules: ModuleType) -> Iterator[Statement]:
    for module in modules:
        for member in vars(module).values():
            if isinstance(member, Statement) and re.search(r"\b(event|log_head)\b", member.sql):
                yield member


LOG: Final = list(_statements(transaction, reading))
RECORDERS: Final = list(_statements(recorders))


def never_analyzed(owner: psycopg.Connection) -> None:
    owner.execute(_FILL, [1, 3, 1000])


def analyzed_when_short(owner: psycopg.Connection) -> None:
    owner.execute(_FILL, [1, 2, 3])
    owner.execute("vacuum analyze event, log_head")


def one_long_log_among_many(owner: psycopg.Connection) -> None:
    owner.execute(_FILL, [1, 1000, 6])
    owner.execute(_FILL, [1001, 1001, 20_000])
    owner.execute("vacuum analyze event, log_head")


Filling = Callable[[psycopg.Connection], None]


@pytest.mark.parametrize("fill", [never_analyzed, analyzed_when_short, one_long_log_among_many])
async def test_each_statement_reads_only_what_it_asks_for(
    servers: Servers, database_url: str, fill: Filling
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("alter table event set (autovacuum_enabled = off)")
        fill(owner)
    api = servers.api_database(str(conninfo_to_dict(database_url)["dbname"]))
    async with explaining(database_url) as explain:
        for statement in [*LOG, *RECORDERS]:
            assert list(asides(await explain(statement))) == [], statement.name
    async with explaining(api) as explain:
        for statement in LOG:
            assert list(asides(await explain(statement))) == [], f"{statement.name}, as the API sees it"


Explain = Callable[[Statement], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def explaining(database_url: str) -> AsyncGenerator[Explain]:
    """The plan by which a connection of the log keeps carrying out a statement, whatever it is asked about."""
    async with await connect(database_url) as connection:
        await connection.execute("set plan_cache_mode = force_generic_plan")

        async def explain(statement: Statement) -> dict[str, Any]:
            await connection.execute(f'prepare "{statement.name}" as {statement.sql}'.encode())
            parameters = max(int(number) for number in re.findall(r"\$(\d+)", statement.sql))
            nulls = ", ".join(["null"] * parameters)
            cursor = await connection.execute(
                f'explain (format json) execute "{statement.name}" ({nulls})'.encode()
            )
            row: Any = await cursor.fetchone()
            plan: dict[str, Any] = row[0][0]["Plan"]
            return plan

        yield explain


def asides(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a plan reads that was not asked for: rows of other streams or from before a position, or in another order."""
    for part in parts(plan):
        kind = part["Node Type"]
        if kind == "Sort" or (
            kind != "ModifyTable" and part.get("Relation Name") in _READ and "Index" not in kind
        ):
            yield kind, str(part.get("Relation Name"))
        elif re.search("stream_id|position", part.get("Filter", "")) and "Index" in kind:
            yield part["Index Name"], part["Filter"]


def parts(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("Plans", ()):
        yield from parts(part)
