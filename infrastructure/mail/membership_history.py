"""Who was a member of a company when an event was recorded. Effects are worked out later, and told to who was one then."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

import msgspec
from psycopg import Connection

from application import policies
from application.commands import membership_id
from domain.membership import MEMBERSHIP, Membership, MembershipEvent
from infrastructure.log.pipeline import Call, Statement, int8, rows, run_sync
from infrastructure.read_models.event_page import EventPage

_AT_ONCE: Final = 2_000

_READ: Final = Statement(
    "effects_members",
    """
    select version, position, data from event
    where tenant_id = $1::uuid and stream_id = $2::uuid and version >= $3::bigint and position <= $4::bigint
    order by version limit $5::bigint
    """,
)

_decode = msgspec.json.Decoder[MembershipEvent](MEMBERSHIP.event_type).decode


Stored: TypeAlias = tuple[int, int, bytes]
"""Version, position and data of an event."""


class _Members(msgspec.Struct):
    """A company's `membership` after the `last` event that was folded, and the events to be folded `next`. `recruiters` remembers,
    for these members, the recruiters of the jobs that an account created: to find them, all members may have to be looked at."""

    membership: Membership = MEMBERSHIP.initial
    last: Stored | None = None
    next: deque[Stored] = msgspec.field(default_factory=deque)
    recruiters: dict[UUID, tuple[UUID, ...]] = {}

    @property
    def reached(self) -> Stored | None:
        """The event from which to read on."""
        return self.next[-1] if self.next else self.last


class MembershipHistory:
    """Follows the memberships of companies along with pages of their logs, so that each event is folded once.

    It begins again with a company when an earlier page comes (the transaction was not committed), and when the last event that was
    folded is not in the log any more (the log was restored).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: dict[UUID, _Members] = {}

    def follow(self, connection: Connection[Any], pages: Sequence[EventPage[Any]]) -> None:
        """Read what these pages need: one trip to PostgreSQL, unless the members of a company changed very often."""
        if len(self._known) > self._limit:
            self._known.clear()
        todo = [page for page in pages if page.steps]
        for page in todo:
            known = self._known.setdefault(page.tenant_id, _Members())
            known.next.clear()
            if known.last is not None and known.last[1] > page.steps[0].recorded.position:
                self._known[page.tenant_id] = _Members()
        while todo:
            results = run_sync(connection, [self._further(page) for page in todo])
            found = [cast("list[Stored]", rows(connection, result)) for result in results]
            todo = [page for page, events in zip(todo, found, strict=True) if self._take(page, events)]

    def recruiters(self, tenant_id: UUID, position: int, created_by: UUID) -> tuple[UUID, ...]:
        """The recruiters, at this position, of a job that `created_by` created. From call to call a company's position only rises.
        Raises `msgspec.DecodeError`."""
        known = self._known[tenant_id]
        while known.next and known.next[0][1] < position:
            event = _decode(known.next[0][2])
            known.membership = MEMBERSHIP.evolve(known.membership, event)
            known.last = known.next.popleft()
            known.recruiters.clear()
        if created_by not in known.recruiters:
            known.recruiters[created_by] = policies.recruiters(created_by, known.membership)
        return known.recruiters[created_by]

    def _further(self, page: EventPage[Any]) -> Call:
        reached = self._known[page.tenant_id].reached
        tenant_id, stream_id = page.tenant_id.bytes, membership_id(page.tenant_id).bytes
        version = int8(1 if reached is None else reached[0])
        return _READ, (tenant_id, stream_id, version, int8(page.reached), int8(_AT_ONCE))

    def _take(self, page: EventPage[Any], found: Sequence[Stored]) -> bool:
        """Keep what was read, from the event that was reached on; whether there is more to read."""
        known = self._known[page.tenant_id]
        if (reached := known.reached) is None:
            known.next.extend(found)
        elif [reached] == found[:1]:
            known.next.extend(found[1:])
        else:
            self._known[page.tenant_id] = _Members()
            return True
        return len(found) == _AT_ONCE
