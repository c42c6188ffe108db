"""Who was a member of a company when an event was recorded: what an effects projector knows of memberships."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import Connection

from application import policies
from application.commands import membership_id
from domain.membership import MEMBERSHIP, Membership, MembershipEvent
from infrastructure.log.pipeline import Call, Statement, int8, rows, run_sync
from infrastructure.read_models.page import Page

_AT_ONCE: Final = 2_000

_READ: Final = Statement(
    "effects_members",
    """
    select version, position, data from event
    where tenant_id = $1::uuid and stream_id = $2::uuid and version > $3::bigint and position <= $4::bigint
    order by version limit $5::bigint
    """,
)

_decode = msgspec.json.Decoder[MembershipEvent](MEMBERSHIP.event_type).decode


class _Members(msgspec.Struct):
    """A company's `membership` after the event at `position`, and what is `next`: positions and events as they are stored. With
    these members, `told` are the recruiters of the jobs that somebody created: to find them, all members may have to be looked at."""

    membership: Membership = MEMBERSHIP.initial
    position: int = 0
    version: int = 0
    next: deque[tuple[int, int, bytes]] = msgspec.field(default_factory=deque)
    told: dict[UUID, tuple[UUID, ...]] = {}


class MembersThen:
    """Follows the memberships of companies beside pages of their logs, so that each event is read and folded once.

    A page that is read again, since its transaction was not committed, is followed from the beginning.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: dict[UUID, _Members] = {}

    def follow(self, connection: Connection[Any], pages: Sequence[Page[Any]]) -> None:
        """Read on to the ends of these pages; one trip to PostgreSQL where nobody's members changed very often."""
        if len(self._known) > self._limit:
            self._known.clear()
        todo = [page for page in pages if page.steps]
        for page in todo:
            known = self._known.get(page.tenant_id)
            if known is None or known.position > page.steps[0].recorded.position:
                self._known[page.tenant_id] = _Members()
            else:
                known.next.clear()
        while todo:
            results = run_sync(connection, [self._further(page) for page in todo])
            found = [rows(connection, result) for result in results]
            for page, further in zip(todo, found, strict=True):
                self._known[page.tenant_id].next.extend(further)
            todo = [page for page, further in zip(todo, found, strict=True) if len(further) == _AT_ONCE]

    def recruiters(self, tenant_id: UUID, position: int, created_by: UUID) -> tuple[UUID, ...]:
        """Who is told what the event at this position, which only rises, tells the recruiter of a job that somebody created. Raises
        `msgspec.DecodeError`."""
        known = self._known[tenant_id]
        while known.next and known.next[0][1] < position:
            version, reached, data = known.next[0]
            known.membership = MEMBERSHIP.evolve(known.membership, _decode(data))
            known.position, known.version = reached, version
            known.next.popleft()
            known.told.clear()
        if created_by not in known.told:
            known.told[created_by] = policies.recruiters(created_by, known.membership)
        return known.told[created_by]

    def _further(self, page: Page[Any]) -> Call:
        known = self._known[page.tenant_id]
        version = known.next[-1][0] if known.next else known.version
        stream_id = membership_id(page.tenant_id)
        upto, limit = int8(page.reached), int8(_AT_ONCE)
        return _READ, (page.tenant_id.bytes, stream_id.bytes, int8(version), upto, limit)
