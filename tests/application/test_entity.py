"""What is kept of an aggregate between commands."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from application.entity import Entity, continued, encode, recorded, rehydrate
from application.recorded import StoredEvent
from application.work import EntityCache
from domain.decision import Event
from domain.job import JOB, Posting
from tests.domain.builders import COMPANY, JOB_ID, closed, created, edited, published, reopened

MORNING = datetime(2030, 1, 1, 8, tzinfo=UTC)


def stored(events: list[Event]) -> list[StoredEvent]:
    """A stream with one event an hour, at every second position of its log."""
    rows: list[StoredEvent] = []
    for version, event in enumerate(events, start=1):
        new = encode(event)
        rows.append(
            StoredEvent(
                tenant_id=COMPANY,
                position=2 * version,
                stream_id=JOB_ID,
                version=version,
                type=new.type,
                data=new.data,
                actor_id=None,
                command_id=uuid4(),
                recorded_at=MORNING + timedelta(hours=version),
            )
        )
    return rows


def test_a_stream_makes_the_entity_with_its_place_and_times() -> None:
    entity: Entity[object] = rehydrate(
        JOB, JOB_ID, stored([created(), published(), closed(), reopened(), closed()])
    )
    assert (entity.version, entity.position) == (5, 10)
    assert entity.first_at["JobClosed"] == MORNING + timedelta(hours=3)
    assert entity.last_at["JobClosed"] == MORNING + timedelta(hours=5)


def test_no_events_make_the_initial_state_at_version_0() -> None:
    entity = rehydrate(JOB, JOB_ID, [])
    assert (entity.version, entity.position, entity.state) == (0, 0, JOB.initial)


def test_further_events_make_what_the_whole_stream_makes() -> None:
    rows = stored([created(), published(), closed(), reopened()])
    early = rehydrate(JOB, JOB_ID, rows[:2])
    assert continued(JOB, early, rows[2:]) == rehydrate(JOB, JOB_ID, rows)
    assert (early.version, early.largest) == (2, max(len(row.data) for row in rows[:2]))


def test_a_row_is_recorded_with_its_event_decoded() -> None:
    row = stored([created(openings=3)])[0]
    made = recorded(JOB, row)
    assert made.event == created(openings=3)
    assert (made.position, made.version, made.recorded_at) == (row.position, 1, row.recorded_at)


def test_the_cache_forgets_what_was_not_used_longest() -> None:
    cache = EntityCache(limit=2)
    first, second, third = (Entity(UUID(int=n), None) for n in (1, 2, 3))
    cache.put(first)
    cache.put(second)
    assert cache.get(first.stream_id) is first
    cache.put(third)
    assert cache.get(second.stream_id) is None
    assert cache.get(first.stream_id) is first
    cache.drop(first.stream_id)
    assert cache.get(first.stream_id) is None


def test_the_cache_is_bounded_by_what_is_in_it_too() -> None:
    cache = EntityCache(most_bytes=10)
    small, grown, large = (
        Entity(UUID(int=n), None, largest=largest) for n, largest in ((1, 4), (1, 6), (2, 5))
    )
    cache.put(small)
    cache.put(large)
    assert cache.get(small.stream_id) is small
    cache.put(grown)
    assert (cache.get(large.stream_id), cache.get(grown.stream_id)) == (None, grown)
    cache.drop(grown.stream_id)
    cache.put(large)
    cache.put(small)
    assert (cache.get(large.stream_id), cache.get(small.stream_id)) == (large, small)
    huge = Entity(UUID(int=3), None, largest=11)
    cache.put(huge)
    assert [cache.get(UUID(int=n)) for n in (1, 2, 3)] == [None, None, huge], (
        "or it would be read anew each time"
    )


def test_what_is_said_again_and_again_takes_the_room_of_once() -> None:
    large = Posting(title="Baker", description="x" * 10_000)
    grown = rehydrate(JOB, JOB_ID, stored([created(), *[edited(large)] * 100]))
    assert 10_000 < grown.size < 50_000
