"""One attempt to carry out a command: what it read, what it decided, and the append that follows from both."""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from application.entity import AnyDecider, Entity, after, encode, rehydrate, stamped
from application.ports import EventLog
from application.recorded import Append, StreamPart
from application.refusals import IdempotencyKeyReused, Refused
from domain.decision import Command, Event, Rejected
from domain.skills import BUILT_IN, Vocabulary

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


class EntityCache:
    """The most recently used entities of this process. Never trusted: an append names the versions it was decided on,
    and whatever a cached state would refuse is decided again on a fresh one."""

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._entities: OrderedDict[UUID, Entity[Any]] = OrderedDict()

    def get(self, stream_id: UUID) -> Entity[Any] | None:
        entity = self._entities.get(stream_id)
        if entity is not None:
            self._entities.move_to_end(stream_id)
        return entity

    def put(self, entity: Entity[Any]) -> None:
        self._entities[entity.stream_id] = entity
        self._entities.move_to_end(entity.stream_id)
        if len(self._entities) > self._limit:
            self._entities.popitem(last=False)

    def drop(self, stream_id: UUID) -> None:
        self._entities.pop(stream_id, None)


class _Stream(msgspec.Struct):
    """A stream that was read: the entity as it was loaded, what was decided since, and the entity after that."""

    decider: AnyDecider
    loaded: Entity[Any]
    standing: Entity[Any]
    events: list[Event] = []


class Work:
    """What a command reads and decides. Every stream that was read becomes a part of the append: one without new events
    is a guard, so that a decision never rests on a state that has moved meanwhile."""

    def __init__(
        self,
        log: EventLog,
        cache: EntityCache,
        tenant_id: UUID,
        command_id: UUID,
        *,
        fresh: bool,
        vocabulary: Vocabulary = BUILT_IN,
    ) -> None:
        self._log = log
        self._cache = cache
        self._command_id = command_id
        self._fresh = fresh
        self._streams: dict[UUID, _Stream] = {}
        self.tenant_id = tenant_id
        self.vocabulary = vocabulary
        self.used_cache = False
        self.repeated: Entity[Any] | None = None

    async def entity(
        self, decider: AnyDecider, stream_id: UUID, *, presumably_new: bool = False
    ) -> Entity[Any]:
        """The entity as it stands after what this work has decided so far.

        One that is `presumably_new` is not looked up at the first attempt: if it exists, the append conflicts.
        """
        return (await self._stream(decider, stream_id, presumably_new)).standing

    async def _stream(self, decider: AnyDecider, stream_id: UUID, presumably_new: bool = False) -> _Stream:
        stream = self._streams.get(stream_id)
        if stream is None:
            entity = await self._load(decider, stream_id, presumably_new)
            stream = self._streams[stream_id] = _Stream(decider, entity, entity)
        return stream

    async def _load(self, decider: AnyDecider, stream_id: UUID, presumably_new: bool) -> Entity[Any]:
        if not self._fresh:
            cached = self._cache.get(stream_id)
            if cached is None and presumably_new:
                cached = Entity(stream_id, decider.initial)
            if cached is not None and isinstance(cached.state, type(decider.initial)):
                self.used_cache = True
                return cached
        stream = await self._log.load(self.tenant_id, stream_id)
        own = 0
        for number, stored in enumerate(stream, start=1):
            if stored.command_id == self._command_id:
                own = number
            elif stored.command_id.bytes[:8] == self._command_id.bytes[:8]:
                raise IdempotencyKeyReused
        if own:
            self.repeated = rehydrate(decider, stream_id, stream[:own])
        entity = rehydrate(decider, stream_id, stream)
        if entity.version:
            self._cache.put(entity)
        return entity

    async def decide(self, decider: AnyDecider, stream_id: UUID, command: Command) -> Entity[Any]:
        """Decide a command on a stream and keep its events. Raises `Refused`."""
        stream = await self._stream(decider, stream_id)
        entity = stream.standing
        decision = decider.decide(command, entity.state)
        if isinstance(decision, Rejected):
            raise Refused(decision)
        if decision:
            last = max(entity.last_at.values(), default=_BEFORE_ALL)
            stream.events += decision
            stream.standing = after(decider, entity, [(event, entity.position, last) for event in decision])
        return stream.standing

    @property
    def decided(self) -> bool:
        """Whether there is anything to write."""
        return any(stream.events for stream in self._streams.values())

    def append(self, actor_id: UUID | None) -> Append:
        """Everything that was decided, on the versions that were read."""
        parts = tuple(
            [
                StreamPart(
                    stream_id, stream.loaded.version, tuple([encode(event) for event in stream.events])
                )
                for stream_id, stream in self._streams.items()
            ]
        )
        return Append(self.tenant_id, parts, self._command_id, actor_id)

    def accept(self, positions: tuple[int, ...], recorded_at: datetime) -> None:
        """The append was written: what was read is now one step further."""
        place = iter(positions)
        for stream in self._streams.values():
            if stream.events:
                events = [(event, next(place), recorded_at) for event in stream.events]
                stream.loaded = stream.standing = stamped(stream.loaded, stream.standing.state, events)
                stream.events = []
                self._cache.put(stream.standing)

    def forget(self) -> None:
        """The append conflicted: nothing that was read is current any more."""
        for stream_id in self._streams:
            self._cache.drop(stream_id)
