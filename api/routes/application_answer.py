"""An application as it is answered, and to whom."""

from typing import TypeAlias
from uuid import UUID

from litestar import Response
from litestar.params import FromPath

from api.http.requests import versioned
from api.services import Services
from application.actor import Actor
from application.entity import Entity
from application.refusals import NotFound
from domain.identifiers import tenant_of
from domain.job_application import JOB_APPLICATION, JobApplication
from infrastructure.personal_data import personal_texts
from projections import application_list

ApplicationId: TypeAlias = FromPath[UUID]


class ApplicationAnswer(application_list.Application, frozen=True, kw_only=True):
    """An application; `position` is where its last event stands in the company's log, or the last one that the command wrote
    (to hire changes the job, too).
    """

    position: int


async def answered(
    services: Services,
    actor: Actor,
    entity: Entity[JobApplication],
    status_code: int = 200,
    *,
    position: int | None = None,
) -> Response[ApplicationAnswer]:
    """Raises `NotFound` for one that was never submitted."""
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
        cover_letter=await _cover_letter(services, actor, entity),
        cover_letter_text_id=application.cover_letter_text_id,
        resume_id=application.resume_id,
        source=application.source,
        moved_from=application.moved_from,
        moved_to=application.moved_to,
        screening=application.screening,
        requirements_revision=application.requirements_revision,
        applied_at=applied_at,
        stage_since=entity.changed_at,
        version=entity.version,
        position=position or entity.position,
    )
    location = f"/applications/{entity.stream_id}" if status_code == 201 else None
    return versioned(answer, entity.version, status_code, location)


async def _cover_letter(services: Services, actor: Actor, entity: Entity[JobApplication]) -> str | None:
    text_id = entity.state.cover_letter_text_id
    if text_id is None:
        return None
    async with services.database.of(actor) as connection:
        texts = await personal_texts.read(connection, tenant_of(entity.stream_id), [text_id])
    return texts.get(text_id, {}).get("cover_letter")


def check_may_see(actor: Actor, entity: Entity[JobApplication]) -> None:
    """Raise `NotFound` unless the application is the caller's own or their company's."""
    if entity.state.job_id is None:
        raise NotFound
    own = entity.state.candidate_id == actor.account_id and actor.role == "candidate"
    if not own and actor.company_id != tenant_of(entity.stream_id):
        raise NotFound


async def load(services: Services, application_id: UUID) -> Entity[JobApplication]:
    """The application as it stands; version 0 if there is none."""
    entity: Entity[JobApplication] = await services.commands.current(JOB_APPLICATION, application_id)
    return entity
