"""What the `eventsourcing` recorders say to PostgreSQL, and its rows in the library's types. Each names one tenant."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from eventsourcing.persistence import DataError, Notification, StoredEvent
from psycopg.pq.abc import PGresult

from application.recorded import NewEvent, StreamPart
from infrastructure.log.pipeline import (
    BYTEA,
    INT8,
    TEXT,
    UUID_TYPE,
    Call,
    Statement,
    array,
    int8,
    to_int,
    to_uuid,
)

_LAST: Final = 2**63 - 1
_IN_STREAM: Final = """
    where tenant_id = $1::uuid and stream_id = $2::uuid and version > $3::bigint and version <= $4::bigint"""

EVENTS: Final = Statement(
    "recorder_events",
    f"select stream_id, version, type, data from event {_IN_STREAM} order by version limit $5::bigint",
)
EVENTS_BACKWARDS: Final = Statement(
    "recorder_events_backwards",
    f"select stream_id, version, type, data from event {_IN_STREAM} order by version desc limit $5::bigint",
)
SNAPSHOTS: Final = Statement(
    "recorder_snapshots",
    f"select stream_id, version, type, data from snapshot {_IN_STREAM} order by version limit $5::bigint",
)
SNAPSHOTS_BACKWARDS: Final = Statement(
    "recorder_snapshots_backwards",
    f"select stream_id, version, type, data from snapshot {_IN_STREAM} order by version desc limit $5::bigint",
)
INSERT_SNAPSHOTS: Final = Statement(
    "recorder_insert_snapshots",
    """
    insert into snapshot (tenant_id, stream_id, version, type, data)
    select $1::uuid, new.stream_id, new.version, new.type, new.data
    from unnest($2::uuid[], $3::bigint[], $4::text[], $5::bytea[]) as new (stream_id, version, type, data)
    """,
)
NOTIFICATIONS: Final = Statement(
    "recorder_notifications",
    """
    select stream_id, version, type, data, position from event
    where tenant_id = $1::uuid and position > $2::bigint and position <= $3::bigint
      and ($4::text[] is null or type = any($4::text[]))
    order by position limit $5::bigint
    """,
)
TRACK: Final = Statement(
    "recorder_track",
    """
    insert into tracking (tenant_id, tracker, position) values ($1::uuid, $2::text, $3::bigint)
    on conflict (tenant_id, tracker) do update set position = excluded.position
    where tracking.position < excluded.position
    returning position
    """,
)
TRACKED: Final = Statement(
    "recorder_tracked", "select position from tracking where tenant_id = $1::uuid and tracker = $2::text"
)


def in_stream(
    statement: Statement,
    tenant_id: UUID,
    stream_id: UUID,
    *,
    gt: int | None = None,
    lte: int | None = None,
    limit: int | None = None,
) -> Call:
    """One of the four statements that read a stream."""
    after = -1 if gt is None else gt
    up_to = _LAST if lte is None else lte
    return statement, (tenant_id.bytes, stream_id.bytes, int8(after), int8(up_to), _or_null(limit))


def notifications(
    tenant_id: UUID, after: int, stop: int | None, topics: Sequence[str], limit: int | None
) -> Call:
    wanted = array(TEXT, [topic.encode() for topic in topics]) if topics else None
    up_to = _LAST if stop is None else stop
    return NOTIFICATIONS, (tenant_id.bytes, int8(after), int8(up_to), wanted, _or_null(limit))


def insert_snapshots(tenant_id: UUID, stored: Sequence[StoredEvent]) -> Call:
    return INSERT_SNAPSHOTS, (
        tenant_id.bytes,
        array(UUID_TYPE, [as_uuid(snapshot.originator_id).bytes for snapshot in stored]),
        array(INT8, [int8(snapshot.originator_version) for snapshot in stored]),
        array(TEXT, [snapshot.topic.encode() for snapshot in stored]),
        array(BYTEA, [snapshot.state for snapshot in stored]),
    )


def track(tenant_id: UUID, tracker: str, position: int) -> Call:
    return TRACK, (tenant_id.bytes, tracker.encode(), int8(position))


def tracked(tenant_id: UUID, tracker: str) -> Call:
    return TRACKED, (tenant_id.bytes, tracker.encode())


def parts(stored: Iterable[StoredEvent]) -> tuple[StreamPart, ...]:
    """Events in their order: one part for each run of one aggregate's versions."""
    runs: list[tuple[UUID, int, list[NewEvent]]] = []
    for event in stored:
        stream_id, version = as_uuid(event.originator_id), event.originator_version
        if not 0 <= version <= _LAST:
            raise DataError(f"{version} is no version")
        if not runs or runs[-1][0] != stream_id or runs[-1][1] + len(runs[-1][2]) != version - 1:
            runs.append((stream_id, version - 1, []))
        runs[-1][2].append(NewEvent(event.topic, event.state))
    return tuple(StreamPart(stream_id, expected, tuple(events)) for stream_id, expected, events in runs)


def stored_events(originator_id: UUID | str, result: PGresult) -> list[StoredEvent]:
    """The rows of a stream, with the id as it was asked for."""
    get = result.get_value
    return [
        StoredEvent(originator_id, to_int(get(row, 1)), (get(row, 2) or b"").decode(), get(row, 3) or b"")
        for row in range(result.ntuples)
    ]


def stored_notifications(result: PGresult) -> list[Notification]:
    """The rows of `NOTIFICATIONS`."""
    get = result.get_value
    return [
        Notification(
            to_uuid(get(row, 0)),
            to_int(get(row, 1)),
            (get(row, 2) or b"").decode(),
            get(row, 3) or b"",
            to_int(get(row, 4)),
        )
        for row in range(result.ntuples)
    ]


def as_uuid(originator_id: UUID | str) -> UUID:
    """An aggregate's id as a stream's. Raises `DataError` for a text that is no UUID."""
    if isinstance(originator_id, UUID):
        return originator_id
    try:
        return UUID(originator_id)
    except ValueError:
        raise DataError(f"aggregates in this log have UUIDs, not {originator_id!r}") from None


def _or_null(limit: int | None) -> bytes | None:
    return None if limit is None else int8(limit)
