"""The one transaction that writes a log: plain statements sent together, each naming one tenant as a scalar.

Per tenant (in tenant order, so that two writers cannot deadlock): lock the head; insert the events if every stream is at
its expected version (a later statement: its snapshot is taken after the lock was granted, so the check cannot race);
set the head to the last position. If the check failed nothing was inserted and the head stands still.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

import msgspec
from psycopg.pq.abc import PGresult

from application.recorded import Append, Appended, VersionConflict
from infrastructure.log.pipeline import (
    BYTEA,
    INT8,
    TEXT,
    UUID_TYPE,
    Call,
    Statement,
    Value,
    array,
    int8,
    to_int,
    to_time,
)

SHOW: Final = Statement("log_show", "select set_config('hirelog.tenants', $1, true)")
"""Whose rows row-level security shows to the API's role until the transaction ends; it touches no table."""

LOCK_HEAD: Final = Statement(
    "log_lock_head",
    """
    insert into log_head (tenant_id, position) values ($1::uuid, 0)
    on conflict (tenant_id) do update set position = log_head.position where false
    """,
)
"""Founds the log if it is new, and otherwise changes nothing: a row that is not updated is locked all the same."""

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
             order by event.version desc limit 1), least(expected.version, 0)))
    """,
)
ADVANCE_HEAD: Final = Statement(
    "log_advance_head",
    """
    update log_head set position = last.position
    from (select position, recorded_at from event where tenant_id = $1::uuid order by position desc limit 1) as last
    where log_head.tenant_id = $1::uuid
    returning last.position, last.recorded_at
    """,
)
_COLUMN_TYPES: Final = (UUID_TYPE, INT8, TEXT, BYTEA, UUID_TYPE, UUID_TYPE)
"""Of `INSERT`'s rows: stream_id, version, type, data, actor_id, command_id."""

VERSIONS: Final = Statement(
    "log_versions",
    """
    select wanted.stream_id,
           (select event.version from event
            where event.tenant_id = $1::uuid and event.stream_id = wanted.stream_id
            order by event.version desc limit 1)
    from unnest($2::uuid[]) as wanted (stream_id)
    """,
)
OWN_EVENTS: Final = Statement(
    "log_own_events",
    """
    select stored.position, stored.recorded_at
    from unnest($2::uuid[], $3::bigint[]) as own (stream_id, version)
    cross join lateral (
        select version, command_id, position, recorded_at from event
        where event.tenant_id = $1::uuid and event.stream_id = own.stream_id and event.version >= own.version
        order by event.version limit 1) as stored
    where stored.version = own.version and stored.command_id = $4::uuid
    """,
)

StreamBytes: TypeAlias = bytes
"""The id of a stream as PostgreSQL takes it; quicker to look up than a UUID."""

Span: TypeAlias = tuple[int, int]

_LAST_VERSION: Final = 2**62
_APPEND_BYTES: Final = 64 << 20


def checked_size(append: Append) -> int:
    """The bytes of an append's events. Raises `ValueError` when there is none, or when a log cannot hold it."""
    events = size = 0
    for part in append.parts:
        if not 0 <= part.expected_version <= _LAST_VERSION:
            raise ValueError("an expected version is out of range")
        for event in part.events:
            events += 1
            size += len(event.data)
    if not events:
        raise ValueError("an append needs at least one event")
    if size > _APPEND_BYTES:
        raise ValueError("an append is too large")
    return size


class Planned(msgspec.Struct):
    """An append of `events` events on its way into a transaction; `index` is its place among those written together.

    `spans`: from which version to which it takes each of its streams. An empty stream is at version 0, or at -1 for whom counts
    its events from 0.
    """

    index: int
    append: Append
    spans: dict[StreamBytes, Span]
    events: int

    def conflict(self, versions: dict[StreamBytes, int | None]) -> VersionConflict | None:
        """The first stream that is not at the version it must be at; None stands for a stream without events."""
        for stream, (expected, _) in self.spans.items():
            version = versions[stream]
            if version is None:
                version = min(expected, 0)
            if version != expected:
                return VersionConflict(UUID(bytes=stream), expected, version)
        return None

    def own_events(self) -> Call:
        """Its events, if they were committed before."""
        streams: list[Value] = []
        versions: list[Value] = []
        for part in self.append.parts:
            for number in range(len(part.events)):
                streams.append(part.stream_id.bytes)
                versions.append(int8(part.expected_version + number + 1))
        tenant, command = self.append.tenant_id.bytes, self.append.command_id.bytes
        return OWN_EVENTS, (tenant, array(UUID_TYPE, streams), array(INT8, versions), command)

    def first_outcome(self, own: PGresult) -> Appended | None:
        """Its outcome when it was committed before, from the rows of `own_events`; None if it was not."""
        count = own.ntuples
        if count == 0 or count != self.events:
            return None
        positions = sorted(to_int(own.get_value(row, 0)) for row in range(count))
        return Appended(tuple(positions), to_time(own.get_value(0, 1)))


