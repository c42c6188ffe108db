"""The unit of work of a read model: claim tenants that are behind, read, fold, write, move on; one transaction."""

from collections.abc import Collection, Sequence
from typing import Any, Final, Generic, LiteralString
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg_pool import ConnectionPool

from infrastructure.log.pipeline import BEGIN, COMMIT, Call, Statement, int8, rows, run_sync, to_int
from infrastructure.read_models.build_writer import REFUSED_ROWS, BuildWriter, Target, page_of_each
from infrastructure.read_models.event_page import EventPage
from infrastructure.read_models.read_model import EventT, ReadModel, RowT

SWITCH_LOCK: Final = 7_265_001
"""Advisory lock class: a unit holds (class, name) shared, the switch of builds holds it alone. Unlike row locks it is
fair: units in quick succession cannot keep a switch out."""

_OPEN_UNIT: Final = Statement(
    "projection_open_unit",
    f"""
    select set_config('timezone', 'UTC', true), set_config('synchronous_commit', 'off', true),
           set_config('lock_timeout', '2s', true), set_config('idle_in_transaction_session_timeout', $2::text, true),
           pg_advisory_xact_lock_shared({SWITCH_LOCK}, hashtext($1::text))
    """,
)
"""Rows and checkpoint are kept or lost together and can be projected again, so a unit need not wait for the disk. A process that
stops in the middle (a paused machine) loses its claims soon."""

_BUILD: Final = Statement(
    "projection_build", "select build from projection where name = $1::text and version = $2::bigint"
)
_BEHIND: Final[LiteralString] = """
select head.tenant_id
from log_head as head
join projection on projection.name = %(name)s and projection.version = %(version)s
left join projection_checkpoint as checkpoint on checkpoint.tenant_id = head.tenant_id
     and checkpoint.name = projection.name and checkpoint.build = projection.build
where checkpoint.parked_position is null and head.position > coalesce(checkpoint.position, 0)
limit %(limit)s
"""


class Unit(msgspec.Struct, frozen=True):
    """What a unit of work did: events read and those of them that the read model handles, tenants moved and parked, and who of
    those asked for is still behind."""

    events: int = 0
    handled: int = 0
    moved: int = 0
    parked: int = 0
    behind: frozenset[UUID] = frozenset()

    def __add__(self, other: "Unit") -> "Unit":
        return Unit(
            self.events + other.events,
            self.handled + other.handled,
            self.moved + other.moved,
            self.parked + other.parked,
            self.behind | other.behind,
        )


class Outdated(Exception):
    """The live build was made by another version of the read model than this program's."""


