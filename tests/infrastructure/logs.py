"""Builders and checks for tests of the log."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg

from application.recorded import Append, NewEvent, StreamPart
from domain.identifiers import tenant_of
from tests.read_models import new_id, new_tenant

NOTED = NewEvent("Noted", b'{"type":"Noted"}')


def new_stream(tenant: UUID | None = None) -> UUID:
    return new_id(tenant or new_tenant())


def part(stream: UUID, version: int = 0, count: int = 1, event: NewEvent = NOTED) -> StreamPart:
    """`count` events for a stream that is expected at `version`; a guard if there are none."""
    return StreamPart(stream, version, (event,) * count)


def write(*parts: StreamPart, command: UUID | None = None) -> Append:
    """An append to the log of the first part's tenant."""
    return Append(tenant_of(parts[0].stream_id), parts, command or uuid4())


class Row(NamedTuple):
    tenant_id: UUID
    position: int
    stream_id: UUID
    version: int
    command_id: UUID


def all_logs(database_url: str) -> list[Row]:
    """Every event of every log, in order; each log has positions 1..n and its head at n, each stream versions 1..m."""
    with psycopg.connect(database_url) as connection:
        connection.execute("set transaction isolation level repeatable read")
        query = "select tenant_id, position, stream_id, version, command_id from event order by 1, 2"
        rows = [Row(*row) for row in connection.execute(query)]
        heads = {row[0]: row[1] for row in connection.execute("select tenant_id, position from log_head")}
    positions: dict[UUID, list[int]] = defaultdict(list)
    versions: dict[UUID, list[int]] = defaultdict(list)
    for row in rows:
        positions[row.tenant_id].append(row.position)
        versions[row.stream_id].append(row.version)
    assert_consecutive(positions.values())
    assert_consecutive(versions.values())
    assert {tenant: len(found) for tenant, found in positions.items()} == {
        tenant: head for tenant, head in heads.items() if head
    }
    return rows


def assert_consecutive(sequences: Iterable[list[int]]) -> None:
    for numbers in sequences:
        assert numbers == list(range(1, len(numbers) + 1))


@asynccontextmanager
async def stopped_writers(
    database_url: str, *tenants: UUID
) -> AsyncGenerator[Callable[[int], Awaitable[None]]]:
    """Nobody can write to these logs inside; it answers how to wait until so many transactions stand at their heads."""
    async with await psycopg.AsyncConnection.connect(database_url) as blocker:
        for tenant in tenants:
            insert = "insert into log_head values (%s, 0) on conflict do nothing"
            await blocker.execute(insert, [tenant])
            await blocker.commit()
        await blocker.execute("select from log_head where tenant_id = any(%s) for update", [list(tenants)])

        async def wait_for(transactions: int) -> None:
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watcher:
                while await waiting_transactions(watcher) != transactions:  # noqa: ASYNC110 (only PostgreSQL knows)
                    await asyncio.sleep(0.005)

        yield wait_for
        await blocker.rollback()


async def waiting_transactions(watcher: psycopg.AsyncConnection[object]) -> int:
    """How many transactions of this database wait for a lock."""
    query = """select count(*) from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'"""
    row = await (await watcher.execute(query)).fetchone()
    assert isinstance(row, tuple)
    return int(row[0])
