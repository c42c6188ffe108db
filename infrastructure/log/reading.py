"""The statements that read a log, and their rows. Each names one tenant as a scalar."""

from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.pq.abc import PGresult

from application.recorded import StoredEvent
from infrastructure.log.pipeline import (
    Call,
    Statement,
    from_time,
    int8,
    to_int,
    to_time,
    to_uuid,
)

_LAST: Final = 2**63 - 1
_COLUMNS: Final = "position, stream_id, version, type, data, actor_id, command_id, recorded_at"

STREAM: Final = Statement(
    "log_stream",
    f"""
    select {_COLUMNS} from event
    where tenant_id = $1::uuid and stream_id = $2::uuid and version > $3::bigint and version <= $4::bigint
    order by version
    """,
)
STREAM_AS_OF: Final = Statement(
    "log_stream_as_of",
    f"""
    select {_COLUMNS} from event
    where tenant_id = $1::uuid and stream_id = $2::uuid and version > $3::bigint and version <= $4::bigint
      and version < coalesce((select version from event
                              where tenant_id = $1::uuid and stream_id = $2::uuid and recorded_at > $5::timestamptz
                              order by version limit 1),
                             9223372036854775807)
    order by version
    """,
)
"""What was recorded at or before a moment: up to the first later event, even if the server's clock stepped back since."""

LOG: Final = Statement(
    "log_page",
    f"""
    select {_COLUMNS} from event where tenant_id = $1::uuid and position > $2::bigint
    order by position limit $3::bigint
    """,
)
HEAD: Final = Statement("log_head", "select position from log_head where tenant_id = $1::uuid")


def stream(
    tenant_id: UUID,
    stream_id: UUID,
    after_version: int,
    up_to_version: int | None,
    up_to_time: datetime | None,
) -> Call:
    after = _bounded(after_version)
    up_to = _bounded(_LAST if up_to_version is None else up_to_version)
    if up_to_time is None:
        return STREAM, (tenant_id.bytes, stream_id.bytes, after, up_to)
    return STREAM_AS_OF, (tenant_id.bytes, stream_id.bytes, after, up_to, from_time(up_to_time))


def page(tenant_id: UUID, after_position: int, limit: int) -> Call:
    return LOG, (tenant_id.bytes, _bounded(after_position), _bounded(limit))


def _bounded(value: int) -> bytes:
    """A place in a stream or log as PostgreSQL takes it; nothing stands beyond its integers."""
    return int8(max(-1, min(value, _LAST)))


def head(tenant_id: UUID) -> Call:
    return HEAD, (tenant_id.bytes,)


def rows(tenant_id: UUID, result: PGresult) -> list[StoredEvent]:
    get = result.get_value
    events: list[StoredEvent] = []
    for row in range(result.ntuples):
        actor = get(row, 5)
        events.append(
            StoredEvent(
                tenant_id=tenant_id,
                position=to_int(get(row, 0)),
                stream_id=to_uuid(get(row, 1)),
                version=to_int(get(row, 2)),
                type=(get(row, 3) or b"").decode(),
                data=get(row, 4) or b"",
                actor_id=None if actor is None else to_uuid(actor),
                command_id=to_uuid(get(row, 6)),
                recorded_at=to_time(get(row, 7)),
            )
        )
    return events


def head_position(result: PGresult) -> int:
    """0 for a log without events."""
    return to_int(result.get_value(0, 0)) if result.ntuples else 0
