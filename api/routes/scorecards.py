"""Scorecards of staff about an application: one per person and stage, revisable. Candidates see none."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from api.http.access import HIRING, STAFF
from api.http.fields import Body, Note, Ratings
from api.http.requests import AnyRequest, Cursor, IdempotencyKey, Limit, actor_of, metadata
from api.routes.application_answer import ApplicationId, load
from api.routes.assessment import assessment, may_read, place_after
from api.routes.authors import Who, authors
from api.routes.texts import about_candidate, carry_out
from api.services import Services, services_of
from application.actor import Actor
from application.commands import assessment_id
from application.entity import Entity
from application.recorded import Recorded
from domain.assessment import (
    ASSESSMENT,
    Assessment,
    Rating,
    Recommendation,
    ScorecardRevised,
    ScorecardSubmitted,
    ScoredStage,
    SubmitScorecard,
)
from domain.identifiers import tenant_of
from domain.job_application import PIPELINE
from infrastructure.personal_data import personal_texts
from projections.paging import Page, encode_cursor


class ScorecardBody(Body, frozen=True):
    """`ratings` by criterion, 1 (poor) to 5; `stage` is the one that the application stands at, unless another is given.

    A criterion is a name, like `communication`, and stays in the log for ever; what is to be said of the person goes into `note`.
    """

    ratings: Ratings
    recommendation: Recommendation
    note: Note | None = None
    stage: ScoredStage | None = None


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """One person's judgement at one stage as it stands; `revision` counts what they said there, the history has it all."""

    application_id: UUID
    stage: ScoredStage
    ratings: dict[str, int]
    recommendation: Recommendation
    note: str | None
    author: Who
    revision: int
    at: datetime
    position: int


@post(
    "/applications/{application_id:uuid}/scorecards",
    allow=HIRING,
    tags=["Applications"],
    responses={
        200: ResponseSpec(Scorecard, description="The own scorecard for the stage, as it stands now.")
    },
    operation_id="submit_scorecard",
    rules=("stage_not_reached", "own_application"),
)
async def submit_scorecard(
    application_id: ApplicationId,
    request: AnyRequest,
    data: JSONBody[ScorecardBody],
    idempotency_key: IdempotencyKey = None,
) -> Response[Scorecard]:
    """Score an application at a stage that it has come to, also late. One scorecard per person and stage: another one
    replaces it (200 then), and the history keeps both."""
    services = services_of(request)
    how = await metadata(request, None, idempotency_key)
    said_before = await _note_said_before(services, application_id, how.actor, data)
    content = {"note": data.note} if data.note and said_before is None else {}
    note = await about_candidate(services, application_id, how, content)
    command = SubmitScorecard(
        application_id=application_id,
        author_id=how.actor.account_id,
        ratings=tuple(Rating(criterion, points) for criterion, points in sorted(data.ratings.items())),
        recommendation=data.recommendation,
        stage=data.stage,
        note_text_id=said_before if note is None else note.text_id,
    )
    outcome = await carry_out(services, command, how, note)
    standing = await _standing(services, application_id, outcome.entity.version)
    if outcome.changed:
        card = max(standing, key=lambda card: card.said.position)
    else:
        same = (card for card in standing if _says(card.said.event, command))
        card = max(same, key=lambda card: PIPELINE.index(card.said.event.stage))
    (answer,) = await _answered(services, how.actor, application_id, [card])
    return Response(answer, status_code=201 if outcome.changed and card.revision == 1 else 200)


async def _note_said_before(
    services: Services, application_id: UUID, actor: Actor, data: ScorecardBody
) -> UUID | None:
    """The note of the caller's own scorecard for the stage, if it reads the same: a scorecard that is sent again is no revision."""
    if data.note is None or actor.company_id != tenant_of(application_id):
        return None
    current: Entity[Assessment] = await services.commands.current(ASSESSMENT, assessment_id(application_id))
    stage = data.stage or (await load(services, application_id)).state.reached
    card = current.state.scorecards.get((actor.account_id, stage))
    if card is None or card.note_text_id is None:
        return None
    async with services.database.of(actor) as connection:
        texts = await personal_texts.read(connection, tenant_of(application_id), [card.note_text_id])
    return card.note_text_id if texts.get(card.note_text_id) == {"note": data.note} else None


@get(
    "/applications/{application_id:uuid}/scorecards",
    allow=STAFF,
    tags=["Applications"],
    operation_id="list_scorecards",
)
async def scorecards(
    application_id: ApplicationId, request: AnyRequest, limit: Limit = 50, cursor: Cursor = None
) -> Page[Scorecard]:
    """Every person's scorecard for each stage as it stands, in the order they were first submitted; always current."""
    services = services_of(request)
    await may_read(services, application_id, actor_of(request))
    after = place_after(cursor)
    standing = [card for card in await _standing(services, application_id) if card.first > after]
    page = standing[:limit]
    items = await _answered(services, actor_of(request), application_id, page)
    return Page(
        items, encode_cursor("oldest", page[-1].first, application_id) if len(standing) > limit else None
    )


class _Standing(msgspec.Struct, frozen=True):
    """A scorecard as it was said last; `first` is the position at which it was submitted."""

    said: Recorded[ScorecardSubmitted | ScorecardRevised]
    revision: int
    first: int


async def _standing(
    services: Services, application_id: UUID, up_to_version: int | None = None
) -> list[_Standing]:
    cards: dict[tuple[UUID, ScoredStage], _Standing] = {}
    async for recorded in assessment(services, application_id):
        if up_to_version is not None and recorded.version > up_to_version:
            break
        if isinstance(recorded.event, ScorecardSubmitted | ScorecardRevised):
            said = cast("Recorded[ScorecardSubmitted | ScorecardRevised]", recorded)
            place = (recorded.event.author_id, recorded.event.stage)
            before = cards.get(place)
            revision, first = (
                (1, recorded.position) if before is None else (before.revision + 1, before.first)
            )
            cards[place] = _Standing(said, revision, first)
    return list(cards.values())


def _says(card: ScorecardSubmitted | ScorecardRevised, command: SubmitScorecard) -> bool:
    """Whether the command changes nothing about this scorecard. Without a stage it is about the last that was reached."""
    said = (card.author_id, card.ratings, card.recommendation, card.note_text_id)
    asked = (command.author_id, command.ratings, command.recommendation, command.note_text_id)
    return said == asked and command.stage in {None, card.stage}


async def _answered(
    services: Services, actor: Actor, application_id: UUID, cards: list[_Standing]
) -> list[Scorecard]:
    events = [card.said.event for card in cards]
    tenant_id = tenant_of(application_id)
    async with services.database.of(actor) as connection:
        note_ids = [event.note_text_id for event in events if event.note_text_id is not None]
        texts = await personal_texts.read(connection, tenant_id, note_ids)
    who = await authors(services, tenant_id, [event.author_id for event in events])
    return [
        Scorecard(
            application_id=application_id,
            stage=event.stage,
            ratings={rating.criterion: rating.points for rating in event.ratings},
            recommendation=event.recommendation,
            note=texts.get(event.note_text_id, {}).get("note") if event.note_text_id else None,
            author=who.of(event.author_id, card.said.position),
            revision=card.revision,
            at=card.said.recorded_at,
            position=card.said.position,
        )
        for card, event in zip(cards, events, strict=True)
    ]


HANDLERS: list[Any] = [submit_scorecard, scorecards]
