"""The effects of events, stored once each: a projector whose rows are never rebuilt.

It reads logs as the read models are read (claim, gap check, page, checkpoint in the same transaction, poison parks), but a row
of `effect` also holds what became of it (was it read, was its mail sent), so no log can bring it back. It is in no hurry:
it goes at an easy pace, in bulk, so that it costs commands little.
"""

import contextlib
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg_pool import ConnectionPool

from application import policies
from application.effects import Effect, Kind, Recipient
from application.recorded import Recorded
from domain.decision import Event
from domain.job_application import ApplicationSubmitted
from infrastructure.log.pipeline import (
    TIMESTAMPTZ,
    Call,
    Statement,
    array,
    from_time,
    int8s,
    rows,
    run_sync,
    texts,
    uuids,
)
from infrastructure.mail.membership_history import MembershipHistory
from infrastructure.read_models.build_writer import BuildWriter
from infrastructure.read_models.event_page import EventPage, Poison, describe
from infrastructure.read_models.projector import Projector, Unit
from infrastructure.read_models.read_model import Key, ReadModel, Row

_KNOWN: Final = 20_000
"""Applications and jobs that a process remembers; who they are about never changes."""

_FIRST_EVENTS: Final = Statement(
    "effects_first_events",
    """
    select wanted.stream_id, first.data from unnest($2::uuid[]) as wanted (stream_id)
    cross join lateral (
        select data from event
        where event.tenant_id = $1::uuid and event.stream_id = wanted.stream_id order by event.version limit 1) as first
    """,
)
_STORE: Final = Statement(
    "effects_store",
    """
    insert into effect (tenant_id, position, number, kind, recipient, account_id, application_id, job_id, candidate_id,
                        created_at, mail_id)
    select $1::uuid, given.*,
           encode(substr(sha256(convert_to(
               $1::uuid::text || '.' || position || '.' || number || '.' || extract(epoch from created_at), 'UTF8'
           )), 1, 16), 'hex')::uuid
    from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[],
                $10::timestamptz[])
        as given (position, number, kind, recipient, account_id, application_id, job_id, candidate_id, created_at)
    """,
)
"""The id of an effect's mail is made of its key and its event's time: the same again if a database is restored and the effect is
stored a second time, and another if the restored log goes on with another event at that position."""

FirstT = TypeVar("FirstT", bound=msgspec.Struct)
Policy = Callable[[Recorded[Any]], tuple[Effect, ...]]


class EffectRow(Row, frozen=True, kw_only=True):
    """What the projector writes of a row of `effect`."""

    position: int
    number: int
    kind: Kind
    recipient: Recipient
    account_id: UUID
    application_id: UUID
    job_id: UUID
    candidate_id: UUID
    created_at: datetime


class _Application(msgspec.Struct, frozen=True):
    """What the first event of every application says."""

    job_id: UUID
    candidate_id: UUID


class _Job(msgspec.Struct, frozen=True):
    """What the first event of every job says."""

    created_by: UUID


class UnknownStream(Exception):
    """An effect is about an application or a job that has no events."""


def _no_keys(_recorded: Recorded[Event]) -> tuple[Key, ...]:
    return ()


def _no_fold(_row: EffectRow | None, _recorded: Recorded[Event]) -> EffectRow | None:
    raise NotImplementedError("effects are not folded")


EFFECTS: Final = ReadModel[EffectRow, Event](
    name="effects",
    version=1,
    row=EffectRow,
    key=("position", "number"),
    handled=policies.Handled,
    keys=_no_keys,
    evolve=_no_fold,
)
"""The reserved name of the checkpoints, and the events of interest. It stands in no menu: it cannot be rebuilt or verified."""


class EffectsProjector(Projector[EffectRow, Event]):
    """Stores the effects of events; `stored` is called after each transaction that brought some."""

    interval_seconds = 0.4

    def __init__(
        self,
        pool: ConnectionPool[Any],
        *,
        policy: Policy = policies.effects,
        stored: Callable[[], None] = lambda: None,
        page_size: int = 2_000,
        tenants_per_unit: int = 100,
    ) -> None:
        super().__init__(pool, EFFECTS, page_size=page_size, tenants_per_unit=tenants_per_unit)
        self._policy = policy
        self._stored = stored
        self._rows = 0

    def writer(self, build: int) -> BuildWriter[EffectRow, Event]:
        return _EffectsWriter(build, self._policy, self._count)

    def unit(self, tenants: Collection[UUID], *, patient: bool = False) -> Unit:
        self._rows = 0
        done = super().unit(tenants, patient=patient)
        if self._rows:
            self._stored()
        return done

    def _count(self, rows: int) -> None:
        self._rows += rows


