"""The only write path: load the streams, fold, decide, append with the versions that were read, answer the outcome."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from itertools import takewhile
from typing import Any, Final, Generic, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec

from application.actor import STAFF, Actor
from application.commands import COMMANDS, CommandSpec
from application.entity import STREAM_PAGE, AnyDecider, Entity, continued, pages
from application.ports import EventLog
from application.recorded import LogUnavailable, StoredEvent, VersionConflict
from application.refusals import Forbidden, NotFound, Refused, StaleVersion
from application.work import EntityCache, Work
from domain.decision import Command
from domain.identifiers import from_bytes, tenant_of
from domain.skills import BUILT_IN, Vocabulary

_ATTEMPTS: Final = 32
_FURTHER_EVENTS: Final = 10
"""More than any command writes besides those of the stream that it is about."""

StateT = TypeVar("StateT")


class Metadata(msgspec.Struct, frozen=True):
    """Who issues a command and how: `expected_version` is the caller's `If-Match`; `repeatable` says that `command_id` may
    have been seen before; `before_append` is for what must come before the log says what was decided, each time that this is tried.
    """

    actor: Actor
    command_id: UUID
    expected_version: int | None = None
    repeatable: bool = False
    before_append: Callable[[], Awaitable[None]] | None = None


class Outcome(msgspec.Struct, Generic[StateT], frozen=True):
    """The entity that the command was about, and the position of the last event that it wrote in the tenant's log (of the
    entity's last event, if it changed nothing)."""

    entity: Entity[StateT]
    position: int
    changed: bool


def command_id(actor: Actor, idempotency_key: str | None, request: bytes) -> UUID:
    """Random without a key. With one, its first half names actor and key, its second half the request: a repeated request
    has the same id, and the same key with another request is recognised by its first half."""
    if idempotency_key is None:
        return from_bytes(os.urandom(16))
    key = hashlib.sha256(actor.account_id.bytes + idempotency_key.encode()).digest()[:8]
    return UUID(bytes=key + hashlib.sha256(request).digest()[:8])


class CommandHandler:
    """Carries out commands on a log, keeping recently used entities in memory. `vocabulary` answers the one in force."""

    def __init__(
        self,
        log: EventLog,
        cache: EntityCache | None = None,
        vocabulary: Callable[[], Vocabulary] = lambda: BUILT_IN,
    ) -> None:
        self._log = log
        self._cache = cache or EntityCache()
        self._vocabulary = vocabulary
        self._generation = log.generation
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def handle(self, command: Command, metadata: Metadata) -> Outcome[Any]:
        """Carry out a command.

        Raises `Forbidden`, `NotFound`, `Refused`, `StaleVersion`, `IdempotencyKeyReused`, or `LogUnavailable`.
        A conflict with a concurrent writer is decided again on the new state, unless the caller named a version. Those who
        conflicted on one stream take turns, so that each attempt but those of other processes succeeds.
        """
        spec = COMMANDS[type(command)]
        actor = metadata.actor
        if actor.role not in spec.roles:
            raise Forbidden(f"This is not for {actor.role.replace('_', ' ')}s.")
        stream_id = spec.stream_id(command)
        tenant_id = tenant_of(stream_id)
        if actor.role in STAFF and actor.company_id != tenant_id:
            raise NotFound
        fresh = metadata.repeatable
        contested: UUID | None = None
        for _ in range(_ATTEMPTS):
            self._forget_what_may_be_lost()
            work = Work(
                self._log,
                self._cache,
                tenant_id,
                metadata.command_id,
                fresh=fresh,
                vocabulary=self._vocabulary(),
            )
            try:
                if contested is None:
                    outcome = await self._attempt(command, spec, stream_id, metadata, work)
                else:
                    async with self._turns.setdefault(contested, asyncio.Lock()):
                        outcome = await self._attempt(command, spec, stream_id, metadata, work)
            except VersionConflict as conflict:
                work.forget()
                contested = conflict.stream_id
            except (Refused, Forbidden, NotFound, StaleVersion):
                if not work.used_cache:
                    raise
            else:
                if outcome is not None:
                    return outcome
            fresh = True
        raise LogUnavailable("too many others write to the same stream")

    async def current(self, decider: AnyDecider, stream_id: UUID) -> Entity[Any]:
        """The entity as it stands now; version 0 if there is none. Raises `NotFound` if the id is that of another kind of thing, and
        `LogUnavailable`.

        If it is in the cache, only the last event that the cache knows and those after it are read, however long the stream is.
        If that event is another one by now, the log was restored, and the whole stream is read.
        """
        tenant_id = tenant_of(stream_id)
        known = self._cache.get(stream_id)
        if known is not None and isinstance(known.state, type(decider.initial)):
            last = await self._log.load(
                tenant_id, stream_id, after_version=known.version - 1, limit=STREAM_PAGE
            )
            if last and (last[0].position, last[0].recorded_at) == (known.position, known.changed_at):
                return await self._further(decider, known, last[1:], complete=len(last) < STREAM_PAGE)
            self._cache.drop(stream_id)
        return await self._further(decider, Entity(stream_id, decider.initial), [], complete=False)

    async def _further(
        self, decider: AnyDecider, known: Entity[Any], page: list[StoredEvent], *, complete: bool
    ) -> Entity[Any]:
        """The entity after a page that was read, and, unless that is `complete`, after what stands in the log beyond it."""
        entity = continued(decider, known, page)
        if not complete:
            async for rest in pages(self._log, tenant_of(known.stream_id), known.stream_id, entity.version):
                entity = continued(decider, entity, rest)
        if entity.version > known.version:
            self._cache.put(entity)
        return entity

    def _forget_what_may_be_lost(self) -> None:
        if self._generation != self._log.generation:
            self._generation = self._log.generation
            self._cache.clear()

    async def _attempt(
        self, command: Command, spec: CommandSpec, stream_id: UUID, metadata: Metadata, work: Work
    ) -> Outcome[Any] | None:
        """One attempt; None asks for another on fresh state. Raises `VersionConflict` too."""
        subject = await work.read(spec.decider, stream_id, presumably_new=spec.creates)
        entity = subject.entity
        if work.repeated is not None:
            return Outcome(work.repeated, await self.end_of_append(work.repeated), changed=True)
        spec.authorize(metadata.actor, entity)
        if entity.version and metadata.expected_version not in {None, entity.version}:
            raise StaleVersion(metadata.expected_version or 0, entity.version)
        if spec.carry_out is None:
            subject.decide(command)
        else:
            await spec.carry_out(command, work)
        append = work.append(metadata.actor.named)
        if append is None:
            return None if work.used_cache else Outcome(entity, entity.position, changed=False)
        if metadata.before_append is not None:
            await metadata.before_append()
        appended = await self._log.append(append)
        work.accept(appended.positions, appended.recorded_at)
        return Outcome(subject.entity, appended.positions[-1], changed=True)

    async def end_of_append(self, entity: Entity[Any]) -> int:
        """The position of the last event of the append that wrote the last one of an entity, which stands first in it."""
        appended = await self._log.read(
            tenant_of(entity.stream_id), after=entity.position - 1, limit=_FURTHER_EVENTS
        )
        together = takewhile(lambda stored: stored.command_id == appended[0].command_id, appended)
        return max((stored.position for stored in together), default=entity.position)
