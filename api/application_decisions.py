"""Deciding about an application: moving it on, rejecting, reinstating, withdrawing."""

from typing import Any
from uuid import UUID

from litestar import Response, patch, post
from litestar.datastructures import State
from litestar.params import JSONBody

from api.access import CANDIDATE, RECRUITING
from api.application_answer import ApplicationAnswer, ApplicationId, answered, check_concern, load
from api.fields import Body, Note
from api.problems import ProblemError
from api.requests import AnyRequest, IdempotencyKey, IfMatch, metadata
from api.services import Services
from api.texts import PersonalText, carry_out, text_id
from application.actor import Actor
from application.handle import Metadata
from application.refusals import NotFound
from domain.identifiers import tenant_of
from domain.job_application import (
    AdvanceStage,
    PipelineStage,
    ReinstateApplication,
    RejectApplication,
    Stage,
    WithdrawApplication,
    allowed_stages,
)


class StageBody(Body, frozen=True):
    stage: Stage
    note: Note | None = None


class RejectBody(Body, frozen=True):
    """`reason` is shown to the candidate, `note` is not."""

    reason: Note
    note: Note | None = None


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
    return answered((await carry_out(services, command, how, note)).entity)


async def _pipeline_stage(
    services: Services, application_id: UUID, stage: Stage, actor: Actor
) -> PipelineStage:
    if stage == "rejected" or stage == "withdrawn":  # noqa: PLR1714 (narrows the type)
        entity = await load(services, application_id)
        check_concern(actor, entity)
        verb = "/reject" if stage == "rejected" else "/withdraw"
        detail = f"An application becomes {stage} by {verb}."
        raise ProblemError(409, "stage_not_allowed", detail, allowed=allowed_stages(entity.state))
    return stage


async def _about_candidate(
    services: Services, application_id: UUID, how: Metadata, content: dict[str, str]
) -> PersonalText | None:
    """A text of staff about the candidate of an application; None when there is nothing to say."""
    if not content:
        return None
    if how.actor.company_id != tenant_of(application_id):
        raise NotFound
    candidate_id = (await load(services, application_id)).state.candidate_id
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
    return answered((await carry_out(services, command, how, reason)).entity)


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
    return answered((await services.commands.handle(command, how)).entity)


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
    return answered((await services.commands.handle(command, how)).entity)


HANDLERS: list[Any] = [advance, reject, reinstate, withdraw]
