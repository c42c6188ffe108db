"""An application's history in words: every event in order, who, when, from, to, and what was noted."""

from datetime import datetime
from typing import Any, assert_never, cast
from uuid import UUID

import msgspec
from litestar import get
from litestar.datastructures import State

from api.access import AUDIT, CANDIDATE
from api.application_answer import ApplicationId, check_concern
from api.requests import AnyRequest, actor_of
from api.services import Services
from application.actor import Role
from application.commands import membership_id
from application.entity import recorded, rehydrate
from application.recorded import Recorded
from domain.identifiers import tenant_of
from domain.job_application import (
    JOB_APPLICATION,
    ApplicationMoved,
    ApplicationReinstated,
    ApplicationRejected,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    JobApplicationEvent,
    StageAdvanced,
)
from domain.membership import MEMBERSHIP, Membership
from infrastructure import accounts, personal_texts


class Who(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did it, in the role that they had then. A candidate sees no names of staff."""

    role: Role | None = None
    id: UUID | None = None
    name: str | None = None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event: `position` in the company's log, `version` of the application after it."""

    position: int
    version: int
    type: str
    what: str
    from_stage: str | None
    to_stage: str
    at: datetime
    who: Who
    reason: str | None
    note: str | None
    mails: list[Any]


class History(msgspec.Struct, frozen=True):
    """The events of one application, oldest first."""

    items: list[HistoryEntry]
    next: str | None = None


def in_words(event: JobApplicationEvent) -> tuple[str, str | None, str]:
    """What happened, from which stage, to which."""
    match event:
        case ApplicationSubmitted(moved_from=None):
            return "Applied for the job", None, "applied"
        case ApplicationSubmitted():
            return "Moved here from another job", None, "applied"
        case StageAdvanced(from_stage=before, to_stage=stage):
            what = "Hired" if stage == "hired" else f"Moved from {before} to {stage}"
            return what, before, stage
        case ApplicationRejected(from_stage=before):
            return f"Rejected at {before}", before, "rejected"
        case ApplicationReinstated(to_stage=stage):
            return f"Rejection taken back, at {stage} again", "rejected", stage
        case ApplicationWithdrawn(from_stage=before):
            return f"Withdrawn by the candidate at {before}", before, "withdrawn"
        case ApplicationMoved(from_stage=before):
            return f"Moved from {before} to another job", before, "withdrawn"
        case _:
            assert_never(event)


@get(
    "/applications/{application_id:uuid}/history",
    allow=AUDIT | CANDIDATE,
    tags=["Applications"],
    operation_id="read_history",
)
async def history(application_id: ApplicationId, request: AnyRequest, state: State) -> History:
    """Every event of an application in order. A candidate sees their own, without notes and names of staff."""
    services: Services = state.services
    actor = actor_of(request)
    tenant_id = tenant_of(application_id)
    stream = await services.store.load(tenant_id, application_id)
    check_concern(actor, rehydrate(JOB_APPLICATION, application_id, stream))
    events = [cast("Recorded[JobApplicationEvent]", recorded(JOB_APPLICATION, stored)) for stored in stream]
    candidate_id = cast("ApplicationSubmitted", events[0].event).candidate_id
    actor_ids = [event.actor_id for event in events if event.actor_id is not None]
    async with services.pool.connection() as connection:
        names = await accounts.names(connection, actor_ids)
        texts = await personal_texts.read(
            connection, tenant_id, [i for e in events if (i := _text_id(e.event))]
        )
    members = await services.store.load(tenant_id, membership_id(tenant_id))
    full = actor.role != "candidate"
    return History(
        [
            _entry(event, _who(event, candidate_id, members, names, full=full), texts, full=full)
            for event in events
        ]
    )


def _text_id(event: JobApplicationEvent) -> UUID | None:
    match event:
        case (
            StageAdvanced(note_text_id=text_id)
            | ApplicationRejected(reason_text_id=text_id)
            | ApplicationMoved(note_text_id=text_id)
        ):
            return text_id
        case ApplicationSubmitted() | ApplicationReinstated() | ApplicationWithdrawn():
            return None
        case _:
            assert_never(event)


def _who(
    event: Recorded[JobApplicationEvent],
    candidate_id: UUID,
    members: list[Any],
    names: dict[UUID, str],
    *,
    full: bool,
) -> Who:
    if event.actor_id is None:
        return Who()
    if event.actor_id == candidate_id:
        return Who(role="candidate", id=candidate_id, name=names.get(candidate_id))
    before = [stored for stored in members if stored.position <= event.position]
    membership: Membership = rehydrate(MEMBERSHIP, event.stream_id, before).state
    role: Role | None = membership.roles.get(event.actor_id)
    return Who(role=role, id=event.actor_id, name=names.get(event.actor_id)) if full else Who(role=role)


def _entry(
    event: Recorded[JobApplicationEvent], who: Who, texts: dict[UUID, dict[str, str]], *, full: bool
) -> HistoryEntry:
    what, before, after = in_words(event.event)
    text_id = _text_id(event.event)
    content = {} if text_id is None else texts.get(text_id, {})
    return HistoryEntry(
        position=event.position,
        version=event.version,
        type=type(event.event).__name__,
        what=what,
        from_stage=before,
        to_stage=after,
        at=event.recorded_at,
        who=who,
        reason=content.get("reason"),
        note=content.get("note") if full else None,
        mails=[],
    )


HANDLERS = [history]
