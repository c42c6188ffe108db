"""How a projector reads a log: pages of the events that it handles, with proof that no position was skipped."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Generic, LiteralString, TypeAlias
from uuid import UUID

import msgspec

from application.recorded import Recorded
from infrastructure.log.pipeline import Statement, texts
from infrastructure.read_models.read_model import EventT, Key, ReadModel, RowT, handled_types

END_OF_LOG: Final = 2**63 - 1

PAGE_COLUMNS: Final[LiteralString] = """
    count(*), min(position), max(position),
    array_agg(position order by position) filter (where handled),
    array_agg(stream_id order by position) filter (where handled),
    array_agg(version order by position) filter (where handled),
    array_agg(data order by position) filter (where handled),
    array_agg(actor_id order by position) filter (where handled),
    array_agg(command_id order by position) filter (where handled),
    array_agg(recorded_at order by position) filter (where handled)"""
"""A page as one row: proof that nothing is missing, and the handled events as arrays, one per column."""

EVENT_COLUMNS: Final[LiteralString] = """
    event.tenant_id, event.position, stream_id, version, data, actor_id, command_id, recorded_at,
    type = any($4::text[]) as handled"""
"""`$4` are the types that are handled."""

SMALL_ENOUGH: Final[LiteralString] = "where bytes_before < $3::bigint * 2048"
"""A page is `$3` events, or fewer when they are large: two KiB each, together, and the one that goes beyond. Whoever writes
large events must not take a worker's memory."""

PAGE_OF_ALL: Final = Statement(
    "projection_page_of_all",
    f"""
    select tenant_id, {PAGE_COLUMNS}
    from (select {EVENT_COLUMNS},
                 sum(octet_length(data)) over (order by event.tenant_id, event.position rows unbounded preceding)
                 - octet_length(data) as bytes_before
          from event
          where (event.tenant_id, event.position) > ($1::uuid, $2::bigint)
          order by event.tenant_id, event.position limit $3::bigint) as page
    {SMALL_ENOUGH}
    group by tenant_id order by tenant_id
    """,
)
"""The next events of all logs, one log after the other: one row per tenant."""

PageRow: TypeAlias = tuple[Any, ...]


class GapDetected(Exception):
    """A log does not go on at the position where it must."""


class Poison(msgspec.Struct, frozen=True):
    """The event (by position) that a read model cannot fold, and why."""

    position: int
    error: str


class Step(msgspec.Struct, Generic[EventT], frozen=True):
    """An event and the keys of the rows that it touches."""

    recorded: Recorded[EventT]
    keys: tuple[Key, ...]


class EventPage(msgspec.Struct, Generic[EventT]):
    """What is next in one tenant's log: after `steps` the log was read up to `reached`, unless there is a `poison`. It may have
    `more`."""

    tenant_id: UUID
    reached: int
    count: int
    steps: list[Step[EventT]]
    poison: Poison | None = None
    more: bool = False

    def stop_before(self, poison: Poison) -> None:
        """Nothing from the poison on belongs to this page."""
        self.poison = poison
        self.reached = poison.position - 1


class PageReader(Generic[RowT, EventT]):
    """Turns the rows of the page statements into pages for one read model."""

    def __init__(self, model: ReadModel[RowT, EventT]) -> None:
        self._keys = model.keys
        self._decode = msgspec.json.Decoder[EventT](model.handled).decode
        self.types = texts(handled_types(model))

    def page(self, row: PageRow, after: int) -> EventPage[EventT]:
        """The page in `row`, which must go on right after position `after`.

        An event that cannot be decoded ends it, and so does a gap.
        """
        tenant_id, count, first, last = row[:4]
        if count == 0:
            return EventPage(tenant_id, after, 0, [])
        page = EventPage[EventT](tenant_id, last, count, [])
        if first != after + 1 or last - first + 1 != count:
            gap = GapDetected(f"{count} events from {first} to {last} after {after}")
            page.stop_before(Poison(after + 1, describe(gap)))
        elif row[4] is not None:
            self._read(page, row[4:])
        return page

    def _read(self, page: EventPage[EventT], columns: Sequence[Any]) -> None:
        steps, tenant_id, decode, keys = page.steps, page.tenant_id, self._decode, self._keys
        position = 0
        columns_of: zip[tuple[int, UUID, int, bytes, UUID | None, UUID, datetime]] = zip(
            *columns, strict=True
        )
        try:
            for position, stream_id, version, data, actor_id, command_id, recorded_at in columns_of:
                recorded = Recorded(
                    tenant_id=tenant_id,
                    position=position,
                    stream_id=stream_id,
                    version=version,
                    event=decode(data),
                    actor_id=actor_id,
                    command_id=command_id,
                    recorded_at=recorded_at,
                )
                steps.append(Step(recorded, keys(recorded)))
        except Exception as error:  # noqa: BLE001 (whatever it is, it must not stop the other tenants)
            page.stop_before(Poison(position, describe(error)))


def describe(error: BaseException) -> str:
    """An error for whoever looks at a parked tenant, as any database can keep it."""
    text = f"{type(error).__name__}: {error}"[:2000].replace("\0", "\\0")
    return text.encode(errors="backslashreplace").decode()
