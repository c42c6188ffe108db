"""An aggregate as it was loaded: its state, and what the log says around it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Generic, TypeVar, get_args
from uuid import UUID

import msgspec

from application.ports import EventLog
from application.recorded import LogUnavailable, NewEvent, Recorded, StoredEvent
from application.refusals import NotFound
from domain.decision import Decider, Event, fold

_EACH: Final = 300
"""Bytes that an event may add to a state, as a comment does with its ids and their entry in a map."""

STREAM_PAGE: Final = 200
"""How many events of a stream are read and folded at once, so that a long one does not keep the event loop from others."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)

StateT_co = TypeVar("StateT_co", covariant=True)
AnyDecider = Decider[Any, Any, Any]


class Entity(msgspec.Struct, Generic[StateT_co], frozen=True):
    """`version` 0: no events yet. `position` is that of its last event, `changed_at` when that was recorded: not always the
    latest moment, since a clock may step back. `last_at` says when each type of event was recorded last, `first_at` when the
    first. `largest` is how many bytes its largest event takes in the log."""

    stream_id: UUID
    state: StateT_co
    version: int = 0
    position: int = 0
    changed_at: datetime = _NEVER
    last_at: Mapping[str, datetime] = {}
    first_at: Mapping[str, datetime] = {}
    largest: int = 0

    @property
    def size(self) -> int:
        """About how many bytes its state may take: most events replace what an earlier one said, and each may add a little."""
        return self.largest + _EACH * self.version


_encoder = msgspec.json.Encoder()


def encode(event: Event) -> NewEvent:
    """An event as it is stored: its class name and its JSON."""
    return NewEvent(type(event).__name__, _encoder.encode(event))


@cache
def _decoder(event_type: object) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(event_type)


@cache
def _types(event_type: object) -> frozenset[str]:
    members: tuple[Any, ...] = get_args(event_type) or (event_type,)
    return frozenset(member.__name__ for member in members)


def decode(decider: AnyDecider, stored: StoredEvent) -> Event:
    """The event in a row of the log. Raises `LogUnavailable` for one that a newer version of this program wrote beside it: whoever
    asks again may find that one."""
    if stored.type not in _types(decider.event_type):
        raise LogUnavailable(f"{stored.type} is no event that this version knows of a {decider.name}")
    event: Event = _decoder(decider.event_type).decode(stored.data)
    return event


def recorded(decider: AnyDecider, stored: StoredEvent) -> Recorded[Event]:
    """A row of the log with its event decoded."""
    return Recorded(
        tenant_id=stored.tenant_id,
        position=stored.position,
        stream_id=stored.stream_id,
        version=stored.version,
        event=decode(decider, stored),
        actor_id=stored.actor_id,
        command_id=stored.command_id,
        recorded_at=stored.recorded_at,
    )


async def pages(
    log: EventLog, tenant_id: UUID, stream_id: UUID, after_version: int = 0
) -> AsyncGenerator[list[StoredEvent]]:
    """A stream after a version, `STREAM_PAGE` events at a time."""
    page: list[StoredEvent] | None = None
    while page is None or len(page) == STREAM_PAGE:
        after = page[-1].version if page else after_version
        page = await log.load(tenant_id, stream_id, after_version=after, limit=STREAM_PAGE)
        if page:
            yield page


def rehydrate(decider: AnyDecider, stream_id: UUID, stream: Sequence[StoredEvent]) -> Entity[Any]:
    """The entity after the events of its stream. Raises `NotFound` if the id is that of another kind of thing."""
    return continued(decider, Entity(stream_id, decider.initial), stream)


def continued(decider: AnyDecider, entity: Entity[Any], further: Sequence[StoredEvent]) -> Entity[Any]:
    """The entity after the further events of its stream. Raises `NotFound` if the id is that of another kind of thing, and
    `LogUnavailable` as `decode` does."""
    if further and not entity.version and further[0].type not in _types(decider.event_type):
        raise NotFound
    events = [(decode(decider, stored), stored.position, stored.recorded_at) for stored in further]
    state = fold(decider, (event for event, _, _ in events), entity.state)
    return stamped(entity, state, events, max((len(stored.data) for stored in further), default=0))


def stamped(
    entity: Entity[Any], state: Any, events: Sequence[tuple[Event, int, datetime]], largest: int
) -> Entity[Any]:
    """The entity after further events, given with their positions and times, that lead to `state`; the largest takes `largest`
    bytes."""
    if not events:
        return entity
    last_at = dict(entity.last_at)
    first_at = dict(entity.first_at)
    for event, _, at in events:
        name = type(event).__name__
        last_at[name] = at
        first_at.setdefault(name, at)
    _, position, changed_at = events[-1]
    return Entity(
        entity.stream_id,
        state,
        entity.version + len(events),
        position,
        changed_at,
        last_at,
        first_at,
        max(entity.largest, largest),
    )
