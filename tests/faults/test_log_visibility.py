"""A reader never passes a position that is written but not yet committed, whichever way it is written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent, Tracking

from application.recorded import NewEvent
from infrastructure.event_store import EventStore, Factory, SyncEventStore
from tests.infrastructure.logs import all_logs, new_stream, part, waiting_transactions, write
from tests.read_models import new_tenant

_SLOW = "Slow"
_GATE = """
create function wait_at_the_gate() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(1);
    return null;
end $$;
create trigger gate after insert on event for each row when (new.type = 'Slow') execute function wait_at_the_gate();
"""

Write: TypeAlias = Callable[[str, UUID, str], Awaitable[object]]


async def by_store(database_url: str, tenant: UUID, event_type: str) -> object:
    async with EventStore(database_url) as store:
        return await store.append(write(part(new_stream(tenant), event=NewEvent(event_type, b"{}"))))


async def by_synchronous_store(database_url: str, tenant: UUID, event_type: str) -> object:
    def append() -> object:
        with psycopg.Connection[object].connect(database_url, autocommit=True) as connection:
            event = NewEvent(event_type, b"{}")
            return SyncEventStore(connection).append(write(part(new_stream(tenant), event=event)))

    return await asyncio.to_thread(append)


async def by_recorder(database_url: str, tenant: UUID, event_type: str) -> object:
    factory = Factory({"DATABASE_URL": database_url, "TENANT_ID": str(tenant)})
    event = StoredEvent(new_stream(tenant), 1, event_type, b"{}")
    positions = await asyncio.to_thread(factory.application_recorder().insert_events, [event])
    factory.close()
    return positions


async def by_process_recorder(database_url: str, tenant: UUID, event_type: str) -> object:
    factory = Factory({"DATABASE_URL": database_url, "TENANT_ID": str(tenant)})
    event, tracking = StoredEvent(new_stream(tenant), 1, event_type, b"{}"), Tracking(event_type, 1)
    insert = factory.process_recorder().insert_events
    positions = await asyncio.to_thread(insert, [event], tracking=tracking)
    factory.close()
    return positions


@pytest.fixture
async def watcher(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[object]]:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(_GATE)
        yield connection


PATHS = [by_store, by_synchronous_store, by_recorder, by_process_recorder]


@pytest.mark.parametrize(("slow", "quick"), [(path, PATHS[number - 3]) for number, path in enumerate(PATHS)])
async def test_no_reader_passes_an_uncommitted_lower_position(
    slow: Write, quick: Write, database_url: str, watcher: psycopg.AsyncConnection[object]
) -> None:
    tenant, seen = new_tenant(), 0

    async def wait_for(transactions: int) -> None:
        while await waiting_transactions(watcher) != transactions:  # noqa: ASYNC110 (only PostgreSQL knows)
            await asyncio.sleep(0.005)

    async with EventStore(database_url) as reader:
        await quick(database_url, tenant, "First")
        await watcher.execute("select pg_advisory_lock(1)")
        first = asyncio.ensure_future(slow(database_url, tenant, _SLOW))
        await wait_for(1)
        second = asyncio.ensure_future(quick(database_url, tenant, "Quick"))
        other = asyncio.ensure_future(quick(database_url, new_tenant(), "Other"))
        await wait_for(2)
        await other
        assert not first.done()
        assert not second.done(), "the second waits for the first: it must not be seen before it"
        seen = (await reader.read(tenant))[-1].position
        assert (seen, await reader.head(tenant)) == (1, 1)
        await watcher.execute("select pg_advisory_unlock(1)")
        while seen < 3:
            for event in await reader.read(tenant, after=seen):
                seen += 1
                assert (event.position, event.type) == (seen, ("First", _SLOW, "Quick")[seen - 1])
        await asyncio.gather(first, second)
    assert len(all_logs(database_url)) == 4
