"""Applications: applying, the lists and the board, moving to a decision."""

from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from api.access import CANDIDATE, RECRUITING, SIGNED_IN, STAFF
from api.fields import Body, Currency, Line, Money, Note, Skills, Text, Years
from api.moments import version_or_time
from api.problems import ProblemError
from api.requests import (
    AnyRequest,
    Cursor,
    IdempotencyKey,
    IfMatch,
    Limit,
    MinPosition,
    actor_of,
    at_least,
    company_of,
    metadata,
    versioned,
)
from api.services import Services
from api.texts import PersonalText, carry_out, text_id
from application.actor import Actor
from application.commands import application_id
from application.entity import Entity, rehydrate
from application.handle import Metadata
from application.refusals import Forbidden, NotFound
from domain.identifiers import tenant_of
from domain.job import JOB, Job
from domain.job_application import (
    JOB_APPLICATION,
    AdvanceStage,
    Claims,
    JobApplication,
    PipelineStage,
    ReinstateApplication,
    RejectApplication,
    Stage,
    SubmitApplication,
    WithdrawApplication,
    allowed_stages,
)
from infrastructure import personal_texts
from projections import application_list
from projections.application_list import APPLICATION_LIST, BoardColumn
from projections.paging import Page


class ApplicationAnswer(application_list.Application, frozen=True, kw_only=True):
    """An application; `position` is where its last event stands in the company's log.

    `cover_letter` is in the answer to those who ask for one application, `screening` comes with the screening policy.
    """

    position: int
    cover_letter: str | None | UnsetType = UNSET
    screening: None = None


class Board(msgspec.Struct, frozen=True):
    """A job's applications by stage."""

    job_id: UUID
    stages: list[BoardColumn]


class ApplyBody(Body, frozen=True):
    skills: Skills = ()
    experience_years: Years | None = None
    expected_salary: Money | None = None
    currency: Currency | None = None
    cover_letter: Text | None = None
    source: Line | None = None


class StageBody(Body, frozen=True):
    stage: Stage
    note: Note | None = None


class RejectBody(Body, frozen=True):
    """`reason` is shown to the candidate, `note` is not."""

    reason: Note
    note: Note | None = None


JobId: TypeAlias = FromPath[UUID]
ApplicationId: TypeAlias = FromPath[UUID]
AsOf: TypeAlias = Annotated[
    str | None,
    QueryParameter(max_length=40, description="A version, or a time in RFC 3339: the state at that moment."),
]


