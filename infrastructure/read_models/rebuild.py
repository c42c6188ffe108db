"""A new build of a read model from position 1, beside the live one, and the switch in one transaction."""

import contextlib
import gc
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Generic, LiteralString
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection, sql

from infrastructure.database.long_session import events_in_all_logs, long_session
from infrastructure.log.pipeline import int8, rows, run_sync
from infrastructure.read_models.build_writer import (
    REFUSED_ROWS,
    BuildWriter,
    CannotFold,
    Target,
    refuse_poison,
)
from infrastructure.read_models.event_page import PAGE_OF_ALL, EventPage, PageRow
from infrastructure.read_models.fold import Rows
from infrastructure.read_models.new_build import BuildFailed, live_build, new_build
from infrastructure.read_models.projector import SWITCH_LOCK
from infrastructure.read_models.read_model import (
    AnyReadModel,
    EventT,
    ReadModel,
    RowT,
    create_indexes,
    create_view,
    table_name,
    view_name,
)

ReportProgress = Callable[[int, int], None]
"""Called with how many events were read, and how many there are."""

PAGE_SIZE: Final = 10_000
ROWS_IN_MEMORY: Final = 50_000

_SWITCH_TRIES: Final = 5
_CATCH_UP_ROUNDS: Final = 20
_TENANTS_AT_ONCE: Final = 100
_NOBODY: Final = UUID(int=0)

_BEHIND: Final[LiteralString] = """
select head.tenant_id, head.position
from log_head as head
left join lateral (select position from projection_checkpoint as own
                   where own.tenant_id = head.tenant_id and own.name = %(name)s and own.build = %(build)s limit 1)
     as checkpoint on true
where head.position > coalesce(checkpoint.position, 0)
"""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did: the build that is live now, and how many events it read."""

    name: str
    version: int
    build: int
    events: int


def rebuild(
    database_url: str,
    model: AnyReadModel,
    *,
    progress: ReportProgress | None = None,
    page_size: int = PAGE_SIZE,
    rows_in_memory: int = ROWS_IN_MEMORY,
) -> Rebuilt:
    """Build `model` anew while the live build serves and writes go on, then switch.

    Memory is bounded by a few `page_size` events and `rows_in_memory` rows. Raises `BuildFailed` when another rebuild of it
    runs, or an event cannot be folded; whatever the failure, the live build is untouched and the new one is removed.
    """
    with new_build(database_url, model) as (connection, build), without_garbage_collector():
        load = _Load(connection, model, build, progress or (lambda _read, _total: None), page_size)
        try:
            load.everything(database_url, rows_in_memory)
            for index in create_indexes(model, build):
                connection.execute(index)
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table_name(model, build))))
            for _ in range(_CATCH_UP_ROUNDS):
                if load.catch_up() <= page_size:
                    break
            _switch(connection, model, load)
        except (CannotFold, *REFUSED_ROWS) as error:
            raise BuildFailed(str(error)) from error
        return Rebuilt(name=model.name, version=model.version, build=build, events=load.events)


@contextlib.contextmanager
def without_garbage_collector() -> Generator[None]:
    """A fold makes many objects and no cycles: looking for cycles among them took 45 % of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Load(Generic[RowT, EventT]):
    def __init__(
        self,
        connection: Connection[Any],
        model: ReadModel[RowT, EventT],
        build: int,
        progress: ReportProgress,
        page_size: int,
    ) -> None:
        self.events = 0
        self.writer = BuildWriter(model, build)
        self._connection = connection
        self._model = model
        self._progress = progress
        self._page_size = page_size
        self._total = events_in_all_logs(connection)

    def everything(self, database_url: str, rows_in_memory: int) -> None:
        """All logs as they are found, one after the other.

        Rows go to the table when there are too many for memory. Then only those of the log that is being read (`halfway`)
        can be touched again, so only those are looked up in the table and overwritten; all others are copied.
        """
        folded = Rows(self._model, self.writer.table)
        reached: dict[UUID, int] = {}
        halfway = _NOBODY
        for found in _scan(database_url, self.writer.reader.types, self._page_size):
            for row in found:
                tenant_id: UUID = row[0]
                page = self.writer.reader.page(row, reached.get(tenant_id, 0))
                folded.fold(self._connection, [page], all_in_memory=tenant_id != halfway)
                refuse_poison(self._model.name, page)
                reached[tenant_id] = page.reached
                self._count(page)
                if len(folded) > rows_in_memory:
                    folded.write(self._connection, may_exist_of=halfway)
                    folded.clear()
                    halfway = tenant_id
        folded.write(self._connection, may_exist_of=halfway)
        with self._connection.cursor().copy(
            "copy projection_checkpoint (name, build, tenant_id, position) from stdin"
        ) as copy:
            for tenant_id, position in reached.items():
                copy.write_row((self._model.name, self.writer.build, tenant_id, position))

    def catch_up(self) -> int:
        """Fold what was written meanwhile, as far as the logs reach now; the number of events."""
        identity = {"name": self._model.name, "build": self.writer.build}
        targets = [Target(*row) for row in self._connection.execute(_BEHIND, identity)]
        before = self.events
        for events in self.writer.reach(self._connection, targets, self._page_size, _TENANTS_AT_ONCE):
            self.events += events
            self._report()
        return self.events - before

    def _count(self, page: EventPage[EventT]) -> None:
        self.events += page.count
        self._report()

    def _report(self) -> None:
        self._progress(self.events, self._total)


