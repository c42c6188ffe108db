"""The one transaction that writes a log: plain statements sent together, each naming one tenant as a scalar.

Per tenant (in tenant order, so that two writers cannot deadlock): lock the head; insert the events if every stream is at
its expected version (a later statement: its snapshot is taken after the lock was granted, so the check cannot race);
set the head to the last position. If the check failed nothing was inserted and the head stands still.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from psycopg.pq.abc import PGresult

from application.recorded import Append, Appended, VersionConflict
from infrastructure.pipeline import (
    BYTEA,
    INT8,
    TEXT,
    UUID_TYPE,
    Statement,
    Value,
    array,
    int8,
    to_int,
    to_time,
    to_uuid,
)

BEGIN: Final = Statement("log_begin", "begin")
COMMIT: Final = Statement("log_commit", "commit")
CREATE_HEAD: Final = Statement(
    "log_create_head", "insert into log_head (tenant_id, position) values ($1, 0) on conflict do nothing"
)
LOCK_HEAD: Final = Statement(
    "log_lock_head", "select position from log_head where tenant_id = $1 for update"
)
INSERT: Final = Statement(
    "log_insert",
    """
    insert into event (tenant_id, position, stream_id, version, type, data, actor_id, command_id, recorded_at)
    select $1::uuid, head.position + new.ordinality, new.stream_id, new.version, new.type, new.data, new.actor_id,
           new.command_id, statement_timestamp()
    from unnest($4::uuid[], $5::bigint[], $6::text[], $7::bytea[], $8::uuid[], $9::uuid[])
         with ordinality as new (stream_id, version, type, data, actor_id, command_id, ordinality),
         (select position from log_head where tenant_id = $1::uuid) as head
    where not exists (
        select from unnest($2::uuid[], $3::bigint[]) as expected (stream_id, version)
        where expected.version <> coalesce(
            (select event.version from event
             where event.tenant_id = $1::uuid and event.stream_id = expected.stream_id
             order by event.version desc limit 1), 0))
    returning position, recorded_at
    """,
)
ADVANCE_HEAD: Final = Statement(
    "log_advance_head",
    """
    update log_head set position = coalesce(
        (select event.position from event where event.tenant_id = $1::uuid order by event.position desc limit 1), 0)
    where tenant_id = $1::uuid
    """,
)
VERSIONS: Final = Statement(
    "log_versions",
    """
    select wanted.stream_id,
           coalesce((select event.version from event
                     where event.tenant_id = $1::uuid and event.stream_id = wanted.stream_id
                     order by event.version desc limit 1), 0)
    from unnest($2::uuid[]) as wanted (stream_id)
    """,
)
OWN_EVENTS: Final = Statement(
    "log_own_events",
    """
    select stream_id, version, position, recorded_at from event
    where tenant_id = $1::uuid and stream_id = any($2::uuid[]) and command_id = $3::uuid
    """,
)


class TenantWrite(msgspec.Struct):
    """What one transaction writes to one tenant's log: appends that can all hold together, as the arrays of `INSERT`."""

    tenant_id: UUID
    appends: list[int] = []
    expected: dict[UUID, int] = {}
    reached: dict[UUID, int] = {}
    stream_ids: list[bytes] = []
    versions: list[bytes] = []
    types: list[bytes] = []
    data: list[bytes] = []
    actor_ids: list[bytes | None] = []
    command_ids: list[bytes] = []

    def add(self, index: int, append: Append) -> bool:
        """Take an append in, unless it cannot hold after those taken already (two expect the same version)."""
        if any(self.reached.get(part.stream_id, part.expected_version) != part.expected_version for part in append.parts):
            return False
        self.appends.append(index)
        actor = None if append.actor_id is None else append.actor_id.bytes
        command = append.command_id.bytes
        for part in append.parts:
            stream, version = part.stream_id, part.expected_version
            self.expected.setdefault(stream, version)
            for event in part.events:
                version += 1
                self.stream_ids.append(stream.bytes)
                self.versions.append(int8(version))
                self.types.append(event.type.encode())
                self.data.append(event.data)
                self.actor_ids.append(actor)
                self.command_ids.append(command)
            self.reached[stream] = version
        return True

    def calls(self) -> list[tuple[Statement, Sequence[Value]]]:
        tenant = self.tenant_id.bytes
        insert: tuple[Value, ...] = (
            tenant,
            array(UUID_TYPE, [stream.bytes for stream in self.expected]),
            array(INT8, [int8(version) for version in self.expected.values()]),
            array(UUID_TYPE, self.stream_ids),
            array(INT8, self.versions),
            array(TEXT, self.types),
            array(BYTEA, self.data),
            array(UUID_TYPE, self.actor_ids),
            array(UUID_TYPE, self.command_ids),
        )
        return [(LOCK_HEAD, (tenant,)), (INSERT, insert), (ADVANCE_HEAD, (tenant,))]

    def outcomes(self, inserted: PGresult, appends: Sequence[Append]) -> dict[int, Appended] | None:
        """The outcome of each append taken in, by index; None if a stream was not at its expected version."""
        if inserted.ntuples != len(self.stream_ids):
            return None
        first = to_int(inserted.get_value(0, 0))
        recorded_at = to_time(inserted.get_value(0, 1))
        outcomes: dict[int, Appended] = {}
        for index in self.appends:
            count = sum(len(part.events) for part in appends[index].parts)
            outcomes[index] = Appended(tuple(range(first, first + count)), recorded_at)
            first += count
        return outcomes


def by_tenant(appends: Sequence[Append], pending: Sequence[int]) -> list[TenantWrite]:
    """The next transaction's writes, in tenant order; appends that cannot hold together are left for a later one."""
    writes: dict[UUID, TenantWrite] = {}
    for index in pending:
        tenant = appends[index].tenant_id
        if (write := writes.get(tenant)) is None:
            write = writes[tenant] = TenantWrite(tenant)
        write.add(index, appends[index])
    return [writes[tenant] for tenant in sorted(writes)]


def conflict(append: Append, versions: dict[UUID, int]) -> VersionConflict | None:
    """The first part of an append that is not at the version its log has."""
    for part in append.parts:
        version = versions[part.stream_id]
        if version != part.expected_version:
            return VersionConflict(part.stream_id, part.expected_version, version)
    return None


def versions_of(result: PGresult) -> dict[UUID, int]:
    """The rows of `VERSIONS`."""
    return {
        to_uuid(result.get_value(row, 0)): to_int(result.get_value(row, 1)) for row in range(result.ntuples)
    }


def first_outcome(append: Append, result: PGresult) -> Appended | None:
    """The outcome of an append that was committed before, from the rows of `OWN_EVENTS`; None if it was not."""
    found = {
        (to_uuid(result.get_value(row, 0)), to_int(result.get_value(row, 1))): row for row in range(result.ntuples)
    }
    positions: list[int] = []
    recorded_at: datetime | None = None
    for part in append.parts:
        for offset in range(1, len(part.events) + 1):
            row = found.get((part.stream_id, part.expected_version + offset))
            if row is None:
                return None
            positions.append(to_int(result.get_value(row, 2)))
            recorded_at = to_time(result.get_value(row, 3))
    return None if recorded_at is None else Appended(tuple(positions), recorded_at)
