"""Work on one build of a read model inside the caller's transaction: claim tenants, fold pages, move checkpoints."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, LiteralString
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection

from infrastructure.fold import Rows
from infrastructure.log_page import END_OF_LOG, PAGE_OF_TENANT, Page, PageReader, Poison, describe
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

_REGISTER: Final[LiteralString] = """
insert into projection_checkpoint (name, build, tenant_id)
select %(name)s, %(build)s, head.tenant_id from log_head as head
where head.tenant_id = any(%(tenants)s::uuid[]) and not exists (
    select from projection_checkpoint as checkpoint
    where checkpoint.tenant_id = head.tenant_id and checkpoint.name = %(name)s
          and checkpoint.build = %(build)s)
order by head.tenant_id
on conflict do nothing
"""
_BEHIND: Final[LiteralString] = """
select checkpoint.tenant_id, checkpoint.position
from projection_checkpoint as checkpoint join log_head as head using (tenant_id)
where {tenant} and checkpoint.name = %(name)s and checkpoint.build = %(build)s
      and checkpoint.parked_position is null and head.position > checkpoint.position
order by checkpoint.tenant_id limit %(limit)s
"""
_BEHIND_OF_ONE: Final[LiteralString] = _BEHIND.format(tenant="checkpoint.tenant_id = %(tenant_id)s")
_BEHIND_OF_MANY: Final[LiteralString] = _BEHIND.format(
    tenant="checkpoint.tenant_id = any(%(tenants)s::uuid[])"
)
_FENCE: Final[LiteralString] = " for update of checkpoint"
_FENCE_OR_SKIP: Final[LiteralString] = " for update of checkpoint skip locked"

_MOVE: Final[LiteralString] = """
update projection_checkpoint
set position = %(position)s, parked_position = %(parked_position)s, parked_error = %(parked_error)s,
    parked_at = case when %(parked_position)s::bigint is not null then now() end
where tenant_id = %(tenant_id)s and name = %(name)s and build = %(build)s
"""


class Claim(msgspec.Struct, frozen=True):
    """A tenant whose log is to be read after position `after`, as far as `upto`."""

    tenant_id: UUID
    after: int
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
        self._identity = {"name": model.name, "build": build}

    def claim(self, connection: Connection[Any], tenants: Sequence[UUID], *, patient: bool) -> list[Claim]:
        """Lock the checkpoints of those of `tenants` that are behind and not parked: lock and fence in one.

        A checkpoint that somebody else holds is waited for if `patient`, and passed over if not.
        """
        fence = _FENCE if patient else _FENCE_OR_SKIP
        with connection.pipeline():
            connection.execute(_REGISTER, self._of(tenants))
            claimed = connection.execute(_behind_of(tenants) + fence, self._of(tenants))
        return [Claim(tenant_id, position) for tenant_id, position in claimed]

    def behind(self, connection: Connection[Any], tenants: Sequence[UUID]) -> frozenset[UUID]:
        """Those of `tenants` that are behind and not parked, as far as this transaction sees."""
        found = connection.execute(_behind_of(tenants), self._of(tenants))
        return frozenset(tenant_id for tenant_id, _ in found)

    def advance(
        self,
        connection: Connection[Any],
        claims: Sequence[Claim],
        page_size: int,
        *,
        park_refused: bool = False,
    ) -> list[Page[EventT]]:
        """Fold the next page of each claim into the table and move the checkpoints; the pages that were folded.

        A page that ended at an event which cannot be folded has a `poison`, and its tenant is parked there. Rows that
        PostgreSQL refuses raise, unless `park_refused` is given (with a page of one event).
        """
        pages = self._read(connection, claims, page_size)
        rows = Rows(self._model, self.table)
        rows.fold(connection, pages)
        try:
            with connection.transaction():
                rows.write(connection)
        except REFUSED_ROWS as error:
            if not park_refused:
                raise
            for page in pages:
                page.stop_before(Poison(page.reached, describe(error)))
        self._move(connection, pages)
        return pages

    def reach(
        self, connection: Connection[Any], targets: Sequence[Claim], page_size: int, tenants_at_once: int
    ) -> Iterator[int]:
        """Fold up to all these targets, a transaction per step; the number of events of each step.

        Raises `CannotFold`; nobody is parked.
        """
        for start in range(0, len(targets), tenants_at_once):
            upto = {target.tenant_id: target.upto for target in targets[start : start + tenants_at_once]}
            while upto:
                with connection.transaction():
                    claims = self.claim(connection, list(upto), patient=True)
                    pages = self.advance(
                        connection,
                        [Claim(claim.tenant_id, claim.after, upto[claim.tenant_id]) for claim in claims],
                        page_size,
                    )
                    for page in pages:
                        refuse_poison(self._model.name, page)
                reached = {page.tenant_id: page.reached for page in pages}
                upto = {
                    tenant_id: position
                    for tenant_id, position in upto.items()
                    if reached.get(tenant_id, position) < position
                }
                yield sum(page.count for page in pages)

    def _read(
        self, connection: Connection[Any], claims: Sequence[Claim], page_size: int
    ) -> list[Page[EventT]]:
        with connection.pipeline():
            cursors = [
                connection.execute(
                    PAGE_OF_TENANT,
                    {
                        "tenant_id": claim.tenant_id,
                        "after": claim.after,
                        "upto": claim.upto,
                        "limit": page_size,
                        "types": self.reader.types,
                    },
                    binary=True,
                )
                for claim in claims
            ]
        return [
            self.reader.page(cursor.fetchall()[0], claim.after)
            for cursor, claim in zip(cursors, claims, strict=True)
        ]

    def _move(self, connection: Connection[Any], pages: Sequence[Page[EventT]]) -> None:
        with connection.pipeline():
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

    def _of(self, tenants: Sequence[UUID]) -> dict[str, Any]:
        return {**self._identity, "tenants": list(tenants), "tenant_id": tenants[0], "limit": len(tenants)}


def _behind_of(tenants: Sequence[UUID]) -> LiteralString:
    """A statement about one tenant names it as a scalar, so that a distributed database can route it."""
    return _BEHIND_OF_ONE if len(tenants) == 1 else _BEHIND_OF_MANY


def refuse_poison(name: str, page: Page[Any]) -> None:
    """Raise `CannotFold` if the page ended at a poison."""
    if page.poison is not None:
        raise CannotFold(
            f"{name}: tenant {page.tenant_id}, position {page.poison.position}: {page.poison.error}"
        )
