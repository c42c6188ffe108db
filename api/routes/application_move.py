"""Moving an application to another of the company's jobs."""

from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.params import JSONBody

from api.http.access import RECRUITING
from api.http.fields import Body, Note
from api.http.requests import AnyRequest, IdempotencyKey, IfMatch, metadata
from api.routes.application_answer import ApplicationAnswer, ApplicationId, answered, load
from api.routes.texts import about_candidate, carry_out
from api.services import Services, services_of
from application import commands
from application.entity import STREAM_PAGE, Entity, rehydrate
from application.refusals import NotFound
from domain.identifiers import tenant_of
from domain.job_application import JOB_APPLICATION, JobApplication, MoveApplication


class MoveBody(Body, frozen=True):
    """`note` is for staff."""

    job_id: UUID
    note: Note | None = None


@post(
    "/applications/{application_id:uuid}/move",
    allow=RECRUITING,
    tags=["Applications"],
    operation_id="move_application",
    rules=(
        "already_applied",
        "job_not_open",
        "already_hired",
        "application_rejected",
        "application_withdrawn",
        "application_moved",
        "own_application",
    ),
)
async def move(
    application_id: ApplicationId,
    request: AnyRequest,
    data: JSONBody[MoveBody],
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Consider the candidate for another open job of the company. Answers the new application: it starts at `applied`, takes
    over claims, cover letter, resume and source, is screened against the new job, and links back by `moved_from`. The old one
    ends in the same moment as `withdrawn`, with `moved_to`, and cannot be taken back: a move is no rejection. Refused (409)
    when the candidate applied there already, when the job is not open, and for an application that has ended."""
    services = services_of(request)
    how = await metadata(request, if_match, idempotency_key)
    if how.actor.company_id != tenant_of(application_id) or how.actor.company_id != tenant_of(data.job_id):
        raise NotFound
    candidate_id = (await load(services, application_id)).state.candidate_id
    if candidate_id is None:
        raise NotFound
    note = await about_candidate(services, application_id, how, {"note": data.note} if data.note else {})
    command = MoveApplication(
        application_id=application_id,
        to_job_id=data.job_id,
        to_application_id=commands.application_id(data.job_id, candidate_id),
        note_text_id=None if note is None else note.text_id,
    )
    await carry_out(services, command, how, note)
    begun = await _begun(services, command.to_application_id, how.command_id)
    return await answered(services, how.actor, begun, 201)


async def _begun(services: Services, application_id: UUID, command_id: UUID) -> Entity[JobApplication]:
    """An application as the command left it that began it."""
    stream = await services.store.load(tenant_of(application_id), application_id, limit=STREAM_PAGE)
    begun = [stored for stored in stream if stored.command_id == command_id]
    entity: Entity[JobApplication] = rehydrate(JOB_APPLICATION, application_id, begun)
    return entity


HANDLERS: list[Any] = [move]
