"""A world for read model tests: a log that takes events, projectors, and the rows that came of them."""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from psycopg_pool import ConnectionPool

from application.recorded import Recorded
from domain.decision import Event
from domain.identifiers import random_id, tenant_id
from domain.job_view import JobViewed
from infrastructure.database.connection_pools import projection_pool
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.read_model import AnyReadModel, Key, Row, columns, handled_types
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.read_models.status import ProjectionStatus, statuses
from projections.menu import MENU

ACTOR = UUID("a0000000-0000-4000-8000-00000000000a")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def new_tenant() -> UUID:
    return tenant_id(uuid4())


def new_id(tenant: UUID) -> UUID:
    return random_id(tenant, uuid4())


def at(position: int) -> datetime:
    """When the event at a position of any test's log was recorded: a minute after the one before."""
    return BEGINNING + timedelta(minutes=position)


class World:
    """A migrated database with read models, to which a test appends and of which it reads rows."""

    def __init__(
        self, database_url: str, pool: ConnectionPool[Any], models: tuple[AnyReadModel, ...] = MENU
    ) -> None:
        self.database_url = database_url
        self.pool = pool
        self.models = models

    def append(self, stream_id: UUID, *events: Event, tenant: UUID | None = None) -> int:
        """Append events to a stream; the position of the last. One event per minute is recorded."""
        owner = tenant or tenant_id(stream_id)
        with self.pool.connection() as connection, connection.transaction():
            connection.execute("insert into log_head values (%s, 0) on conflict do nothing", [owner])
            head = connection.execute(
                "select position from log_head where tenant_id = %s for update", [owner]
            ).fetchone()
            version = connection.execute(
                "select coalesce(max(version), 0) from event where tenant_id = %s and stream_id = %s",
                [owner, stream_id],
            ).fetchone()
            assert head is not None
            assert version is not None
            position: int = head[0]
            for number, event in enumerate(events, start=1):
                position += 1
                place = (owner, position, stream_id, version[0] + number)
                _insert(connection, place, type(event).__name__, msgspec.json.encode(event))
            connection.execute("update log_head set position = %s where tenant_id = %s", [position, owner])
        return position

    def append_raw(self, stream_id: UUID, event_type: str, data: bytes) -> int:
        """Append bytes that need not be an event."""
        owner = tenant_id(stream_id)
        with self.pool.connection() as connection, connection.transaction():
            row = connection.execute(
                """insert into log_head values (%s, 1)
                   on conflict (tenant_id) do update set position = log_head.position + 1 returning position""",
                [owner],
            ).fetchone()
            assert row is not None
            position: int = row[0]
            _insert(connection, (owner, position, stream_id, 1_000 + position), event_type, data)
            return position

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.pool.connection() as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def changing(self, statement: str) -> Generator[None]:
        """A statement that is carried out again and again beside the test."""
        stopping = threading.Event()

        def change() -> None:
            while not stopping.is_set():
                self.execute(statement)

        beside = threading.Thread(target=change)
        beside.start()
        try:
            yield
        finally:
            stopping.set()
            beside.join()

    def projector(
        self, model: AnyReadModel, *, page_size: int = 2_000, tenants_per_unit: int = 100
    ) -> Projector[Any, Any]:
        return Projector(self.pool, model, page_size=page_size, tenants_per_unit=tenants_per_unit)

    def project(self, *models: AnyReadModel) -> None:
        for model in models or self.models:
            self.projector(model).drain()

    def rows(self, model: AnyReadModel, tenant: UUID | None = None) -> dict[Key, Row]:
        """The stored rows by key, of a tenant or of all."""
        names = ", ".join(column.name for column in columns(model.row))
        found = self.execute(
            f"select json_agg(stored)::text from (select {names} from rm_{model.name}"
            " where %s::uuid is null or tenant_id = %s) as stored",
            tenant,
            tenant,
        )
        rows = msgspec.json.decode(found[0][0] or "[]", type=list[model.row])  # type: ignore[name-defined]  # a type known when it runs
        return {(row.tenant_id, *(getattr(row, name) for name in model.key)): row for row in rows}

    def expected(self, model: AnyReadModel, tenant: UUID | None = None) -> dict[Key, Row]:
        """The rows as one plain fold over the log makes them."""
        decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(model.handled)
        names = set(handled_types(model))
        log = self.execute(
            "select * from event where %s::uuid is null or tenant_id = %s order by tenant_id, position",
            tenant,
            tenant,
        )
        return fold(
            model,
            (
                Recorded(
                    tenant_id=event[0],
                    position=event[1],
                    stream_id=event[2],
                    version=event[3],
                    event=decoder.decode(event[5]),
                    actor_id=event[6],
                    command_id=event[7],
                    recorded_at=event[8].astimezone(UTC),
                )
                for event in log
                if event[4] in names
            ),
        )

    def status(self, model: AnyReadModel) -> ProjectionStatus:
        with self.pool.connection() as connection:
            return statuses(connection, [model])[0]


def _insert(
    connection: psycopg.Connection[Any], place: tuple[UUID, int, UUID, int], event_type: str, data: bytes
) -> None:
    connection.execute(
        "insert into event values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [*place, event_type, data, ACTOR, uuid4(), at(place[1])],
    )


def fold(model: AnyReadModel, log: Iterable[Recorded[Any]]) -> dict[Key, Row]:
    """A read model as a plain loop: what every machinery around it must come to."""
    rows: dict[Key, Row] = {}
    for recorded in log:
        for key in model.keys(recorded):
            place = (recorded.tenant_id, *key)
            row = model.evolve(rows.get(place), recorded)
            if row is None:
                rows.pop(place, None)
            else:
                rows[place] = row
    return rows


@contextmanager
def world(database_url: str, *models: AnyReadModel) -> Generator[World]:
    """A world on a migrated database, with these read models (by default all of the menu)."""
    chosen = models or MENU
    ensure_read_models(database_url, chosen)
    with projection_pool(database_url, 4) as pool:
        yield World(database_url, pool, chosen)


def views(world: World, job_id: UUID, count: int) -> None:
    """So many people see a job for the first time."""
    for _ in range(count):
        world.append(new_id(job_id), JobViewed(job_id=job_id, viewer_id=uuid4()))


def views_of(world: World, job_id: UUID) -> int:
    """How many views the dashboard counts."""
    ((count,),) = world.execute("select views from rm_job_dashboard where job_id = %s", job_id)
    assert isinstance(count, int)
    return count
