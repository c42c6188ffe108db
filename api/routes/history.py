"""An application's history: every event in order, who, when, from, to, what was written, and what became of each mail."""

from collections.abc import Iterable
from contextlib import aclosing
from datetime import datetime
from heapq import merge
from operator import attrgetter
from typing import cast
from uuid import UUID

import msgspec
from litestar import get
from msgspec.structs import replace

from api.http.access import AUDIT, CANDIDATE
from api.http.requests import AnyRequest, Cursor, Limit, actor_of
from api.routes.application_answer import ApplicationId, check_may_see, load
from api.routes.assessment import place_after, standing_comments
from api.routes.authors import Authors, Who, authors
from api.routes.history_words import EventDescription, HistoryEvent, describe
from api.services import Services, services_of
from application.actor import Actor
from application.commands import assessment_id
from application.entity import pages, recorded
from application.recorded import Recorded, StoredEvent
from domain.assessment import ASSESSMENT, CommentAdded, Recommendation, ScorecardRevised, ScorecardSubmitted
from domain.identifiers import tenant_of
from domain.job_application import JOB_APPLICATION, ApplicationScreened, Stage
from infrastructure.mail import outcomes as mail_outcomes
from infrastructure.mail.outcomes import MailOutcome
from infrastructure.personal_data import personal_texts
from projections.paging import encode_cursor


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event: `position` in the company's log, `version` of the application after it (a comment or score leaves both
    version and stage as they were). `other_application_id` is the one that this came from, or goes on as."""

    position: int
    version: int
    type: str
    what: str
    from_stage: Stage | None
    to_stage: Stage
    at: datetime
    who: Who
    reason: str | None
    note: str | None
    comment: str | None = None
    ratings: dict[str, int] | None = None
    recommendation: Recommendation | None = None
    other_application_id: UUID | None = None
    mails: list[MailOutcome]


class History(msgspec.Struct, frozen=True):
    """The events of one application, oldest first; `next` is the cursor of the rest."""

    items: list[HistoryEntry]
    next: str | None = None


class _Step(msgspec.Struct, frozen=True):
    """An event, its description, and where the application stands after it."""

    recorded: Recorded[HistoryEvent]
    description: EventDescription
    stage: Stage
    version: int


@get(
    "/applications/{application_id:uuid}/history",
    allow=AUDIT | CANDIDATE,
    tags=["Applications"],
    operation_id="read_history",
)
async def history(
    application_id: ApplicationId, request: AnyRequest, limit: Limit = 50, cursor: Cursor = None
) -> History:
    """Every event of an application in order, with what became of the mails that followed. A candidate sees what concerns
    them: no comments, scores, notes or names of staff, and only the mails to themselves. So do staff of what they sent themselves
    before they joined."""
    services = services_of(request)
    actor = actor_of(request)
    full = actor.role != "candidate"
    tenant_id = tenant_of(application_id)
    entity = await load(services, application_id)
    check_may_see(actor, entity)
    candidate_id = cast("UUID", entity.state.candidate_id)
    full = full and candidate_id != actor.account_id
    after = place_after(cursor)
    said = await _said(services, application_id, after, limit + 1) if full else []
    stream = [stored async for page in pages(services.store, tenant_id, application_id) for stored in page]
    steps = [step for step in _steps(application_id, stream, said) if step.recorded.position > after]
    page = steps[:limit]
    stand = await standing_comments(services, application_id) if said else {}
    taken_back = {
        step.recorded.event.text_id
        for step in page
        if isinstance(step.recorded.event, CommentAdded) and step.recorded.event.text_id not in stand
    }
    items = await _entries(services, actor, tenant_id, candidate_id, page, taken_back, full=full)
    return History(
        items,
        encode_cursor("oldest", page[-1].recorded.position, application_id) if len(steps) > limit else None,
    )


async def _said(services: Services, application_id: UUID, after: int, limit: int) -> list[StoredEvent]:
    """The first `limit` events of the assessment beyond a position."""
    found: list[StoredEvent] = []
    async with aclosing(
        pages(services.store, tenant_of(application_id), assessment_id(application_id))
    ) as read:
        async for page in read:
            found += [stored for stored in page if stored.position > after]
            if len(found) >= limit:
                break
    return found[:limit]


def _steps(application_id: UUID, stream: list[StoredEvent], said: list[StoredEvent]) -> Iterable[_Step]:
    stage: Stage = "applied"
    version = 0
    for stored in merge(stream, said, key=attrgetter("position")):
        own = stored.stream_id == application_id
        event = cast("Recorded[HistoryEvent]", recorded(JOB_APPLICATION if own else ASSESSMENT, stored))
        words = describe(event.event)
        stage = words.to_stage or stage
        version = event.version if own else version
        yield _Step(event, words, stage, version)


async def _entries(
    services: Services,
    actor: Actor,
    tenant_id: UUID,
    candidate_id: UUID,
    steps: list[_Step],
    taken_back: set[UUID],
    *,
    full: bool,
) -> list[HistoryEntry]:
    who = await authors(services, tenant_id, [step.recorded.actor_id for step in steps])
    async with services.database.of(actor) as connection:
        text_ids = {step.description.text_id for step in steps if step.description.text_id is not None}
        texts = await personal_texts.read(connection, tenant_id, list(text_ids - taken_back))
        positions = [step.recorded.position for step in steps]
        mails = await mail_outcomes.of_positions(connection, tenant_id, positions)
    return [
        _entry(
            step,
            _who(step, candidate_id, who, full=full),
            texts.get(step.description.text_id, {}) if step.description.text_id else {},
            _shown(mails.get(step.recorded.position, []), full=full),
            full=full,
        )
        for step in steps
    ]


def _who(step: _Step, candidate_id: UUID, known: Authors, *, full: bool) -> Who:
    event = step.recorded.event
    if isinstance(event, ApplicationScreened):
        return Who(name=f"Screening policy {event.policy_version}")
    if step.recorded.actor_id == candidate_id:
        return known.candidate(candidate_id)
    who = known.of(step.recorded.actor_id, step.recorded.position)
    return who if full else Who(role=who.role)


def _shown(mails: list[MailOutcome], *, full: bool) -> list[MailOutcome]:
    return mails if full else [replace(mail, reason=None) for mail in mails if mail.to == "candidate"]


def _entry(
    step: _Step, who: Who, texts: dict[str, str], mails: list[MailOutcome], *, full: bool
) -> HistoryEntry:
    event, words = step.recorded.event, step.description
    card = event if isinstance(event, ScorecardSubmitted | ScorecardRevised) else None
    return HistoryEntry(
        position=step.recorded.position,
        version=step.version,
        type=type(event).__name__,
        what=words.what if full else words.to_candidate or words.what,
        from_stage=words.from_stage if words.to_stage else step.stage,
        to_stage=step.stage,
        at=step.recorded.recorded_at,
        who=who,
        reason=texts.get("reason"),
        note=texts.get("note") if full else None,
        comment=texts.get("comment"),
        ratings=None if card is None else {rating.criterion: rating.points for rating in card.ratings},
        recommendation=None if card is None else card.recommendation,
        other_application_id=words.other_id,
        mails=mails,
    )


HANDLERS = [history]
