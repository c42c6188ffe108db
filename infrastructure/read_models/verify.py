"""Is a live read model what its log says? A scratch build up to the same positions, compared row by row in SQL."""

from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg import Connection, IsolationLevel, sql

from infrastructure.read_models.build_writer import REFUSED_ROWS, BuildWriter, CannotFold, Target
from infrastructure.read_models.new_build import BuildFailed, new_build
from infrastructure.read_models.projector import SWITCH_LOCK
from infrastructure.read_models.read_model import JSON, AnyReadModel, Column, columns, table_name
from infrastructure.read_models.rebuild import PAGE_SIZE, ReportProgress, without_garbage_collector

SHOWN: Final = 20
_TENANTS_AT_ONCE: Final = 100

_TARGETS: Final[LiteralString] = """
select live.tenant_id, live.position, coalesce(scratch.position, 0)
from projection_checkpoint as live
left join lateral (select position from projection_checkpoint as own
                   where own.tenant_id = live.tenant_id and own.name = live.name and own.build = %(scratch)s limit 1)
     as scratch on true
where live.name = %(name)s and live.build = %(live)s and live.position > coalesce(scratch.position, 0)
"""
_DIFFERENCES: Final = sql.SQL("""
with live as (select {columns} from {live}), log as (select {columns} from {scratch}),
different as (
    select 'live' as side, * from (select * from live except all select * from log) as only_live
    union all
    select 'log', * from (select * from log except all select * from live) as only_log)
select count(*) over (), side, tenant_id, (to_jsonb(different) - 'side')::text
from different order by tenant_id, side limit %(shown)s
""")


class Difference(msgspec.Struct, frozen=True):
    """A row that only one side has: `live`, or `log` (as the fold makes it)."""

    side: str
    tenant_id: UUID
    row: msgspec.Raw


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, and the rows that differ: how many in all, and the first of them."""

    name: str
    build: int
    events: int
    rows: int
    different: int
    differences: list[Difference]


def verify(database_url: str, model: AnyReadModel, *, progress: ReportProgress | None = None) -> Verified:
    """Compare the live build with a scratch one made from the log, both at the same positions, while writes go on.

    Raises `BuildFailed` when there is no live build of this version, another build is being made, or an event cannot be
    folded.
    """
    with new_build(database_url, model) as (connection, scratch), without_garbage_collector():
        live = connection.execute(
            "select build from projection where name = %s and version = %s", [model.name, model.version]
        ).fetchone()
        if live is None:
            raise BuildFailed(f"{model.name}: the live build is not of version {model.version}; rebuild it")
        follower = _Follower(connection, model, live[0], scratch, progress or (lambda _read, _total: None))
        try:
            while follower.follow() > PAGE_SIZE:
                pass
            return _compare_at_rest(connection, model, follower)
        except (CannotFold, *REFUSED_ROWS) as error:
            raise BuildFailed(str(error)) from error


class _Follower:
    """Folds the logs into the scratch build as far as the live one has come."""

    def __init__(
        self,
        connection: Connection[Any],
        model: AnyReadModel,
        live: int,
        scratch: int,
        progress: ReportProgress,
    ) -> None:
        self.live = live
        self.scratch = scratch
        self.events = 0
        self._connection = connection
        self._writer = BuildWriter(model, scratch)
        self._builds = {"name": model.name, "live": live, "scratch": scratch}
        self._progress = progress

    def follow(self) -> int:
        """Bring the scratch build to where the live one stands now; the number of events."""
        found = self._connection.execute(_TARGETS, self._builds).fetchall()
        targets = [Target(tenant_id, position) for tenant_id, position, _ in found]
        before = self.events
        total = before + sum(position - reached for _, position, reached in found)
        for events in self._writer.reach(self._connection, targets, PAGE_SIZE, _TENANTS_AT_ONCE):
            self.events += events
            self._progress(self.events, total)
        return self.events - before


def _compare_at_rest(connection: Connection[Any], model: AnyReadModel, follower: _Follower) -> Verified:
    """Hold the live projection for the last events and one snapshot of both; compare when it goes on again."""
    lock = [SWITCH_LOCK, model.name]
    connection.execute("select pg_advisory_lock(%s, hashtext(%s))", lock)
    held = True
    try:
        follower.follow()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            connection.execute("select from projection limit 1")
            connection.execute("select pg_advisory_unlock(%s, hashtext(%s))", lock)
            held = False
            return _compare(connection, model, follower)
    finally:
        connection.isolation_level = None
        if held:
            connection.execute("select pg_advisory_unlock(%s, hashtext(%s))", lock)


def _comparable(column: Column) -> sql.Composed:
    """What says of two rows whether they differ here: JSON itself has no equality."""
    text: LiteralString = "{}::jsonb" if column.sql_type == JSON else "{}"
    return sql.SQL(text).format(sql.Identifier(column.name))


def _compare(connection: Connection[Any], model: AnyReadModel, follower: _Follower) -> Verified:
    parts = {
        "live": sql.Identifier(table_name(model, follower.live)),
        "scratch": sql.Identifier(table_name(model, follower.scratch)),
        "columns": sql.SQL(", ").join([_comparable(column) for column in columns(model.row)]),
    }
    rows = connection.execute(sql.SQL("select count(*) from {live}").format(**parts)).fetchone()
    found = connection.execute(_DIFFERENCES.format(**parts), {"shown": SHOWN}).fetchall()
    return Verified(
        name=model.name,
        build=follower.live,
        events=follower.events,
        rows=rows[0] if rows else 0,
        different=found[0][0] if found else 0,
        differences=[
            Difference(side, tenant_id, msgspec.Raw(row.encode())) for _, side, tenant_id, row in found
        ],
    )
