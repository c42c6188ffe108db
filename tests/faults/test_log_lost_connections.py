"""A connection that is lost around a commit: what was written is answered, and nothing is written twice."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent, Tracking

from application.recorded import VersionConflict
from infrastructure.event_store import EventStore, Factory, SyncEventStore
from tests.faults.proxy import Proxy, proxy
from tests.infrastructure.logs import all_logs, new_stream, part, write
from tests.read_models import new_tenant


@pytest.fixture
def through(database_url: str) -> Iterator[tuple[Proxy, str]]:
    with tempfile.TemporaryDirectory(prefix="hl-") as folder, proxy(database_url, Path(folder)) as between:
        yield between


@pytest.fixture
def line(through: tuple[Proxy, str]) -> Proxy:
    return through[0]


@pytest.fixture
def factory(through: tuple[Proxy, str]) -> Iterator[Factory]:
    made = Factory({"DATABASE_URL": through[1], "TENANT_ID": str(new_tenant())})
    yield made
    made.close()


def stored(originator_id: UUID, version: int) -> StoredEvent:
    return StoredEvent(originator_id, version, "topic", b"{}")


async def test_an_append_that_was_committed_unheard_answers_its_first_outcome(
    through: tuple[Proxy, str], database_url: str
) -> None:
    line, url = through
    async with EventStore(url) as store:
        stream = new_stream()
        await store.append(write(part(stream)))
        line.cut_after_commit = 3
        assert (await store.append(write(part(stream, 1, count=2)))).positions == (2, 3)
        assert line.cuts == 3, "what follows may be lost too"
        line.cut_after_commit = 1
        with pytest.raises(VersionConflict):
            await store.append(write(part(stream, 1)))
        assert line.cuts == 4
    assert len(all_logs(database_url)) == 3


async def test_an_append_that_never_arrived_is_sent_again(
    through: tuple[Proxy, str], database_url: str
) -> None:
    line, url = through
    async with EventStore(url) as store:
        line.cut_before_writing = 2
        assert (await store.append(write(part(new_stream())))).positions == (1,)
    assert line.cuts == 2
    assert len(all_logs(database_url)) == 1


async def test_a_batch_that_was_committed_unheard_is_told_apart(
    through: tuple[Proxy, str], database_url: str
) -> None:
    line, url = through
    async with EventStore(url) as store:
        tenant = new_tenant()
        moved, streams = new_stream(tenant), [new_stream(tenant) for _ in range(20)]
        await store.append(write(part(moved)))
        line.cut_after_commit = 2
        told = await asyncio.gather(
            *(store.append(write(part(stream, count=2))) for stream in streams),
            store.append(write(part(moved))),
            *(store.append(write(part(new_stream()))) for _ in range(5)),
            return_exceptions=True,
        )
    assert line.cuts == 2
    assert isinstance(told.pop(20), VersionConflict)
    positions = [outcome.positions for outcome in told if not isinstance(outcome, BaseException)]
    assert positions == [(number, number + 1) for number in range(2, 42, 2)] + [(1,)] * 5
    assert len(all_logs(database_url)) == 1 + 40 + 5


def test_whoever_repeats_the_append_of_a_synchronous_store_gets_the_first_outcome(
    through: tuple[Proxy, str], database_url: str
) -> None:
    line, url = through
    append = write(part(new_stream(), count=2))
    line.cut_after_commit = 1
    with psycopg.Connection[object].connect(url, autocommit=True) as connection:
        with pytest.raises(psycopg.OperationalError):
            SyncEventStore(connection).append(append)
        assert connection.closed
    with psycopg.Connection[object].connect(url, autocommit=True) as connection:
        assert SyncEventStore(connection).append(append).positions == (1, 2)
    assert len(all_logs(database_url)) == 2


def test_a_recorder_that_heard_no_answer_answers_its_first_outcome(line: Proxy, factory: Factory) -> None:
    recorder = factory.application_recorder()
    originator = uuid4()
    line.cut_after_commit = 1
    assert recorder.insert_events([stored(originator, 1), stored(originator, 2)]) == [1, 2]
    line.cut_before_writing = 1
    assert recorder.insert_events([stored(originator, 3)]) == [3]
    assert line.cuts == 2
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored(originator, 3)])
    assert [event.originator_version for event in recorder.select_events(originator)] == [1, 2, 3]


def test_a_process_that_heard_no_answer_is_not_done_twice(line: Proxy, factory: Factory) -> None:
    recorder = factory.process_recorder()
    originator = uuid4()
    line.cut_after_commit = 1
    assert recorder.insert_events([stored(originator, 1)], tracking=Tracking("upstream", 7)) == [1]
    line.cut_after_commit = 1
    assert recorder.insert_events([], tracking=Tracking("upstream", 8)) is None
    assert line.cuts == 2
    assert (recorder.max_tracking_id("upstream"), recorder.max_notification_id()) == (8, 1)
    for events in [], [stored(originator, 2)]:
        with pytest.raises(IntegrityError):
            recorder.insert_events(events, tracking=Tracking("upstream", 8))
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored(originator, 1)], tracking=Tracking("upstream", 9))
    assert (recorder.max_tracking_id("upstream"), recorder.max_notification_id()) == (8, 1)


def test_a_snapshot_or_position_that_was_stored_unheard_is_not_refused(line: Proxy, factory: Factory) -> None:
    line.commit_answer = b"INSERT 0 1\0"
    snapshots, tracking = factory.aggregate_recorder("snapshots"), factory.tracking_recorder()
    snapshot = stored(uuid4(), 5)
    line.cut_after_commit = 1
    snapshots.insert_events([snapshot])
    line.cut_after_commit = 1
    tracking.insert_tracking(Tracking("upstream", 7))
    assert line.cuts == 2
    with pytest.raises(IntegrityError):
        snapshots.insert_events([snapshot])
    with pytest.raises(IntegrityError):
        tracking.insert_tracking(Tracking("upstream", 7))
