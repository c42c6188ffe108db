"""Work on one build of a read model inside the caller's transaction: claim tenants, fold pages, move checkpoints."""

import struct
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, Generic, LiteralString
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection
from psycopg.pq.abc import PGresult

from infrastructure.log.pipeline import (
    Call,
    Statement,
    int8,
    int8s,
    rows,
    run_sync,
    statement,
    uuids,
)
from infrastructure.read_models.event_page import (
    END_OF_LOG,
    EVENT_COLUMNS,
    PAGE_COLUMNS,
    SMALL_ENOUGH,
    EventPage,
    PageReader,
    Poison,
    describe,
)
from infrastructure.read_models.fold import Rows
from infrastructure.read_models.read_model import EventT, ReadModel, RowT
from infrastructure.read_models.row_table import RowTable

REFUSED_ROWS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    TypeError,
    ValueError,
    OverflowError,
    struct.error,
)
"""Errors of rows that cannot be stored: trying again does not help, unlike with a lost connection."""

_FEWEST: Final = 100
"""Events of one tenant that are worth a read of their own, however many tenants share a unit."""

_REGISTER: Final = Statement(
    "projection_register",
    """
    insert into projection_checkpoint (name, build, tenant_id)
    select $1::text, $2::bigint, head.tenant_id from log_head as head
    where head.tenant_id = any($3::uuid[]) and not exists (
        select from projection_checkpoint as checkpoint
        where checkpoint.tenant_id = head.tenant_id and checkpoint.name = $1::text and checkpoint.build = $2::bigint)
    order by head.tenant_id
    on conflict do nothing
    """,
)
_CLAIM_AND_READ: Final[LiteralString] = f"""
with claimed as materialized (
    select checkpoint.tenant_id, checkpoint.position, least(head.position, wanted.upto) as upto
    from {{wanted}} as wanted
    join projection_checkpoint as checkpoint on checkpoint.tenant_id = {{tenant}}
         and checkpoint.name = $5::text and checkpoint.build = $6::bigint
    join log_head as head on head.tenant_id = {{tenant}}
    {{only}}
    where checkpoint.parked_position is null and least(head.position, wanted.upto) > checkpoint.position
    order by checkpoint.tenant_id
    for update of checkpoint {{wait}}
)
select claimed.position, claimed.upto, claimed.tenant_id, page.*
from claimed cross join lateral (
    select {PAGE_COLUMNS}
    from (select {EVENT_COLUMNS},
                 sum(octet_length(data)) over (order by event.position rows unbounded preceding)
                 - octet_length(data) as bytes_before
          from event
          where event.tenant_id = {{of_claimed}} and event.position > claimed.position
                and event.position <= claimed.upto
          order by event.position limit $3::bigint) as handled
    {SMALL_ENOUGH}) as page
"""
"""Lock and fence in one, and read. The snapshot may be older than the lock: then the page ends earlier, but begins right
after the checkpoint, whose newest version is what the lock answers."""

_ONE: Final[dict[str, LiteralString]] = {
    "wanted": "(select $2::bigint as upto)",
    "tenant": "$1::uuid",
    "of_claimed": "$1::uuid",
}
_MANY: Final[dict[str, LiteralString]] = {
    "wanted": "(select * from unnest($1::uuid[], $2::bigint[]) as given (tenant_id, upto))",
    "tenant": "wanted.tenant_id",
    "of_claimed": "claimed.tenant_id",
}
_IF_LIVE: Final[LiteralString] = """join projection on projection.name = checkpoint.name
         and projection.build = checkpoint.build and projection.version = $7::bigint"""

