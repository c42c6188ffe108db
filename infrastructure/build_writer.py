"""Work on one build of a read model inside the caller's transaction: claim tenants, fold pages, move checkpoints."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final, Generic, LiteralString
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection

from infrastructure.fold import Rows
from infrastructure.log_page import (
    END_OF_LOG,
    EVENT_COLUMNS,
    PAGE_COLUMNS,
    Page,
    PageReader,
    Poison,
    describe,
)
from infrastructure.read_model import EventT, ReadModel, RowT
from infrastructure.row_table import RowTable

REFUSED_ROWS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    TypeError,
    ValueError,
    OverflowError,
)
"""Errors of rows that cannot be stored: trying again does not help, unlike with a lost connection."""

_FEWEST: Final = 100
"""Events of one tenant that are worth a read of their own, however many tenants share a unit."""

_REGISTER: Final[LiteralString] = """
insert into projection_checkpoint (name, build, tenant_id)
select %(name)s, %(build)s, head.tenant_id from log_head as head
where head.tenant_id = any(%(unknown)b::uuid[]) and not exists (
    select from projection_checkpoint as checkpoint
    where checkpoint.tenant_id = head.tenant_id and checkpoint.name = %(name)s
          and checkpoint.build = %(build)s)
order by head.tenant_id
on conflict do nothing
"""
_CLAIM_AND_READ: Final[LiteralString] = f"""
with claimed as materialized (
    select checkpoint.tenant_id, checkpoint.position, wanted.upto
    from {{wanted}} as wanted
    join projection_checkpoint as checkpoint on checkpoint.tenant_id = {{tenant}}
         and checkpoint.name = %(name)s and checkpoint.build = %(build)s
    join log_head as head on head.tenant_id = {{tenant}}
    {{only}}
    where checkpoint.parked_position is null and least(head.position, wanted.upto) > checkpoint.position
    order by checkpoint.tenant_id
    for update of checkpoint {{wait}}
)
select claimed.position, claimed.tenant_id, page.*
from claimed cross join lateral (
    select {PAGE_COLUMNS}
    from (select {EVENT_COLUMNS} from event
          where event.tenant_id = {{of_claimed}} and event.position > claimed.position
                and event.position <= claimed.upto
          order by event.position limit %(limit)b) as handled) as page
"""
"""Lock and fence in one, and read. The snapshot may be older than the lock: then the page ends earlier, but begins right
after the checkpoint, whose newest version is what the lock answers."""

_ONE: Final[dict[str, LiteralString]] = {
    "wanted": "(select %(upto)b::bigint as upto)",
    "tenant": "%(tenant_id)b::uuid",
    "of_claimed": "%(tenant_id)b::uuid",
}
_MANY: Final[dict[str, LiteralString]] = {
    "wanted": "(select * from unnest(%(tenants)b::uuid[], %(uptos)b::bigint[]) as given (tenant_id, upto))",
    "tenant": "wanted.tenant_id",
    "of_claimed": "claimed.tenant_id",
}
_IF_LIVE: Final[LiteralString] = """join projection on projection.name = checkpoint.name
         and projection.build = checkpoint.build and projection.version = %(version)s"""

_BEHIND: Final[LiteralString] = """
select checkpoint.tenant_id
from projection_checkpoint as checkpoint join log_head as head using (tenant_id)
where checkpoint.tenant_id = any(%(tenants)b::uuid[]) and checkpoint.name = %(name)s
      and checkpoint.build = %(build)s and checkpoint.parked_position is null
      and head.position > checkpoint.position
"""
_MOVE: Final[LiteralString] = """
update projection_checkpoint
set position = %(position)b, parked_position = %(parked_position)b, parked_error = %(parked_error)b,
    parked_at = case when %(parked_position)b::bigint is not null then now() end
