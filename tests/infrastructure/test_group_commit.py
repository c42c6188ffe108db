"""What happens to the appends of one process that are written together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, cast
from uuid import UUID, uuid4

import psycopg
import pytest

from application.recorded import Append, Appended, LogUnavailable, NewEvent, StreamPart, VersionConflict
from infrastructure.log import group_queue
from infrastructure.log.group_commit import GroupCommit
from tests.infrastructure.logs import all_logs, new_stream, part, stopped_writers, write
from tests.read_models import new_tenant

_DEADLOCKS: Final = "select deadlocks from pg_stat_database where datname = current_database()"


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[GroupCommit]:
    opened = GroupCommit(database_url)
    yield opened
    await opened.close()


async def outcomes(*appends: "asyncio.Future[Appended]") -> list[Appended | BaseException]:
    return await asyncio.gather(*appends, return_exceptions=True)


def started(log: GroupCommit, *appends: Append) -> list["asyncio.Future[Appended]"]:
    return [asyncio.ensure_future(log.append(append)) for append in appends]


async def test_what_waits_while_one_transaction_runs_is_the_next_one(
    log: GroupCommit, database_url: str
) -> None:
    tenants = [new_tenant() for _ in range(3)]
    async with stopped_writers(database_url, *tenants) as stopped:
        first = started(log, write(part(new_stream(tenants[0]))))
        await stopped(1)
        others = started(log, *(write(part(new_stream(tenants[number % 3]))) for number in range(100)))
        await asyncio.sleep(0)
        assert log.queued == 100
    assert all(isinstance(outcome, Appended) for outcome in await outcomes(*first, *others))
    assert (log.batches, log.appends) == (2, 101)
    assert len(all_logs(database_url)) == 101


async def test_a_full_disk_is_said_at_once_and_costs_no_connection(
    log: GroupCommit, database_url: str
) -> None:
    await log.append(write(part(new_stream())))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """create function full_disk() returns trigger language plpgsql as $$ begin
               raise 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$"""
        )
        connection.execute("create trigger full_disk before insert on event execute function full_disk()")
        with pytest.raises(LogUnavailable, match="No space left on device"):
            await log.append(write(part(new_stream())))
        assert log.generation == 0
        connection.execute("drop trigger full_disk on event")
    await log.append(write(part(new_stream())))
    assert len(all_logs(database_url)) == 2


async def test_a_batch_has_a_limit(database_url: str) -> None:
    log = GroupCommit(database_url, batch_limit=10)
    await outcomes(*started(log, *(write(part(new_stream())) for _ in range(45))))
    assert log.batches == 5
    await log.close()


async def test_a_conflict_in_a_batch_fails_that_append_only(log: GroupCommit, database_url: str) -> None:
    tenant, other_tenant = new_tenant(), new_tenant()
    moved, fine = new_stream(tenant), [new_stream(tenant) for _ in range(5)]
    await log.append(write(part(moved)))
    told = await outcomes(
        *started(
            log,
            write(part(fine[0])),
            write(part(moved)),
            write(part(fine[1]), part(moved, 1, count=0)),
            write(part(fine[2]), part(moved, 0, count=0)),
            write(part(fine[3]), part(moved, 1)),
            write(part(fine[4]), part(moved, 1)),
            write(part(new_stream(other_tenant))),
        )
    )
    refused = [number for number, outcome in enumerate(told) if isinstance(outcome, VersionConflict)]
    assert refused == [1, 3, 5]
    assert all(isinstance(outcome, Appended) for number, outcome in enumerate(told) if number not in refused)
    assert len(all_logs(database_url)) == 6


@pytest.mark.parametrize(
    "poison",
    [
        write(part(new_stream(), event=NewEvent("Nul\0", b""))),
        write(part(new_stream(), 2**70)),
        write(part(new_stream(), event=NewEvent("Text", cast("bytes", "text")))),
        write(StreamPart(new_stream(), 0, (NewEvent(cast("str", None), b""),))),
        write(StreamPart(new_stream(), cast("int", None), (NewEvent("Noted", b""),))),
        Append(cast("UUID", None), (part(new_stream()),), uuid4()),
    ],
    ids=["NUL in the type", "huge version", "text for bytes", "no type", "no version", "no tenant"],
)
async def test_a_poisonous_append_fails_itself_only(
    log: GroupCommit, database_url: str, poison: Append
) -> None:
    fine = [write(part(new_stream())) for _ in range(20)]
    told = await outcomes(*started(log, *fine[:7], poison, *fine[7:]))
    failed = told.pop(7)
    assert isinstance(failed, Exception)
    assert not isinstance(failed, LogUnavailable)
    assert all(isinstance(outcome, Appended) for outcome in told)
    assert len(all_logs(database_url)) == 20


async def test_a_full_queue_refuses_at_once(database_url: str) -> None:
    tenant = new_tenant()
    log = GroupCommit(database_url, queue_limit=5)
    async with stopped_writers(database_url, tenant) as stopped:
        first = started(log, write(part(new_stream(tenant))))
        await stopped(1)
        queued = started(log, *(write(part(new_stream(tenant))) for _ in range(8)))
        refused = [outcome for outcome in await outcomes(*queued[5:]) if isinstance(outcome, LogUnavailable)]
        assert len(refused) == 3
        assert log.queued == 5
    assert all(isinstance(outcome, Appended) for outcome in await outcomes(*first, *queued[:5]))
    await log.append(write(part(new_stream(tenant))))
    assert len(all_logs(database_url)) == 7
    await log.close()


async def test_a_queue_is_full_of_bytes_too(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_queue, "_QUEUE_BYTES", 4_000_000)
    tenant = new_tenant()
    log = GroupCommit(database_url)
    large = NewEvent("Large", bytes(1_000_000))
    async with stopped_writers(database_url, tenant) as stopped:
        first = started(log, write(part(new_stream(tenant))))
        await stopped(1)
        queued = started(log, *(write(part(new_stream(tenant), event=large)) for _ in range(5)))
        assert isinstance((await outcomes(queued[4]))[0], LogUnavailable)
        assert log.queued == 4
        for waiting in queued[1:4]:
            waiting.cancel()
        await outcomes(*queued[1:])
    assert all(isinstance(outcome, Appended) for outcome in await outcomes(*first, queued[0]))
    await log.append(write(part(new_stream(tenant))))
    await log.close()


async def test_who_stops_waiting_in_the_queue_is_not_written(log: GroupCommit, database_url: str) -> None:
    tenant = new_tenant()
    async with stopped_writers(database_url, tenant) as stopped:
        written = started(log, write(part(new_stream(tenant))))
        await stopped(1)
        queued = started(log, *(write(part(new_stream(tenant))) for _ in range(4)))
        await asyncio.sleep(0)
        written[0].cancel()
        queued[1].cancel()
    told = await outcomes(*written, *queued)
    assert [isinstance(outcome, Appended) for outcome in told] == [False, True, False, True, True]
    assert len(all_logs(database_url)) == 4, "what was on its way is written, whoever waits for it"


async def test_closing_writes_what_waits(database_url: str) -> None:
    log = GroupCommit(database_url, batch_limit=16)
    appends = started(log, *(write(part(new_stream())) for _ in range(200)))
    await asyncio.sleep(0)
    await log.close()
    assert all(isinstance(outcome, Appended) for outcome in await outcomes(*appends))
    with pytest.raises(LogUnavailable, match="closed"):
        await log.append(write(part(new_stream())))
    assert len(all_logs(database_url)) == 200


async def test_a_writer_that_is_cancelled_leaves_nobody_waiting(database_url: str) -> None:
    tenant = new_tenant()
    log = GroupCommit(database_url)
    async with stopped_writers(database_url, tenant) as stopped:
        appends = started(log, write(part(new_stream(tenant))))
        await stopped(1)
        appends += started(log, *(write(part(new_stream(tenant))) for _ in range(3)))
        await asyncio.sleep(0)
        (writer,) = (task for task in asyncio.all_tasks() if "_work" in repr(task.get_coro()))
        writer.cancel()
        told = await outcomes(*appends)
    assert all(isinstance(outcome, LogUnavailable) for outcome in told)
    with pytest.raises(LogUnavailable):
        await log.append(write(part(new_stream(tenant))))
    await log.close()
    assert all_logs(database_url) == []


def test_an_event_loop_that_ends_early_leaves_nothing_open(database_url: str) -> None:
    tenant = new_tenant()

    async def leave() -> None:
        log = GroupCommit(database_url)
        async with stopped_writers(database_url, tenant) as stopped:
            started(log, *(write(part(new_stream(tenant))) for _ in range(3)))
            await stopped(1)

    asyncio.run(leave())
    query = "select count(*) from pg_stat_activity where datname = current_database()"
    with psycopg.connect(database_url) as connection:
        while connection.execute(query).fetchone() != (1,):
            connection.rollback()
    assert len(all_logs(database_url)) in {0, 3}


async def test_it_tells_which_tenants_have_new_events(database_url: str) -> None:
    told: list[set[UUID]] = []
    log = GroupCommit(database_url, committed=told.append)
    moved, other = new_stream(), new_stream()
    append = write(part(moved))
    await log.append(append)
    await outcomes(*started(log, write(part(moved)), write(part(other))))
    with pytest.raises(VersionConflict):
        await log.append(write(part(moved)))
    assert told == [{append.tenant_id}, {write(part(other)).tenant_id}]
    await log.close()


async def test_whoever_fails_to_hear_of_a_commit_does_not_hurt_it(database_url: str) -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    def fail(_tenants: set[UUID]) -> None:
        raise RuntimeError("nobody hears")

    log = GroupCommit(database_url, committed=fail)
    for _ in range(2):
        await log.append(write(part(new_stream())))
    await log.close()
    assert [str(failure["exception"]) for failure in failures] == ["nobody hears"] * 2


async def test_processes_that_write_to_the_same_tenants_do_not_deadlock(database_url: str) -> None:
    tenants = [new_tenant() for _ in range(4)]
    processes = [GroupCommit(database_url, batch_limit=8, writers=2) for _ in range(2)]
    count = 50

    async def client(log: GroupCommit, order: list[UUID]) -> None:
        streams = [new_stream(tenant) for tenant in order]
        for version in range(count):
            await asyncio.gather(*(log.append(write(part(stream, version))) for stream in streams))

    orders: list[Callable[[], list[UUID]]] = [lambda: tenants, lambda: tenants[::-1]]
    await asyncio.gather(*(client(log, order()) for log in processes for order in orders for _ in range(2)))
    for log in processes:
        await log.close()
    assert len(all_logs(database_url)) == 8 * 4 * count
    with psycopg.connect(database_url) as connection:
        assert connection.execute(_DEADLOCKS).fetchone() == (0,)


async def test_new_logs_are_founded_by_many_at_once(database_url: str) -> None:
    processes = [GroupCommit(database_url) for _ in range(4)]
    tenants = [new_tenant() for _ in range(25)]
    appends = [log.append(write(part(new_stream(tenant)))) for tenant in tenants for log in processes]
    assert all(isinstance(outcome, Appended) for outcome in await asyncio.gather(*appends))
    for log in processes:
        await log.close()
    assert len(all_logs(database_url)) == 100
    with psycopg.connect(database_url) as connection:
        assert connection.execute(_DEADLOCKS).fetchone() == (0,)


async def test_without_a_database_an_append_fails_in_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_queue, "_RETRY_DELAYS", (0.0, 0.01))
    nowhere = GroupCommit(f"{database_url}&port=1")
    for _ in range(2):
        told = await outcomes(*started(nowhere, *(write(part(new_stream())) for _ in range(300))))
        assert all(isinstance(outcome, LogUnavailable) for outcome in told)
    await nowhere.close()


async def test_a_log_that_swallows_inserts_is_unavailable(log: GroupCommit, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "create rule swallow as on insert to event where new.type = 'Swallowed' do instead nothing"
        )
    fine = write(part(new_stream()))
    swallowed = write(part(new_stream(), event=NewEvent("Swallowed", b"")))
    told = await outcomes(*started(log, fine, swallowed))
    assert [type(outcome) for outcome in told] == [Appended, LogUnavailable]