def _scan(database_url: str, types: bytes, page_size: int) -> Iterator[list[PageRow]]:
    """All logs in pages of events; the next page is fetched while the last is folded."""
    with long_session(database_url) as connection, ThreadPoolExecutor(1) as reader:

        def page(after_tenant: UUID, after: int) -> list[PageRow]:
            parameters = (after_tenant.bytes, int8(after), int8(page_size), types)
            (found,) = run_sync(connection, [(PAGE_OF_ALL, parameters)])
            return rows(connection, found)

        ahead = reader.submit(page, _NOBODY, 0)
        while found := ahead.result():
            ahead = reader.submit(page, found[-1][0], found[-1][3])
            yield found


def _switch(connection: Connection[Any], model: AnyReadModel, load: _Load[Any, Any]) -> None:
    """Make the new build the live one. Live units of this read model wait meanwhile; commands do not."""
    for attempt in range(1, _SWITCH_TRIES + 1):
        try:
            with connection.transaction():
                connection.execute("select set_config('synchronous_commit', 'on', true)")
                connection.execute("select set_config('lock_timeout', '5s', true)")
                connection.execute(
                    "select pg_advisory_xact_lock(%s, hashtext(%s))", [SWITCH_LOCK, model.name]
                )
                load.catch_up()
                _replace(connection, model, load.writer.build)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if attempt == _SWITCH_TRIES:
                raise BuildFailed(
                    f"{model.name}: long queries on the live build kept the switch out"
                ) from error
            load.catch_up()
        else:
            return


def _replace(connection: Connection[Any], model: AnyReadModel, build: int) -> None:
    old = live_build(connection, model)
    view = sql.Identifier(view_name(model))
    connection.execute(sql.SQL("drop view if exists {}").format(view))
    for statement in create_view(model, build):
        connection.execute(statement)
    connection.execute(
        """insert into projection (name, version, build) values (%s, %s, %s)
           on conflict (name) do update
           set version = excluded.version, build = excluded.build, changed_at = now()""",
        [model.name, model.version, build],
    )
    if old is not None:
        connection.execute(sql.SQL("drop table {}").format(sql.Identifier(table_name(model, old))))
        connection.execute(
            "delete from projection_checkpoint where name = %s and build = %s", [model.name, old]
        )