@post("/jobs/{job_id:uuid}/apply", allow=CANDIDATE, tags=["Applications"], operation_id="apply_for_job")
async def apply(
    job_id: JobId,
    request: AnyRequest,
    state: State,
    data: JSONBody[ApplyBody],
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Apply for an open job; once per candidate and job."""
    services: Services = state.services
    how = await metadata(request, None, idempotency_key)
    candidate_id = how.actor.account_id
    letter = None
    if data.cover_letter:
        letter = PersonalText(text_id(job_id, how), candidate_id, {"cover_letter": data.cover_letter})
    command = SubmitApplication(
        application_id=application_id(job_id, candidate_id),
        job_id=job_id,
        candidate_id=candidate_id,
        claims=Claims(
            skills=data.skills,
            experience_years=data.experience_years,
            expected_salary=data.expected_salary,
            currency=data.currency,
        ),
        cover_letter_text_id=None if letter is None else letter.text_id,
        source=data.source,
    )
    outcome = await carry_out(services, command, how, letter)
    return _answer(outcome.entity, 201, cover_letter=data.cover_letter or None)


@get("/applications", allow=SIGNED_IN, tags=["Applications"], operation_id="list_applications")
async def listed(
    request: AnyRequest,
    state: State,
    job_id: FromQuery[UUID | None] = None,
    stage: FromQuery[Stage | None] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Page[application_list.Application]:
    """A candidate's own applications; for staff their company's. Newest first."""
    services: Services = state.services
    actor = actor_of(request)
    whose = actor.company_id or (job_id and tenant_of(job_id))
    await at_least(services, APPLICATION_LIST, whose, min_position)
    query = application_list.of_candidate if actor.company_id is None else application_list.of_company
    async with services.pool.connection() as connection:
        try:
            return await query(
                connection,
                actor.company_id or actor.account_id,
                job_id=job_id,
                stage=stage,
                cursor=cursor,
                limit=limit,
            )
        except ValueError as error:
            raise ProblemError(400, "invalid", str(error)) from error


@get("/jobs/{job_id:uuid}/board", allow=STAFF, tags=["Applications"], operation_id="read_board")
async def board(
    job_id: JobId, request: AnyRequest, state: State, limit: Limit = 50, min_position: MinPosition = None
) -> Board:
    """A job's applications grouped by stage: how many, and the newest `limit` of each."""
    services: Services = state.services
    company_id = company_of(request)
    if tenant_of(job_id) != company_id:
        raise NotFound
    job: Entity[Job] = rehydrate(JOB, job_id, await services.store.load(company_id, job_id))
    if not job.version:
        raise NotFound
    await at_least(services, APPLICATION_LIST, company_id, min_position)
    async with services.pool.connection() as connection:
        return Board(job_id, await application_list.board(connection, company_id, job_id, per_stage=limit))


@get(
    "/applications/{application_id:uuid}",
    allow=SIGNED_IN,
    tags=["Applications"],
    problems=("403",),
    operation_id="read_application",
)
async def one(
    application_id: ApplicationId, request: AnyRequest, state: State, as_of: AsOf = None
) -> Response[ApplicationAnswer]:
    """One application, always current; with `as_of` as it stood at that version or moment."""
    services: Services = state.services
    actor = actor_of(request)
    if as_of is not None and actor.role in {"candidate", "hiring_manager"}:
        raise Forbidden("The state at an earlier moment is for recruiters, auditors and admins.")
    tenant_id = tenant_of(application_id)
    version, time = version_or_time(as_of)
    stream = await services.store.load_as_of(tenant_id, application_id, version=version, time=time)
    entity: Entity[JobApplication] = rehydrate(JOB_APPLICATION, application_id, stream)
    check_concern(actor, entity)
    letter_id = entity.state.cover_letter_text_id
    cover_letter = None
    if letter_id is not None:
        async with services.pool.connection() as connection:
            texts = await personal_texts.read(connection, tenant_id, [letter_id])
        cover_letter = texts.get(letter_id, {}).get("cover_letter")
    return _answer(entity, cover_letter=cover_letter)


def check_concern(actor: Actor, entity: Entity[JobApplication]) -> None:
    """Raise `NotFound` unless the application is the caller's own or their company's."""
    if entity.state.job_id is None:
        raise NotFound
    own = entity.state.candidate_id == actor.account_id and actor.role == "candidate"
    if not own and actor.company_id != tenant_of(entity.stream_id):
        raise NotFound


@patch(
    "/applications/{application_id:uuid}/stage",
    allow=RECRUITING,
    tags=["Applications"],
    operation_id="advance_application",
)
async def advance(
    application_id: ApplicationId,
    request: AnyRequest,
    state: State,
    data: JSONBody[StageBody],
    if_match: IfMatch = None,
) -> Response[ApplicationAnswer]:
    """Move to the next stage. A skipped or backward stage is refused (409) with those that are allowed."""
    services: Services = state.services
    how = await metadata(request, if_match, None)
    note = await _about_candidate(services, application_id, how, {"note": data.note} if data.note else {})
    command = AdvanceStage(
        application_id=application_id,
        to_stage=await _pipeline_stage(services, application_id, data.stage, how.actor),
        note_text_id=None if note is None else note.text_id,
    )
    return _answer((await carry_out(services, command, how, note)).entity)


async def _pipeline_stage(
    services: Services, application_id: UUID, stage: Stage, actor: Actor
) -> PipelineStage:
    if stage == "rejected" or stage == "withdrawn":  # noqa: PLR1714 (narrows the type)
        entity = await _load(services, application_id)
        check_concern(actor, entity)
        verb = "/reject" if stage == "rejected" else "/withdraw"
        detail = f"An application becomes {stage} by {verb}."
        raise ProblemError(409, "stage_not_allowed", detail, allowed=allowed_stages(entity.state))
    return stage


async def _load(services: Services, application_id: UUID) -> Entity[JobApplication]:
    stream = await services.store.load(tenant_of(application_id), application_id)
    entity: Entity[JobApplication] = rehydrate(JOB_APPLICATION, application_id, stream)
    return entity


async def _about_candidate(
    services: Services, application_id: UUID, how: Metadata, content: dict[str, str]
) -> PersonalText | None:
    """A text of staff about the candidate of an application; None when there is nothing to say."""
    if not content:
        return None
    if how.actor.company_id != tenant_of(application_id):
        raise NotFound
    candidate_id = (await _load(services, application_id)).state.candidate_id
    if candidate_id is None:
        raise NotFound
    return PersonalText(text_id(application_id, how), candidate_id, content)


@post(
    "/applications/{application_id:uuid}/reject",
    allow=RECRUITING,
    status_code=200,
    tags=["Applications"],
    operation_id="reject_application",
)
async def reject(
    application_id: ApplicationId,
    request: AnyRequest,
    state: State,
    data: JSONBody[RejectBody],
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Reject, from any stage but `hired`."""
    services: Services = state.services
    how = await metadata(request, if_match, idempotency_key)
    content = {"reason": data.reason} | ({"note": data.note} if data.note else {})
    reason = await _about_candidate(services, application_id, how, content)
    command = RejectApplication(
        application_id=application_id, reason_text_id=None if reason is None else reason.text_id
    )
    return _answer((await carry_out(services, command, how, reason)).entity)


@post(
    "/applications/{application_id:uuid}/reinstate",
    allow=RECRUITING,
    status_code=200,
    tags=["Applications"],
    operation_id="reinstate_application",
)
async def reinstate(
    application_id: ApplicationId,
    request: AnyRequest,
    state: State,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Take a rejection back, to the stage that it was rejected from."""
    how = await metadata(request, if_match, idempotency_key)
    command = ReinstateApplication(application_id=application_id)
    services: Services = state.services
    return _answer((await services.commands.handle(command, how)).entity)


@post(
    "/applications/{application_id:uuid}/withdraw",
    allow=CANDIDATE,
    status_code=200,
    tags=["Applications"],
    operation_id="withdraw_application",
)
async def withdraw(
    application_id: ApplicationId,
    request: AnyRequest,
    state: State,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Withdraw the own application."""
    how = await metadata(request, if_match, idempotency_key)
    command = WithdrawApplication(application_id=application_id)
    services: Services = state.services
    return _answer((await services.commands.handle(command, how)).entity)


def _answer(
    entity: Entity[JobApplication], status_code: int = 200, cover_letter: str | None | UnsetType = UNSET
) -> Response[ApplicationAnswer]:
    application = entity.state
    if application.job_id is None or application.candidate_id is None:
        raise NotFound
    applied_at = entity.first_at["ApplicationSubmitted"]
    answer = ApplicationAnswer(
        id=entity.stream_id,
        job_id=application.job_id,
        company_id=tenant_of(entity.stream_id),
        candidate_id=application.candidate_id,
        stage=application.stage,
        reached=application.reached,
        skills=list(application.claims.skills),
        experience_years=application.claims.experience_years,
        expected_salary=application.claims.expected_salary,
        currency=application.claims.currency,
        cover_letter_text_id=application.cover_letter_text_id,
        resume_id=application.resume_id,
        source=application.source,
        requirements_revision=application.requirements_revision,
        applied_at=applied_at,
        stage_since=max(entity.last_at.values()),
        version=entity.version,
        position=entity.position,
        cover_letter=cover_letter,
    )
    location = f"/applications/{entity.stream_id}" if status_code == 201 else None
    return versioned(answer, entity.version, status_code, location)


HANDLERS: list[Any] = [apply, listed, board, one, advance, reject, reinstate, withdraw]