where tenant_id = %(tenant_id)b and name = %(name)s and build = %(build)s
"""
_MOVE_ALL: Final[LiteralString] = """
update projection_checkpoint as checkpoint set position = moved.position
from unnest(%(tenants)b::uuid[], %(positions)b::bigint[]) as moved (tenant_id, position)
where checkpoint.tenant_id = moved.tenant_id and checkpoint.name = %(name)s and checkpoint.build = %(build)s
"""


class Target(msgspec.Struct, frozen=True):
    """A tenant whose log is to be folded as far as `upto`."""

    tenant_id: UUID
    upto: int = END_OF_LOG


class CannotFold(Exception):
    """An event that a read model cannot fold, where nobody may be parked."""


class BuildWriter(Generic[RowT, EventT]):
    """Reads logs and writes rows and checkpoints of one build."""

    def __init__(self, model: ReadModel[RowT, EventT], build: int) -> None:
        self.build = build
        self.table = RowTable(model, build)
        self.reader = PageReader(model)
        self._model = model
        self._identity = {"name": model.name, "version": model.version, "build": build}
        self._registered: set[UUID] = set()

    def claim(
        self,
        connection: Connection[Any],
        targets: Sequence[Target],
        page_size: int,
        *,
        patient: bool,
        only_if_live: bool = False,
    ) -> list[Page[EventT]]:
        """Lock the checkpoints of those tenants that are behind and not parked, and read a page of each.

        A checkpoint that somebody else holds is waited for if `patient`, and passed over if not.
        """
        tenants = [target.tenant_id for target in targets]
        unknown = [tenant_id for tenant_id in tenants if tenant_id not in self._registered]
        parameters = {
            **self._identity,
            "tenants": tenants,
            "uptos": [target.upto for target in targets],
            "tenant_id": targets[0].tenant_id,
            "upto": targets[0].upto,
            "limit": page_size,
            "types": self.reader.types,
            "unknown": unknown,
        }
        statement = _claim_statement(one=len(targets) == 1, patient=patient, only_if_live=only_if_live)
        with connection.pipeline():
            if unknown:
                connection.execute(_REGISTER, parameters)
            claimed = connection.execute(statement, parameters, binary=True)
        rows = claimed.fetchall()
        # A checkpoint at 0 may be of this very transaction, which may yet be rolled back.
        self._registered.update(row[1] for row in rows if row[0] > 0)
        return [self.reader.page(row[1:], row[0]) for row in rows]

    def write(
        self, connection: Connection[Any], pages: Sequence[Page[EventT]], *, park_refused: bool = False
    ) -> None:
        """Fold claimed pages into the table and move the checkpoints.

        A page that ended at an event which cannot be folded has a `poison`, and its tenant is parked there. Rows that
        PostgreSQL refuses raise, unless `park_refused` is given (with a page of one event).
        """
        write = self.folded(connection, pages)
        if park_refused:
            try:
                with connection.transaction():
                    write(connection)
            except REFUSED_ROWS as error:
                for page in pages:
                    page.stop_before(Poison(page.reached, describe(error)))
            self._move(connection, pages)
            return
        with connection.pipeline():
            write(connection)
            self._move(connection, pages)

    def folded(
        self, connection: Connection[Any], pages: Sequence[Page[EventT]]
    ) -> Callable[[Connection[Any]], None]:
        """What claimed pages come to, as that which writes it."""
        rows = Rows(self._model, self.table)
        rows.fold(connection, pages)
        return rows.write

    def behind(self, connection: Connection[Any], tenants: Sequence[UUID]) -> frozenset[UUID]:
        """Those of `tenants` that are behind and not parked, as far as this transaction sees."""
        found = connection.execute(_BEHIND, {**self._identity, "tenants": tenants})
        return frozenset(tenant_id for (tenant_id,) in found)

    def reach(
        self, connection: Connection[Any], targets: Sequence[Target], page_size: int, tenants_at_once: int
    ) -> Iterator[int]:
        """Fold up to all these targets, a transaction and about `page_size` events per step; the number of each step.

        Raises `CannotFold`; nobody is parked.
        """
        for start in range(0, len(targets), tenants_at_once):
            todo = targets[start : start + tenants_at_once]
            while todo:
                with connection.transaction():
                    pages = self.claim(connection, todo, page_of_each(page_size, len(todo)), patient=True)
                    self.write(connection, pages)
                    for page in pages:
                        refuse_poison(self._model.name, page)
                reached = {page.tenant_id: page.reached for page in pages}
                todo = [target for target in todo if reached.get(target.tenant_id, target.upto) < target.upto]
                yield sum(page.count for page in pages)

    def _move(self, connection: Connection[Any], pages: Sequence[Page[EventT]]) -> None:
        """Move the checkpoints of claimed pages; a page with a poison parks its tenant."""
        if len(pages) > 1 and not any(page.poison for page in pages):
            moved = {
                "tenants": [page.tenant_id for page in pages],
                "positions": [page.reached for page in pages],
            }
            connection.execute(_MOVE_ALL, {**self._identity, **moved})
            return
        for page in pages:
            connection.execute(
                _MOVE,
                {
                    **self._identity,
                    "tenant_id": page.tenant_id,
                    "position": page.reached,
                    "parked_position": page.poison.position if page.poison else None,
                    "parked_error": page.poison.error if page.poison else None,
                },
            )


@cache
def _claim_statement(*, one: bool, patient: bool, only_if_live: bool) -> LiteralString:
    """A statement about one tenant names it as a scalar everywhere, so that a distributed database can route it."""
    parts = _ONE if one else _MANY
    return _CLAIM_AND_READ.format(
        **parts, only=_IF_LIVE if only_if_live else "", wait="" if patient else "skip locked"
    )


def page_of_each(page_size: int, tenants: int) -> int:
    """How many events of each tenant make a page of about `page_size` in all."""
    return max(page_size // tenants, min(page_size, _FEWEST))


def refuse_poison(name: str, page: Page[Any]) -> None:
    """Raise `CannotFold` if the page ended at a poison."""
    if page.poison is not None:
        raise CannotFold(
            f"{name}: tenant {page.tenant_id}, position {page.poison.position}: {page.poison.error}"
        )
