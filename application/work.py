"""One attempt to carry out a command: what it read, what it decided, and the append that follows from both."""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from application.entity import AnyDecider, Entity, after, encode, rehydrate
from application.ports import EventLog
from application.recorded import Append, StreamPart
from application.refusals import IdempotencyKeyReused, Refused
from domain.decision import Command, Event, Rejected


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


class Work:
    """What a command reads and decides. Every stream that was read becomes a part of the append: one without new events
    is a guard, so that a decision never rests on a state that has moved meanwhile."""

    def __init__(
        self, log: EventLog, cache: EntityCache, tenant_id: UUID, command_id: UUID, *, fresh: bool
    ) -> None:
        self._log = log
        self._cache = cache
        self._command_id = command_id
        self._fresh = fresh
        self._deciders: dict[UUID, AnyDecider] = {}
        self._read: dict[UUID, Entity[Any]] = {}
        self._new: dict[UUID, list[Event]] = {}
        self.tenant_id = tenant_id
        self.used_cache = False
        self.repeated: Entity[Any] | None = None

    async def entity(
        self, decider: AnyDecider, stream_id: UUID, *, presumably_new: bool = False
    ) -> Entity[Any]:
        """The entity as it stands after what this work has decided so far.

        One that is `presumably_new` is not looked up at the first attempt: if it exists, the append conflicts.
        """
        known = self._read.get(stream_id)
        if known is None:
            known = self._read[stream_id] = await self._load(decider, stream_id, presumably_new)
            self._deciders[stream_id] = decider
        new = self._new.get(stream_id)
        if not new:
            return known
        last = max(known.last_at.values(), default=datetime.min.replace(tzinfo=UTC))
        return after(decider, known, [(event, known.position, last) for event in new])

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
        entity = await self.entity(decider, stream_id)
        decision = decider.decide(command, entity.state)
        if isinstance(decision, Rejected):
            raise Refused(decision)
        self._new.setdefault(stream_id, []).extend(decision)
        return await self.entity(decider, stream_id)

    @property
    def decided(self) -> bool:
        """Whether there is anything to write."""
        return any(self._new.values())

    def append(self, actor_id: UUID | None) -> Append:
        """Everything that was decided, on the versions that were read."""
        parts = tuple(
            StreamPart(
                stream_id, entity.version, tuple(encode(event) for event in self._new.get(stream_id, ()))
            )
            for stream_id, entity in self._read.items()
        )
        return Append(self.tenant_id, parts, self._command_id, actor_id)

    def accept(self, positions: tuple[int, ...], recorded_at: datetime) -> None:
        """The append was written: what was read is now one step further."""
        place = iter(positions)
        for stream_id, entity in self._read.items():
            events = [(event, next(place), recorded_at) for event in self._new.get(stream_id, ())]
            if events:
                further = after(self._deciders[stream_id], entity, events)
                self._read[stream_id] = further
                self._cache.put(further)
        self._new.clear()

    def forget(self) -> None:
        """The append conflicted: nothing that was read is current any more."""
        for stream_id in self._read:
            self._cache.drop(stream_id)