def plan(index: int, append: Append) -> Planned:
    """What an append comes to, its parts one after the other. Raises `VersionConflict` if they contradict each other."""
    spans: dict[StreamBytes, Span] = {}
    events = 0
    for part in append.parts:
        stream, expected, count = part.stream_id.bytes, part.expected_version, len(part.events)
        earlier = spans.get(stream)
        if earlier is None:
            spans[stream] = (expected, expected + count)
        elif earlier[1] == expected:
            spans[stream] = (earlier[0], expected + count)
        else:
            raise VersionConflict(part.stream_id, expected, earlier[1])
        events += count
    return Planned(index, append, spans, events)


class TenantWrite(msgspec.Struct):
    """What one transaction writes to one tenant's log: appends that can all hold together, and the rows of their events as
    `INSERT` takes them."""

    tenant_id: UUID
    appends: list[Planned] = []
    expected: dict[StreamBytes, int] = {}
    reached: dict[StreamBytes, int] = {}
    rows: list[tuple[bytes, bytes, bytes, bytes, bytes | None, bytes]] = []

    def add(self, planned: Planned) -> None:
        """Take an append in, unless it cannot hold after those taken already (two expect the same version)."""
        reached = self.reached
        for stream, (start, _) in planned.spans.items():
            if reached.get(stream, start) != start:
                return
        self.appends.append(planned)
        for stream, (start, end) in planned.spans.items():
            self.expected.setdefault(stream, start)
            reached[stream] = end
        append = planned.append
        actor = None if append.actor_id is None else append.actor_id.bytes
        command = append.command_id.bytes
        for part in append.parts:
            stream, version = part.stream_id.bytes, part.expected_version
            for event in part.events:
                version += 1
                self.rows.append((stream, int8(version), event.type.encode(), event.data, actor, command))

    def calls(self) -> list[Call]:
        tenant = self.tenant_id.bytes
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(_COLUMN_TYPES)
        insert: tuple[Value, ...] = (
            tenant,
            array(UUID_TYPE, self.expected),
            array(INT8, [int8(version) for version in self.expected.values()]),
            *(array(kind, column) for kind, column in zip(_COLUMN_TYPES, columns, strict=True)),
        )
        return [(LOCK_HEAD, (tenant,)), (INSERT, insert), (ADVANCE_HEAD, (tenant,))]

    def outcomes(self, results: Sequence[PGresult]) -> dict[int, Appended] | None:
        """The outcome of each append taken in, by index, from the results of `calls`; None if nothing was written because a
        stream was not at its expected version."""
        _, inserted, advanced = results
        if inserted.command_tuples != len(self.rows):
            return None
        first = to_int(advanced.get_value(0, 0)) - len(self.rows) + 1
        recorded_at = to_time(advanced.get_value(0, 1))
        outcomes: dict[int, Appended] = {}
        for planned in self.appends:
            end = first + planned.events
            outcomes[planned.index] = Appended(tuple(range(first, end)), recorded_at)
            first = end
        return outcomes


def by_tenant(pending: Iterable[Planned]) -> list[TenantWrite]:
    """The next transaction's writes, in tenant order; appends that cannot hold together are left for a later one."""
    writes: dict[UUID, TenantWrite] = {}
    for planned in pending:
        tenant = planned.append.tenant_id
        if (write := writes.get(tenant)) is None:
            write = writes[tenant] = TenantWrite(tenant)
        write.add(planned)
    return [writes[tenant] for tenant in sorted(writes)]


def show_call(tenants: Iterable[bytes]) -> Call:
    """Show the rows of these tenants (ids as bytes) for the rest of the transaction."""
    return SHOW, (("{" + ",".join(map(bytes.hex, tenants)) + "}").encode(),)


def versions_call(tenant_id: UUID, streams: Iterable[StreamBytes]) -> Call:
    """The versions that streams have."""
    return VERSIONS, (tenant_id.bytes, array(UUID_TYPE, streams))


def versions_of(result: PGresult) -> dict[StreamBytes, int | None]:
    """The rows of `VERSIONS`."""
    versions: dict[StreamBytes, int | None] = {}
    for row in range(result.ntuples):
        version = result.get_value(row, 1)
        versions[result.get_value(row, 0) or b""] = None if version is None else to_int(version)
    return versions
