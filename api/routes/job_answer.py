"""A job as it is answered."""

from typing import TypeAlias
from uuid import UUID

from litestar import Response
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from api.http.requests import versioned
from api.routes.screening_policy import ScreeningPolicy
from api.services import Services
from application.entity import Entity
from application.handle import Metadata
from application.refusals import NotFound
from domain.decision import Command
from domain.identifiers import tenant_of
from domain.job import JOB, Job
from projections import job_listing

JobId: TypeAlias = FromPath[UUID]


class JobAnswer(job_listing.Job, frozen=True, kw_only=True):
    """A job. `position` (where its last event stands in the company's log) and `screening` are answered to the company's staff
    only: nobody else may infer how much happens there."""

    position: int | UnsetType = UNSET
    must_have_skills: list[str]
    screening: ScreeningPolicy | UnsetType = UNSET


async def load(services: Services, job_id: UUID) -> Entity[Job]:
    """The job as it stands; version 0 if there is none."""
    entity: Entity[Job] = await services.commands.current(JOB, job_id)
    return entity


async def load_own(services: Services, job_id: UUID, company_id: UUID) -> Entity[Job]:
    """A job of this company. Raises `NotFound`."""
    if tenant_of(job_id) != company_id:
        raise NotFound
    entity = await load(services, job_id)
    if not entity.version:
        raise NotFound
    return entity


async def carried_out(
    services: Services, command: Command, how: Metadata, status_code: int = 200
) -> Response[JobAnswer]:
    outcome = await services.commands.handle(command, how)
    return await answered(services, outcome.entity, status_code)


async def answered(
    services: Services, entity: Entity[Job], status_code: int = 200, *, own: bool = True
) -> Response[JobAnswer]:
    """Raises `NotFound` for one that was never created; `own`: the caller is of its company."""
    company_id = tenant_of(entity.stream_id)
    job = entity.state
    if job.status is None or job.created_by is None:
        raise NotFound
    answer = JobAnswer(
        id=entity.stream_id,
        company_id=company_id,
        company_name=await services.company_names.of(company_id),
        title=job.posting.title,
        description=job.posting.description,
        location=job.posting.location,
        remote=job.posting.remote,
        employment_type=job.posting.employment_type,
        skills=list(job.requirements.skills),
        min_experience_years=job.requirements.min_experience_years,
        salary_min=job.requirements.salary_min,
        salary_max=job.requirements.salary_max,
        currency=job.requirements.currency,
        openings=job.openings,
        status=job.status,
        created_by=job.created_by,
        created_at=entity.first_at["JobCreated"],
        published_at=entity.first_at.get("JobPublished"),
        version=entity.version,
        position=entity.position if own else UNSET,
        must_have_skills=list(job.requirements.must_have_skills),
        screening=ScreeningPolicy(job.requirements.weights, job.requirements.threshold) if own else UNSET,
    )
    location = f"/jobs/{entity.stream_id}" if status_code == 201 else None
    return versioned(answer, entity.version, status_code, location)