_BEHIND: Final = Statement(
    "projection_behind",
    """
    select checkpoint.tenant_id
    from projection_checkpoint as checkpoint join log_head as head using (tenant_id)
    where checkpoint.tenant_id = any($3::uuid[]) and checkpoint.name = $1::text and checkpoint.build = $2::bigint
          and checkpoint.parked_position is null and head.position > checkpoint.position
    """,
)
_MOVE: Final = Statement(
    "projection_move",
    """
    update projection_checkpoint
    set position = $4::bigint, parked_position = $5::bigint, parked_error = $6::text,
        parked_at = case when $5::bigint is not null then now() end
    where tenant_id = $1::uuid and name = $2::text and build = $3::bigint
    """,
)
_MOVE_ALL: Final = Statement(
    "projection_move_all",
    """
    update projection_checkpoint as checkpoint set position = moved.position
    from unnest($3::uuid[], $4::bigint[]) as moved (tenant_id, position)
    where checkpoint.tenant_id = moved.tenant_id and checkpoint.name = $1::text and checkpoint.build = $2::bigint
    """,
)


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
        self._identity = (model.name.encode(), int8(build))
        self._registered: set[UUID] = set()

    def claim(
        self,
        connection: Connection[Any],
        targets: Sequence[Target],
        page_size: int,
        *,
        patient: bool,
        only_if_live: bool = False,
        first: Sequence[Call] = (),
    ) -> list[EventPage[EventT]]:
        """Lock the checkpoints of those tenants that are behind and not parked, and read a page of each.

        A checkpoint that somebody else holds is waited for if `patient`, and passed over if not. `first` goes ahead of it, on the
        same trip to PostgreSQL.
        """
        calls = [*first]
        unknown = [target.tenant_id for target in targets if target.tenant_id not in self._registered]
        if unknown:
            calls.append((_REGISTER, (*self._identity, uuids(unknown))))
        one = len(targets) == 1
        parameters = [
            targets[0].tenant_id.bytes if one else uuids(target.tenant_id for target in targets),
            int8(targets[0].upto) if one else int8s(target.upto for target in targets),
            int8(page_size),
            self.reader.types,
            *self._identity,
        ]
        if only_if_live:
            parameters.append(int8(self._model.version))
        calls.append((claim_statement(one=one, patient=patient, only_if_live=only_if_live), parameters))
        found = rows(connection, run_sync(connection, calls)[-1])
        # Who is not found is registered again next time: a crash of PostgreSQL takes checkpoints back that were not flushed.
        self._registered.difference_update(target.tenant_id for target in targets)
        # A checkpoint at 0 may be of this very transaction, which may yet be rolled back.
        self._registered.update(row[2] for row in found if row[0] > 0)
        pages = [self.reader.page(row[2:], row[0]) for row in found]
        for page, (_, upto, *_) in zip(pages, found, strict=True):
            page.more = page.reached < upto
        return pages

    def write(
        self,
        connection: Connection[Any],
        pages: Sequence[EventPage[EventT]],
        *,
        park_refused: bool = False,
        last: Sequence[Call] = (),
    ) -> list[PGresult]:
        """Fold claimed pages into the table and move the checkpoints. `last` goes behind it, on the same trip to PostgreSQL; its
        results.

        A page that ended at an event which cannot be folded has a `poison`, and its tenant is parked there. Rows that
        PostgreSQL refuses raise, unless `park_refused` is given (with a page of one event).
        """
        calls: list[Call] = []
        if park_refused:
            try:
                with connection.transaction():
                    run_sync(connection, self.folded(connection, pages))
            except REFUSED_ROWS as error:
                for page in pages:
                    page.stop_before(Poison(page.reached, describe(error)))
        else:
            calls += self.folded(connection, pages)
        calls += self._moves(pages)
        return run_sync(connection, [*calls, *last])[len(calls) :]

    def folded(self, connection: Connection[Any], pages: Sequence[EventPage[EventT]]) -> list[Call]:
        """What claimed pages come to, as that which writes it."""
        folded = Rows(self._model, self.table)
        folded.fold(connection, pages)
        return list(folded.changes())

    def behind(self, tenants: Sequence[UUID]) -> Call:
        """What asks for those of `tenants` that are behind and not parked, as far as the transaction sees."""
        return _BEHIND, (*self._identity, uuids(tenants))

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

    def _moves(self, pages: Sequence[EventPage[EventT]]) -> list[Call]:
        """What moves the checkpoints of claimed pages; a page with a poison parks its tenant."""
        if len(pages) > 1 and not any(page.poison for page in pages):
            tenants, positions = zip(*((page.tenant_id, page.reached) for page in pages), strict=True)
            return [(_MOVE_ALL, (*self._identity, uuids(tenants), int8s(positions)))]
        return [
            (
                _MOVE,
                (
                    page.tenant_id.bytes,
                    *self._identity,
                    int8(page.reached),
                    int8(page.poison.position) if page.poison else None,
                    page.poison.error.encode() if page.poison else None,
                ),
            )
            for page in pages
        ]


@cache
def claim_statement(*, one: bool, patient: bool, only_if_live: bool) -> Statement:
    """A statement about one tenant names it as a scalar everywhere, so that a distributed database can route it."""
    parts = _ONE if one else _MANY
    wait: LiteralString = "" if patient else "skip locked"
    return statement(_CLAIM_AND_READ.format(**parts, only=_IF_LIVE if only_if_live else "", wait=wait))


def page_of_each(page_size: int, tenants: int) -> int:
    """How many events of each tenant make a page of about `page_size` in all."""
    return max(page_size // tenants, min(page_size, _FEWEST))


def refuse_poison(name: str, page: EventPage[Any]) -> None:
    """Raise `CannotFold` if the page ended at a poison."""
    if page.poison is not None:
        raise CannotFold(
            f"{name}: tenant {page.tenant_id}, position {page.poison.position}: {page.poison.error}"
        )
