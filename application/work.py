"""One attempt to carry out a command: what it read, what it decided, and the append that follows from both."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from application.entity import AnyDecider, Entity, continued, encode, pages, stamped
from application.ports import EventLog
from application.recorded import Append, StoredEvent, StreamPart
from application.refusals import IdempotencyKeyReused, Refused
from domain.decision import Command, Event, Rejected, fold
from domain.skills import Vocabulary


class EntityCache:
    """The entities that this process read or changed most recently. One that a command has just begun is left out until it is
    read: most are not changed again for hours. Never trusted: an append names the versions it was decided on, and whatever a cached
    state would refuse is decided again on a fresh one.

    `limit` bounds how many they are, `most_bytes` what they may take together; the last one stays, whatever it takes."""

    def __init__(self, limit: int = 20_000, most_bytes: int = 64 << 20) -> None:
        self._limit = limit
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entities: OrderedDict[int, Entity[Any]] = OrderedDict()
        """By the integers of their ids: those are quicker to look up than the ids."""

    def get(self, stream_id: UUID) -> Entity[Any] | None:
        number = stream_id.int
        entity = self._entities.get(number)
        if entity is not None:
            self._entities.move_to_end(number)
        return entity

    def put(self, entity: Entity[Any]) -> None:
        self.drop(entity.stream_id)
        self._entities[entity.stream_id.int] = entity
        self._bytes += entity.size
        while len(self._entities) > self._limit or (
            self._bytes > self._most_bytes and len(self._entities) > 1
        ):
            _, oldest = self._entities.popitem(last=False)
            self._bytes -= oldest.size

    def clear(self) -> None:
        """Forget everything."""
        self._entities.clear()
        self._bytes = 0

    def drop(self, stream_id: UUID) -> None:
        entity = self._entities.pop(stream_id.int, None)
        if entity is not None:
            self._bytes -= entity.size


class Subject(msgspec.Struct):
    """What a command reads and decides about: the `entity` as it was loaded, and the `state` after the `events` decided since,
    of which the largest takes `largest` bytes once it is encoded."""

    decider: AnyDecider
    entity: Entity[Any]
    state: Any
    events: list[Event] = []
    largest: int = 0

    def decide(self, command: Command) -> Any:
        """Decide a command and keep its events; the state after them. Raises `Refused`."""
        decision = self.decider.decide(command, self.state)
        if isinstance(decision, Rejected):
            raise Refused(decision)
        if decision:
            self.events += decision
            self.state = fold(self.decider, decision, self.state)
        return self.state


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
        vocabulary: Vocabulary,
    ) -> None:
        self._log = log
        self._cache = cache
        self._command_id = command_id
        self._fresh = fresh
        self._generation = log.generation
        self._subjects: dict[int, Subject] = {}
        self.tenant_id = tenant_id
        self.vocabulary = vocabulary
        self.used_cache = False
        self.repeated: Entity[Any] | None = None

    async def read(self, decider: AnyDecider, stream_id: UUID, *, presumably_new: bool = False) -> Subject:
        """The subject that a stream is about, with what this work has decided on it so far.

        One that is `presumably_new` is not looked up at the first attempt: if it exists, the append conflicts.
        """
        subject = self._subjects.get(stream_id.int)
        if subject is None:
            entity = self._remembered(decider, stream_id, presumably_new)
            if entity is None:
                entity = await self._load(decider, stream_id)
            subject = self._subjects[stream_id.int] = Subject(decider, entity, entity.state)
        return subject

    def _remembered(self, decider: AnyDecider, stream_id: UUID, presumably_new: bool) -> Entity[Any] | None:
        if self._fresh:
            return None
        entity = self._cache.get(stream_id)
        if entity is None and presumably_new:
            entity = Entity(stream_id, decider.initial)
        if entity is None or not isinstance(entity.state, type(decider.initial)):
            return None
        self.used_cache = True
        return entity

    async def _load(self, decider: AnyDecider, stream_id: UUID) -> Entity[Any]:
        own = not self._subjects
        entity = Entity(stream_id, decider.initial)
        async for page in pages(self._log, self.tenant_id, stream_id):
            if own:
                self._recognise(decider, entity, page)
            entity = continued(decider, entity, page)
        if entity.version:
            self._cache.put(entity)
        return entity

    def _recognise(self, decider: AnyDecider, before: Entity[Any], page: Sequence[StoredEvent]) -> None:
        """See whether the command was carried out before, by the stream that it is about: others may hold what another part of a
        bulk with the same key has written there."""
        own = 0
        for number, stored in enumerate(page, start=1):
            if stored.command_id == self._command_id:
                own = number
            elif stored.command_id.bytes[:8] == self._command_id.bytes[:8]:
                raise IdempotencyKeyReused
        if own:
            self.repeated = continued(decider, before, page[:own])

    def append(self, actor_id: UUID | None) -> Append | None:
        """Everything that was decided, on the versions that were read; None if nothing was."""
        parts: list[StreamPart] = []
        decided = False
        for subject in self._subjects.values():
            decided = decided or bool(subject.events)
            events = tuple([encode(event) for event in subject.events])
            subject.largest = max([len(event.data) for event in events], default=0)
            parts.append(StreamPart(subject.entity.stream_id, subject.entity.version, events))
        if not decided:
            return None
        return Append(self.tenant_id, tuple(parts), self._command_id, actor_id, self._generation)

    def accept(self, positions: tuple[int, ...], recorded_at: datetime) -> None:
        """The append was written: what was read is now one step further."""
        place = iter(positions)
        for subject in self._subjects.values():
            if subject.events:
                events = [(event, next(place), recorded_at) for event in subject.events]
                begins = subject.entity.version == 0
                subject.entity = stamped(subject.entity, subject.state, events, subject.largest)
                subject.events = []
                if not begins:
                    self._cache.put(subject.entity)

    def forget(self) -> None:
        """The append conflicted: nothing that was read is current any more."""
        for subject in self._subjects.values():
            self._cache.drop(subject.entity.stream_id)
