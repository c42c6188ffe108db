"""Applications: applying, the lists and the board, one of them as it is and as it was."""

from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter

from api.http.access import CANDIDATE, SIGNED_IN, STAFF
from api.http.fields import NO_NUL, Currency, Line, Money, Skills, SkillsBody, Text, Years
from api.http.moments import version_or_time
from api.http.problems import ProblemError
from api.http.requests import (
    AnyRequest,
    Cursor,
    IdempotencyKey,
    Limit,
    MinPosition,
    actor_of,
    at_least,
    company_of,
    metadata,
)
from api.routes.application_answer import ApplicationAnswer, ApplicationId, answered, check_may_see, load
from api.routes.job_answer import JobId, load_own
from api.routes.resumes import check_own
from api.routes.texts import carry_out, text_id
from api.services import Services, services_of
from application.commands import application_id
from application.entity import STREAM_PAGE, rehydrate
from application.handle import Metadata
from application.refusals import Forbidden
from domain.identifiers import tenant_of
from domain.job_application import (
    JOB_APPLICATION,
    Claims,
    Stage,
    SubmitApplication,
    plain_source,
)
from domain.screening import Verdict
from domain.unicode_text import composed
from infrastructure.personal_data.personal_texts import PersonalText
from projections import application_search
from projections.application_list import APPLICATION_LIST, Application
from projections.application_search import ApplicationFilters, BoardColumn, Sort
from projections.paging import Page


class Board(msgspec.Struct, frozen=True):
    """A job's applications by stage."""

    job_id: UUID
    stages: list[BoardColumn]


class ApplyBody(SkillsBody, frozen=True):
    skills: Skills = ()
    experience_years: Years | None = None
    expected_salary: Money | None = None
    currency: Currency | None = None
    cover_letter: Text | None = None
    resume_id: UUID | None = None
    source: Line | None = None


OfJob: TypeAlias = Annotated[UUID | None, QueryParameter(description="Only those for this job.")]
AtStage: TypeAlias = Annotated[Stage | None, QueryParameter(description="Only those that stand here now.")]
Judged: TypeAlias = Annotated[
    Verdict | None, QueryParameter(description="Only those that the screening judged so.")
]
Sorting: TypeAlias = Annotated[
    Sort, QueryParameter(description="`newest` first, or by `score`, the highest first.")
]
Source: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        max_length=200, pattern=NO_NUL, description="Where it came from, in any case: `Job Board`."
    ),
]
Q: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        max_length=200,
        pattern=NO_NUL,
        description="Words, all of them: parts of skills, of the source, or (for staff) of the candidate's name.",
    ),
]
AsOf: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        max_length=40,
        description="A version, or a time in RFC 3339: the state at that moment.",
        schema_extra={"anyOf": [{"pattern": r"^\d{1,18}$"}, {"format": "date-time"}]},
    ),
]


@post(
    "/jobs/{job_id:uuid}/apply",
    allow=CANDIDATE,
    tags=["Applications"],
    operation_id="apply_for_job",
    rules=("already_applied", "job_not_open"),
)
async def apply(
    job_id: JobId,
    request: AnyRequest,
    data: JSONBody[ApplyBody],
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Apply for an open job; once per candidate and job. `resume_id`: a resume of the caller, which the company may then read.

    The application is screened at once. A candidate sees their own `screening` in full: who is judged may know by what."""
    services = services_of(request)
    how = await metadata(request, None, idempotency_key)
    candidate_id = how.actor.account_id
    if data.resume_id is not None and not await _was_sent(services, job_id, how):
        await check_own(services, data.resume_id, candidate_id)
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
        resume_id=data.resume_id,
        source=data.source,
    )
    outcome = await carry_out(services, command, how, letter)
    return await answered(services, how.actor, outcome.entity, 201)


async def _was_sent(services: Services, job_id: UUID, how: Metadata) -> bool:
    """Whether this very request was carried out before: then it is answered as it was, whatever became of the resume."""
    if not how.repeatable:
        return False
    tenant_id, own = tenant_of(job_id), application_id(job_id, how.actor.account_id)
    stream = await services.store.load(tenant_id, own, limit=STREAM_PAGE)
    return any(stored.command_id == how.command_id for stored in stream)


@get("/applications", allow=SIGNED_IN, tags=["Applications"], operation_id="list_applications")
async def listed(
    request: AnyRequest,
    job_id: OfJob = None,
    stage: AtStage = None,
    source: Source = None,
    verdict: Judged = None,
    q: Q = None,
    sort: Sorting = "newest",
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Page[Application]:
    """A candidate's own applications; for staff their company's. Newest first, or by score; those without one come last.

    With `q`, `source` or `verdict` a page looks at 3,000 applications at most: it may hold fewer items than `limit`, or none, while
    `next` leads on. The list ends where `next` is null."""
    services = services_of(request)
    actor = actor_of(request)
    whose = actor.company_id or (job_id and tenant_of(job_id))
    await at_least(services, APPLICATION_LIST, whose, min_position, actor)
    query = application_search.of_candidate if actor.company_id is None else application_search.of_company
    filters = ApplicationFilters(
        job_id=job_id, stage=stage, source=plain_source(source and composed(source)), verdict=verdict, q=q
    )
    async with services.database.of(actor) as connection:
        owner_id = actor.company_id or actor.account_id
        return await query(connection, owner_id, filters, sort=sort, cursor=cursor, limit=limit)


@get("/jobs/{job_id:uuid}/board", allow=STAFF, tags=["Applications"], operation_id="read_board")
async def board(
    job_id: JobId, request: AnyRequest, limit: Limit = 50, min_position: MinPosition = None
) -> Board:
    """A job's applications grouped by stage: how many, and the newest `limit` of each."""
    services = services_of(request)
    company_id = company_of(request)
    await load_own(services, job_id, company_id)
    await at_least(services, APPLICATION_LIST, company_id, min_position, actor_of(request))
    async with services.database.of(actor_of(request)) as connection:
        return Board(job_id, await application_search.board(connection, company_id, job_id, per_stage=limit))


@get(
    "/applications/{application_id:uuid}",
    allow=SIGNED_IN,
    tags=["Applications"],
    problems=("403",),
    operation_id="read_application",
)
async def one(
    application_id: ApplicationId, request: AnyRequest, as_of: AsOf = None
) -> Response[ApplicationAnswer]:
    """One application, always current; with `as_of` as it stood at that version or moment. What was erased since stays so.
    404 before it was sent, and for a version that it has not come to (`no_such_version`)."""
    services = services_of(request)
    actor = actor_of(request)
    if as_of is not None and actor.role in {"candidate", "hiring_manager"}:
        raise Forbidden("The state at an earlier moment is for recruiters, auditors and admins.")
    tenant_id = tenant_of(application_id)
    version, time = version_or_time(as_of)
    if as_of is None:
        entity = await load(services, application_id)
    else:
        stream = await services.store.load_as_of(tenant_id, application_id, version=version, time=time)
        entity = rehydrate(JOB_APPLICATION, application_id, stream)
    check_may_see(actor, entity)
    if version is not None and version > entity.version:
        raise ProblemError(404, "no_such_version", f"The application is at version {entity.version}.")
    return await answered(services, actor, entity)


HANDLERS: list[Any] = [apply, listed, board, one]
