"""The fold itself, in memory: pages of events over rows, for the live projector and for a rebuild alike."""

from collections.abc import Iterator, Sequence
from typing import Any, Generic
from uuid import UUID

from psycopg import Connection

from infrastructure.log.pipeline import Call, run_sync
from infrastructure.read_models.event_page import EventPage, Poison, describe
from infrastructure.read_models.read_model import EventT, Key, ReadModel, RowT
from infrastructure.read_models.row_table import RowTable


class _Place(Generic[RowT]):
    """The row that a key names, as it stands now; looked up once per event, because hashing a UUID costs more than evolving."""

    __slots__ = ("changed", "key", "row", "tenant_id")

    def __init__(self, tenant_id: UUID, key: Key) -> None:
        self.tenant_id = tenant_id
        self.key = key
        self.row: RowT | None = None
        self.changed = False


class Rows(Generic[RowT, EventT]):
    """The rows of one build that were touched, as they stand in memory; `changes` and `write` bring them to the table."""

    def __init__(self, model: ReadModel[RowT, EventT], table: RowTable[RowT, EventT]) -> None:
        self._model = model
        self._table = table
        self._places: dict[UUID, dict[Key, _Place[RowT]]] = {}
        self._changed: list[_Place[RowT]] = []
        self._size = 0

    def fold(
        self, connection: Connection[Any], pages: Sequence[EventPage[EventT]], *, all_in_memory: bool = False
    ) -> None:
        """Evolve the rows that these pages touch, loading those that are not here yet (none, if `all_in_memory`).

        An event at which `evolve` raises ends its page before it.
        """
        touched, unknown = self._find(pages)
        if unknown and not all_in_memory:
            for row in self._table.load(connection, [(place.tenant_id, place.key) for place in unknown]):
                self._places[row.tenant_id][self._table.key(row)].row = row
        for page, places in zip(pages, touched, strict=True):
            self._fold(page, places)

    def changes(self) -> Iterator[Call]:
        """What stores the rows that changed since the last time."""
        changed, self._changed = self._changed, []
        for place in changed:
            place.changed = False
        yield from self._table.upserts([place.row for place in changed if place.row is not None])
        yield from self._table.deletes(
            [(place.tenant_id, place.key) for place in changed if place.row is None]
        )

    def write(self, connection: Connection[Any], *, may_exist_of: UUID) -> None:
        """Store the rows that changed since the last time. Only rows of that tenant may be in the table already; the others are
        copied, which is quicker."""
        new: list[RowT] = []
        others: list[_Place[RowT]] = []
        for place in self._changed:
            if place.row is not None and place.tenant_id != may_exist_of:
                place.changed = False
                new.append(place.row)
            else:
                others.append(place)
        self._changed = others
        self._table.copy(connection, new)
        for change in self.changes():
            run_sync(connection, [change])

    def clear(self) -> None:
        """Forget all rows."""
        self._places.clear()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def _find(
        self, pages: Sequence[EventPage[EventT]]
    ) -> tuple[list[list[list[_Place[RowT]]]], list[_Place[RowT]]]:
        """The places that each event of each page touches, and those of them that are new."""
        touched: list[list[list[_Place[RowT]]]] = []
        unknown: list[_Place[RowT]] = []
        for page in pages:
            tenant_id = page.tenant_id
            places = self._places.setdefault(tenant_id, {})
            of_page: list[list[_Place[RowT]]] = []
            for step in page.steps:
                of_event: list[_Place[RowT]] = []
                for key in step.keys:
                    place = places.get(key)
                    if place is None:
                        place = places[key] = _Place(tenant_id, key)
                        unknown.append(place)
                    of_event.append(place)
                of_page.append(of_event)
            touched.append(of_page)
        self._size += len(unknown)
        return touched, unknown

    def _fold(self, page: EventPage[EventT], touched: list[list[_Place[RowT]]]) -> None:
        evolve, changed = self._model.evolve, self._changed
        for step, places in zip(page.steps, touched, strict=True):
            try:
                evolved = [evolve(place.row, step.recorded) for place in places]
                for place, row in zip(places, evolved, strict=True):
                    if row is not None and place.row is None:
                        self._check(place, row)
            except Exception as error:  # noqa: BLE001 (whatever it is, it must not stop the other tenants)
                page.stop_before(Poison(step.recorded.position, describe(error)))
                return
            for place, row in zip(places, evolved, strict=True):
                if row is not place.row:
                    place.row = row
                    if not place.changed:
                        place.changed = True
                        changed.append(place)

    def _check(self, place: _Place[RowT], row: RowT) -> None:
        if row.tenant_id != place.tenant_id or self._table.key(row) != place.key:
            raise ValueError(f"evolve made the row {self._table.key(row)} where {place.key} was asked for")
