"""Writing and reading a log, one caller at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import psycopg
import pytest

from application.recorded import Append, NewEvent, VersionConflict
from infrastructure.event_store import EventStore, SyncEventStore
from tests.infrastructure.logs import NOTED, all_logs, new_stream, part, write
from tests.read_models import new_tenant


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url) as opened:
        yield opened


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[object]]:
    with psycopg.Connection.connect(database_url, autocommit=True) as opened:
        yield opened


async def test_what_was_appended_is_loaded(store: EventStore) -> None:
    stream, actor = new_stream(), uuid4()
    append = msgspec.structs.replace(write(part(stream, count=2)), actor_id=actor)
    appended = await store.append(append)
    assert appended.positions == (1, 2)
    assert datetime.now(UTC) - appended.recorded_at < timedelta(minutes=1)
    loaded = await store.load(append.tenant_id, stream)
    assert [(event.position, event.version) for event in loaded] == [(1, 1), (2, 2)]
    for event in loaded:
        assert (event.type, event.data) == (NOTED.type, NOTED.data)
        assert (event.actor_id, event.command_id) == (actor, append.command_id)
        assert event.recorded_at == appended.recorded_at


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"\\x00", bytes(range(256)) * 40_960], ids=len)
async def test_any_bytes_come_back_as_they_were(store: EventStore, data: bytes) -> None:
    stream = new_stream()
    append = write(part(stream, event=NewEvent("Bytes", data)))
    await store.append(append)
    (event,) = await store.load(append.tenant_id, stream)
    assert event.data == data
    assert event.actor_id is None


async def test_each_tenant_counts_its_own_positions(store: EventStore) -> None:
    one, other = new_stream(), new_stream()
    appended = [await store.append(write(part(stream, count=3))) for stream in (one, other)]
    assert [outcome.positions for outcome in appended] == [(1, 2, 3), (1, 2, 3)]


async def test_a_stream_that_moved_is_a_conflict_and_nothing_is_written(store: EventStore) -> None:
    stream = new_stream()
    first = write(part(stream, count=2))
    await store.append(first)
    for expected in (0, 1, 3, 2**62):
        with pytest.raises(VersionConflict) as caught:
            await store.append(write(part(stream, expected)))
        assert (caught.value.stream_id, caught.value.expected_version) == (stream, expected)
        assert caught.value.version == 2
    assert await store.head(first.tenant_id) == 2


async def test_several_streams_are_written_together_or_not_at_all(
    store: EventStore, database_url: str
) -> None:
    tenant = new_tenant()
    streams = [new_stream(tenant) for _ in range(3)]
    appended = await store.append(write(*(part(stream, count=2) for stream in streams)))
    assert appended.positions == (1, 2, 3, 4, 5, 6)
    stale = write(part(streams[0], 2), part(streams[1], 1), part(streams[2], 2))
    with pytest.raises(VersionConflict) as caught:
        await store.append(stale)
    assert caught.value.stream_id == streams[1]
    assert len(all_logs(database_url)) == 6


async def test_a_guard_holds_only_while_its_stream_stands_still(store: EventStore) -> None:
    tenant = new_tenant()
    guarded, written = new_stream(tenant), new_stream(tenant)
    await store.append(write(part(written), part(guarded, 0, count=0)))
    await store.append(write(part(guarded)))
    with pytest.raises(VersionConflict) as caught:
        await store.append(write(part(written, 1), part(guarded, 0, count=0)))
    assert (caught.value.stream_id, caught.value.version) == (guarded, 1)
    await store.append(write(part(written, 1), part(guarded, 1, count=0)))


async def test_parts_of_one_stream_hold_one_after_the_other(store: EventStore, database_url: str) -> None:
    tenant = new_tenant()
    one, other = new_stream(tenant), new_stream(tenant)
    await store.append(
        write(part(one, 0, count=0), part(one), part(other), part(one, 1), part(one, 2, count=0))
    )
    assert [(row.stream_id, row.version) for row in all_logs(database_url)] == [
        (one, 1),
        (other, 1),
        (one, 2),
    ]
    for contradiction in ([part(one, 2), part(one, 2)], [part(one, 2), part(one, 2, count=0)]):
        with pytest.raises(VersionConflict) as caught:
            await store.append(write(*contradiction))
        assert (caught.value.expected_version, caught.value.version) == (2, 3)
    assert await store.head(tenant) == 3


async def test_a_repeated_command_answers_its_first_outcome(store: EventStore, database_url: str) -> None:
    tenant = new_tenant()
    one, other = new_stream(tenant), new_stream(tenant)
    command = uuid4()
    append = write(part(one, count=2), part(other, 0, count=0), part(other), command=command)
    first = await store.append(append)
    await store.append(write(part(one, 2), part(other, 1)))
    assert await store.append(append) == first
    with pytest.raises(VersionConflict):
        await store.append(write(part(one, count=2), part(other)))
    with pytest.raises(VersionConflict):
        await store.append(write(part(one, count=3), part(other), command=command))
    assert len(all_logs(database_url)) == 5


async def test_a_command_sent_twice_at_once_is_written_once(store: EventStore, database_url: str) -> None:
    append = write(part(new_stream(), count=2))
    first, *others = await asyncio.gather(*(store.append(append) for _ in range(5)))
    assert others == [first] * 4
    assert len(all_logs(database_url)) == 2


@pytest.mark.parametrize(
    "append",
    [
        Append(new_tenant(), (), uuid4()),
        write(part(new_stream(), 0, count=0)),
        write(part(new_stream(), -1)),
        write(part(new_stream(), 2**70)),
        write(part(new_stream(), event=NewEvent("Nul\0", b""))),
        write(part(new_stream(), event=NewEvent("Large", b"x" * (64 << 20))), part(new_stream())),
    ],
    ids=["no parts", "only a guard", "negative", "huge version", "NUL", "too large"],
)
async def test_what_a_log_cannot_hold_is_a_value_error(store: EventStore, append: Append) -> None:
    with pytest.raises(ValueError, match=r"append|expected version|NUL|0x00"):
        await store.append(append)
    await store.append(write(part(new_stream())))


async def test_a_stream_as_of_a_version_or_a_time(store: EventStore, database_url: str) -> None:
    stream = new_stream()
    tenant = write(part(stream)).tenant_id
    times = [(await store.append(write(part(stream, version)))).recorded_at for version in range(4)]
    tick = timedelta(microseconds=1)

    async def versions(version: int | None = None, time: datetime | None = None) -> list[int]:
        loaded = await store.load_as_of(tenant, stream, version=version, time=time)
        return [event.version for event in loaded]

    assert await versions() == [1, 2, 3, 4]
    assert await versions(version=2) == [1, 2]
    assert await versions(version=-(2**70)) == []
    assert await versions(version=2**70) == [1, 2, 3, 4]
    assert await versions(time=times[2]) == [1, 2, 3]
    assert await versions(time=times[2] - tick) == [1, 2]
    assert await versions(time=times[0] - tick) == []
    assert await versions(time=times[2], version=1) == [1]
    assert await versions(time=datetime.max.replace(tzinfo=UTC)) == [1, 2, 3, 4]

    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        step_back = "update event set recorded_at = recorded_at - interval '1 day' where version = 4"
        await connection.execute(step_back)
    assert await versions(time=times[1]) == [1, 2], "a stream has no holes, whatever the server's clock did"


async def test_a_log_is_read_in_pages(store: EventStore) -> None:
    stream = new_stream()
    tenant = write(part(stream)).tenant_id
    assert await store.head(tenant) == 0
    assert await store.read(tenant) == []
    await store.append(write(part(stream, count=7)))
    assert await store.head(tenant) == 7
    assert [event.position for event in await store.read(tenant)] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.position for event in await store.read(tenant, after=2, limit=3)] == [3, 4, 5]
    assert await store.read(tenant, after=2**70) == []
    assert [event.position for event in await store.read(tenant, after=-(2**70), limit=2**70)][-1] == 7


async def test_a_read_that_is_refused_hurts_no_other(store: EventStore) -> None:
    stream = new_stream()
    tenant = write(part(stream)).tenant_id
    await store.append(write(part(stream)))
    limits = [5, 6, -1, 7, 8]
    answers = await asyncio.gather(
        *(store.read(tenant, limit=limit) for limit in limits), return_exceptions=True
    )
    assert isinstance(answers.pop(2), ValueError)
    assert [len(answer) for answer in answers if isinstance(answer, list)] == [1, 1, 1, 1]


async def test_the_log_shows_itself_in_sql(store: EventStore, connection: psycopg.Connection[object]) -> None:
    stream = new_stream()
    for version, data in enumerate([b'{"stage":"offer"}', b"\xff", b'{"a":"\\u0000"}', b""]):
        await store.append(write(part(stream, version, event=NewEvent("Noted", data))))
    rows = connection.execute("select position, data from event_log order by position").fetchall()
    assert rows == [(1, {"stage": "offer"}), (2, None), (3, None), (4, None)]


class TestSynchronousStore:
    def test_writes_and_reads_the_same_log(self, connection: psycopg.Connection[object]) -> None:
        store = SyncEventStore(connection)
        stream = new_stream()
        append = write(part(stream, count=3))
        first = store.append(append)
        assert first.positions == (1, 2, 3)
        assert store.append(append) == first
        assert store.head(append.tenant_id) == 3
        assert [event.position for event in store.read(append.tenant_id, after=1)] == [2, 3]
        assert [event.version for event in store.load(append.tenant_id, stream, after_version=1)] == [2, 3]
        assert [event.version for event in store.load(append.tenant_id, stream, version=2)] == [1, 2]

    def test_writes_the_others_before_it_tells_of_a_conflict(
        self, connection: psycopg.Connection[object], database_url: str
    ) -> None:
        store = SyncEventStore(connection)
        streams = [new_stream() for _ in range(3)]
        store.append(write(part(streams[1])))
        with pytest.raises(VersionConflict):
            store.append_many([write(part(stream)) for stream in streams])
        assert len(all_logs(database_url)) == 3
        assert store.append_many([]) == []

    def test_goes_on_after_a_refused_append(
        self, connection: psycopg.Connection[object], database_url: str
    ) -> None:
        store = SyncEventStore(connection)
        stream = new_stream()
        with pytest.raises(psycopg.DataError):
            store.append(write(part(stream, event=NewEvent("Nul\0", b""))))
        assert store.append(write(part(stream))).positions == (1,)
        assert len(all_logs(database_url)) == 1

    def test_does_not_end_a_transaction_of_its_callers(
        self, connection: psycopg.Connection[object], database_url: str
    ) -> None:
        store = SyncEventStore(connection)
        with pytest.raises(psycopg.ProgrammingError, match="own transaction"), connection.transaction():
            store.append(write(part(new_stream())))
        assert all_logs(database_url) == []