class _EffectsWriter(BuildWriter[EffectRow, Event]):
    def __init__(self, build: int, policy: Policy, count: Callable[[int], None]) -> None:
        super().__init__(EFFECTS, build)
        self._policy = policy
        self._count = count
        self._applications: dict[UUID, _Application] = {}
        self._jobs: dict[UUID, _Job] = {}
        self._members = MembershipHistory(_KNOWN)

    def folded(self, connection: Connection[Any], pages: Sequence[EventPage[Event]]) -> list[Call]:
        """An event whose effects cannot be told ends its page and parks its tenant."""
        self._members.follow(connection, pages)
        found = [self._rows(connection, page) for page in pages]
        self._count(sum(map(len, found)))
        return [_store(effects) for effects in found if effects]

    def _rows(self, connection: Connection[Any], page: EventPage[Event]) -> list[EffectRow]:
        if len(self._applications) + len(self._jobs) > _KNOWN:
            self._applications.clear()
            self._jobs.clear()
        decided: list[tuple[Recorded[Event], tuple[Effect, ...]]] = []
        for step in page.steps:
            try:
                effects = self._policy(step.recorded)
            except Exception as error:  # noqa: BLE001 (whatever it is, it must not stop the other tenants)
                page.stop_before(Poison(step.recorded.position, describe(error)))
                break
            if isinstance(step.recorded.event, ApplicationSubmitted):
                self._applications[step.recorded.stream_id] = _Application(
                    step.recorded.event.job_id, step.recorded.event.candidate_id
                )
            if effects:
                decided.append((step.recorded, effects))
        self._learn(connection, page.tenant_id, [effect for _, effects in decided for effect in effects])
        rows: list[EffectRow] = []
        for recorded, effects in decided:
            try:
                rows += self._effect_rows(recorded, effects)
            except (UnknownStream, msgspec.DecodeError) as error:
                page.stop_before(Poison(recorded.position, describe(error)))
                break
        return rows

    def _effect_rows(self, recorded: Recorded[Event], effects: Sequence[Effect]) -> list[EffectRow]:
        """One row for each person that is told; an effect for the recruiter may be told to several."""
        rows: list[EffectRow] = []
        for effect in effects:
            application = self._applications.get(effect.application_id)
            job = self._jobs.get(application.job_id) if application else None
            if application is None or job is None:
                raise UnknownStream(str(effect.application_id))
            if effect.recipient == "candidate":
                recipients: tuple[UUID, ...] = (application.candidate_id,)
            else:
                recipients = self._members.recruiters(recorded.tenant_id, recorded.position, job.created_by)
            rows += [
                EffectRow(
                    tenant_id=recorded.tenant_id,
                    position=recorded.position,
                    number=number,
                    kind=effect.kind,
                    recipient=effect.recipient,
                    account_id=account_id,
                    application_id=effect.application_id,
                    job_id=application.job_id,
                    candidate_id=application.candidate_id,
                    created_at=recorded.recorded_at,
                )
                for number, account_id in enumerate(recipients, start=len(rows))
            ]
        return rows

    def _learn(self, connection: Connection[Any], tenant_id: UUID, effects: list[Effect]) -> None:
        """Who these applications, and their jobs, are about."""
        applications, jobs = self._applications, self._jobs
        wanted = {effect.application_id for effect in effects if effect.application_id not in applications}
        applications.update(_firsts(connection, tenant_id, wanted, _Application))
        about = (applications.get(effect.application_id) for effect in effects)
        wanted = {application.job_id for application in about if application}
        jobs.update(_firsts(connection, tenant_id, [one for one in wanted if one not in jobs], _Job))


def _firsts(
    connection: Connection[Any], tenant_id: UUID, streams: Collection[UUID], kind: type[FirstT]
) -> dict[UUID, FirstT]:
    """What the first events of these streams say; one that says something else is missing."""
    found: dict[UUID, FirstT] = {}
    if streams:
        (result,) = run_sync(connection, [(_FIRST_EVENTS, (tenant_id.bytes, uuids(streams)))])
        for stream_id, data in rows(connection, result):
            with contextlib.suppress(msgspec.DecodeError):
                found[stream_id] = msgspec.json.decode(data, type=kind)
    return found


def _store(effects: Sequence[EffectRow]) -> Call:
    """What stores effects of one tenant."""
    return _STORE, (
        effects[0].tenant_id.bytes,
        int8s(effect.position for effect in effects),
        int8s(effect.number for effect in effects),
        texts(effect.kind for effect in effects),
        texts(effect.recipient for effect in effects),
        uuids(effect.account_id for effect in effects),
        uuids(effect.application_id for effect in effects),
        uuids(effect.job_id for effect in effects),
        uuids(effect.candidate_id for effect in effects),
        array(TIMESTAMPTZ, [from_time(effect.created_at) for effect in effects]),
    )