class Projector(Generic[RowT, EventT]):
    """Keeps one read model up with the logs.

    Whoever lingers begins units `interval_seconds` apart at least: under load a unit then takes more commits together, for less
    work in all; the first commit after a quiet moment does not wait. One that hangs in a unit loses its claims after
    `claim_seconds`.
    """

    interval_seconds = 0.01
    claim_seconds = 30.0

    def __init__(
        self,
        pool: ConnectionPool[Any],
        model: ReadModel[RowT, EventT],
        *,
        page_size: int = 2_000,
        tenants_per_unit: int = 100,
    ) -> None:
        self.model = model
        self.tenants_per_unit = tenants_per_unit
        self._pool = pool
        self._page_size = page_size
        self._identity = {"name": model.name, "version": model.version}
        self._writer: BuildWriter[RowT, EventT] | None = None

    def writer(self, build: int) -> BuildWriter[RowT, EventT]:
        """What reads the logs for a build, and writes what comes of them."""
        return BuildWriter(self.model, build)

    def behind(self, limit: int = 1_000) -> set[UUID]:
        """Tenants whose logs are ahead of the read model, parked ones left out; none while it is outdated."""
        with self._pool.connection() as connection, connection.transaction():
            # All logs are gone through: one by one, by an index, that takes twice as long.
            connection.execute("set local enable_seqscan = on")
            found = connection.execute(_BEHIND, {**self._identity, "limit": limit})
            return {tenant_id for (tenant_id,) in found}

    def unit(self, tenants: Collection[UUID], *, patient: bool = False) -> Unit:
        """Project the next events of these tenants (at most `tenants_per_unit`) in one transaction.

        Tenants that another projector holds are passed over, unless `patient`. An event that cannot be folded, or whose
        rows PostgreSQL refuses, parks its tenant; the others go on. Raises `Outdated`, and `psycopg.OperationalError` when
        the database is out of reach (then nothing happened).
        """
        chosen = sorted(tenants)[: self.tenants_per_unit]
        try:
            done = self._once(chosen, page_of_each(self._page_size, len(chosen)), patient=patient)
        except REFUSED_ROWS:
            done = sum((self._find_refused(tenant_id) for tenant_id in chosen), Unit())
        return msgspec.structs.replace(done, behind=done.behind | (set(tenants) - set(chosen)))

    def drain(self, tenants: Collection[UUID] | None = None) -> int:
        """Project until none of these tenants (default: nobody at all) is behind; the number of events read."""
        events = 0
        todo = set(self.behind() if tenants is None else tenants)
        patient = False
        while todo:
            done = self.unit(todo, patient=patient)
            events += done.events
            patient = not done.moved
            todo = set(done.behind) or (self.behind() if tenants is None else set())
        return events

    def _once(
        self, tenants: Sequence[UUID], page_size: int, *, patient: bool, park_refused: bool = False
    ) -> Unit:
        with self._pool.connection() as connection:
            writer, pages = self._claim(connection, tenants, page_size, patient=patient)
            claimed = {page.tenant_id for page in pages}
            others = [tenant_id for tenant_id in tenants if tenant_id not in claimed]
            last = [writer.behind(others), COMMIT] if others else [COMMIT]
            results = writer.write(connection, pages, park_refused=park_refused, last=last)
            passed_over = rows(connection, results[0]) if others else []
            unread = [page.tenant_id for page in pages if page.more and page.poison is None]
            return Unit(
                events=sum(page.count for page in pages),
                handled=sum(len(page.steps) for page in pages),
                moved=len(pages),
                parked=sum(page.poison is not None for page in pages),
                behind=frozenset(unread).union(tenant_id for (tenant_id,) in passed_over),
            )

    def _claim(
        self, connection: Connection[Any], tenants: Sequence[UUID], page_size: int, *, patient: bool
    ) -> tuple[BuildWriter[RowT, EventT], list[EventPage[EventT]]]:
        """Claim on the build that was live last time; if nothing comes of it, see whether it still is."""
        targets = [Target(tenant_id) for tenant_id in tenants]
        name = self.model.name.encode()
        longest = f"{self.claim_seconds:g}s".encode()
        first: list[Call] = [BEGIN, (_OPEN_UNIT, (name, longest))]
        writer = self._writer
        if writer is not None:
            pages = writer.claim(
                connection, targets, page_size, patient=patient, only_if_live=True, first=first
            )
            if pages:
                return writer, pages
            first = []
        live = run_sync(connection, [*first, (_BUILD, (name, int8(self.model.version)))])[-1]
        if live.ntuples == 0:
            raise Outdated(f"{self.model.name}: the live build is not of version {self.model.version}")
        build = to_int(live.get_value(0, 0))
        if writer is not None and writer.build == build:
            return writer, []
        writer = self._writer = self.writer(build)
        return writer, writer.claim(connection, targets, page_size, patient=patient, only_if_live=True)

    def _find_refused(self, tenant_id: UUID) -> Unit:
        """Bring one tenant on in ever smaller pages, down to the event whose rows are refused, and park it there."""
        total = Unit()
        page_size = self._page_size
        while True:
            try:
                done = self._once([tenant_id], page_size, patient=True)
            except REFUSED_ROWS:
                if page_size > 1:
                    page_size = max(1, page_size // 8)
                    continue
                done = self._once([tenant_id], 1, patient=True, park_refused=True)
            total += msgspec.structs.replace(done, behind=frozenset())
            if not done.behind:
                return total
