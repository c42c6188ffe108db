"""Jobs: posting, reading, editing, and being seen."""

from typing import Any, Final, Literal
from uuid import UUID, uuid4

from litestar import Response, get, patch, post
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from api.http.access import CANDIDATE, HIRING, VISITOR, caller
from api.http.fields import Currency, Line, Money, Openings, Skills, SkillsBody, Text, Title, Years
from api.http.methods import is_head
from api.http.requests import AnyRequest, IdempotencyKey, IfMatch, actor_of, company_of, metadata
from api.routes.job_answer import JobAnswer, JobId, answered, carried_out, load
from api.routes.screening_policy import ScreeningBody, given, screened_by
from api.services import Services, services_of
from application.actor import STAFF
from application.handle import Metadata
from application.recorded import LogUnavailable
from application.refusals import NotFound, Refused, StaleVersion
from domain.identifiers import random_id, tenant_of
from domain.job import CreateJob, EditJob, EmploymentType, Posting, Requirements
from domain.job_view import RecordView

_MERGES: Final = 5


class CreateJobBody(SkillsBody, frozen=True):
    title: Title
    description: Text = ""
    location: Line = ""
    remote: bool = False
    employment_type: EmploymentType = "full_time"
    skills: Skills = ()
    min_experience_years: Years = 0
    salary_min: Money | None = None
    salary_max: Money | None = None
    currency: Currency | None = None
    must_have_skills: Skills = ()
    screening: ScreeningBody = ScreeningBody()
    openings: Openings = 1
    status: Literal["draft", "open"] = "draft"


class EditJobBody(SkillsBody, frozen=True):
    """Only what is given changes."""

    title: Title | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    location: Line | UnsetType = UNSET
    remote: bool | UnsetType = UNSET
    employment_type: EmploymentType | UnsetType = UNSET
    skills: Skills | UnsetType = UNSET
    min_experience_years: Years | UnsetType = UNSET
    salary_min: Money | None | UnsetType = UNSET
    salary_max: Money | None | UnsetType = UNSET
    currency: Currency | None | UnsetType = UNSET
    must_have_skills: Skills | UnsetType = UNSET
    screening: ScreeningBody | UnsetType = UNSET
    openings: Openings | UnsetType = UNSET


@post(
    "/jobs",
    allow=HIRING,
    tags=["Jobs"],
    operation_id="create_job",
    rules=("weights_invalid", "salary_range_invalid", "currency_missing"),
)
async def create(
    request: AnyRequest,
    data: JSONBody[CreateJobBody],
    idempotency_key: IdempotencyKey = None,
) -> Response[JobAnswer]:
    """Create a job as a draft, or open at once. Must-have skills are added to `skills`; `screening` says how applicants are
    judged (409 `weights_invalid` when all weights are 0)."""
    services = services_of(request)
    how = await metadata(request, None, idempotency_key)
    seed = uuid4() if idempotency_key is None else UUID(bytes=how.command_id.bytes[:8] * 2)
    command = CreateJob(
        job_id=random_id(company_of(request), seed),
        created_by=how.actor.account_id,
        posting=Posting(
            title=data.title,
            description=data.description,
            location=data.location,
            remote=data.remote,
            employment_type=data.employment_type,
        ),
        requirements=screened_by(
            Requirements(
                skills=data.skills,
                min_experience_years=data.min_experience_years,
                salary_min=data.salary_min,
                salary_max=data.salary_max,
                currency=data.currency,
                must_have_skills=data.must_have_skills,
            ),
            data.screening,
        ),
        openings=data.openings,
        publish=data.status == "open",
    )
    return await carried_out(services, command, how, status_code=201)


@get(
    "/jobs/{job_id:uuid}",
    allow=VISITOR,
    tags=["Jobs"],
    security=[{}, {"bearer": []}],
    operation_id="read_job",
)
async def one(job_id: JobId, request: AnyRequest) -> Response[JobAnswer]:
    """One job. A closed one stays readable by its id; a draft and an archived one are 404 for all but members of its company. Only
    they are told `position` and `screening`. A candidate's first sight of an open job is recorded as a view."""
    services = services_of(request)
    actor = caller(request.scope)
    entity = await load(services, job_id)
    own = actor is not None and actor.role in STAFF and actor.company_id == tenant_of(job_id)
    if entity.state.status is None or (entity.state.status in {"draft", "archived"} and not own):
        raise NotFound
    seen = entity.state.status == "open" and not is_head(request.scope)
    if seen and actor is not None and actor.role == "candidate":
        await _record_view(services, job_id, await metadata(request, None, None))
    return await answered(services, entity, own=own)


async def _record_view(services: Services, job_id: UUID, how: Metadata) -> None:
    try:
        await services.commands.handle(RecordView(job_id=job_id, viewer_id=how.actor.account_id), how)
    except (Refused, LogUnavailable):
        return


@patch(
    "/jobs/{job_id:uuid}",
    allow=HIRING,
    tags=["Jobs"],
    operation_id="edit_job",
    rules=(
        "job_archived",
        "openings_below_filled",
        "weights_invalid",
        "salary_range_invalid",
        "currency_missing",
    ),
)
async def edit(
    job_id: JobId,
    request: AnyRequest,
    data: JSONBody[EditJobBody],
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[JobAnswer]:
    """Edit a job. Changed requirements are a new revision of them; applications keep the one they were judged by."""
    how = await metadata(request, if_match, idempotency_key)
    if tenant_of(job_id) != company_of(request):
        raise NotFound
    return await _edit(services_of(request), job_id, given(data), how)


async def _edit(
    services: Services, job_id: UUID, fields: dict[str, Any], how: Metadata
) -> Response[JobAnswer]:
    """Merge what is given into the job as it stands; if it moves meanwhile, merge again, so that no edit is lost."""
    for _ in range(_MERGES):
        entity = await load(services, job_id)
        command = EditJob(
            job_id=job_id,
            posting=_changed(entity.state.posting, fields),
            requirements=_changed_requirements(entity.state.requirements, fields),
            openings=fields.get("openings"),
        )
        merged = how if how.expected_version is not None else replace(how, expected_version=entity.version)
        try:
            return await carried_out(services, command, merged)
        except StaleVersion:
            if how.expected_version is not None:
                raise
    raise LogUnavailable("too many others edit the same job")


def _changed(current: Any, fields: dict[str, Any]) -> Any:
    """`current` with the given fields that it has; None if it has none of them."""
    mine = {field: value for field, value in fields.items() if field in current.__struct_fields__}
    return replace(current, **mine) if mine else None


def _changed_requirements(current: Requirements, fields: dict[str, Any]) -> Requirements | None:
    changed: Requirements | None = _changed(current, fields)
    screening = fields.get("screening")
    return changed if screening is None else screened_by(changed or current, screening)


@post(
    "/jobs/{job_id:uuid}/view",
    allow=CANDIDATE,
    status_code=204,
    tags=["Jobs"],
    operation_id="view_job",
    rules=("job_not_open",),
)
async def view(job_id: JobId, request: AnyRequest, idempotency_key: IdempotencyKey = None) -> None:
    """Record that the caller saw the job; once per candidate and job, however often it is sent."""
    services = services_of(request)
    how = await metadata(request, None, idempotency_key)
    await services.commands.handle(RecordView(job_id=job_id, viewer_id=actor_of(request).account_id), how)


HANDLERS = [create, one, edit, view]
