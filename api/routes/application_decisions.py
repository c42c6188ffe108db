"""Deciding about an application: moving it on, rejecting, reinstating, withdrawing."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, patch, post
from litestar.params import JSONBody

from api.http.access import CANDIDATE, RECRUITING
from api.http.fields import Body, Note
from api.http.problems import ProblemError
from api.http.requests import AnyRequest, IdempotencyKey, IfMatch, metadata
from api.routes.application_answer import ApplicationAnswer, ApplicationId, answered, check_may_see, load
from api.routes.texts import about_candidate, carry_out
from api.services import Services, services_of
from application.actor import Actor
from application.entity import decode
from application.handle import Metadata, Outcome
from application.refusals import Refused
from domain.decision import Rejected
from domain.identifiers import tenant_of
from domain.job_application import (
    JOB_APPLICATION,
    AdvanceStage,
    ApplicationRejected,
    JobApplication,
    PipelineStage,
    ReinstateApplication,
    RejectApplication,
    Stage,
    StageAdvanced,
    WithdrawApplication,
    allowed_stages,
)
from infrastructure.personal_data import personal_texts
from infrastructure.personal_data.personal_texts import PersonalText

_ALREADY_DECIDED: Final = Rejected(
    "already_decided", "This was decided before, with other words: those that came now were not recorded."
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
    rules=("stage_not_allowed", "openings_filled", "already_decided", "application_moved", "own_application"),
)
async def advance(
    application_id: ApplicationId,
    request: AnyRequest,
    data: JSONBody[StageBody],
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Move to the next stage. A skipped or backward stage is refused (409) with those that are allowed."""
    services = services_of(request)
    how = await metadata(request, if_match, idempotency_key)
    outcome = await carry_out_stage(services, application_id, data.stage, data.note, how)
    return await answered(services, how.actor, outcome.entity, position=outcome.position)


async def carry_out_stage(
    services: Services, application_id: UUID, stage: Stage, note: str | None, how: Metadata
) -> Outcome[JobApplication]:
    """Move an application to its next stage. Raises what a command may raise, and a 409 problem for a stage that is none."""
    text = await about_candidate(services, application_id, how, {"note": note} if note else {})
    command = AdvanceStage(
        application_id=application_id,
        to_stage=await _pipeline_stage(services, application_id, stage, how.actor),
        note_text_id=None if text is None else text.text_id,
    )
    outcome = await _said(services, await carry_out(services, command, how, text), how, text)
    if outcome.changed or outcome.entity.state.stage != "hired":
        return outcome
    return Outcome(outcome.entity, await services.commands.end_of_append(outcome.entity), changed=False)


async def _pipeline_stage(
    services: Services, application_id: UUID, stage: Stage, actor: Actor
) -> PipelineStage:
    if stage == "rejected" or stage == "withdrawn":  # noqa: PLR1714 (narrows the type)
        entity = await load(services, application_id)
        check_may_see(actor, entity)
        verb = "/reject" if stage == "rejected" else "/withdraw"
        detail = f"An application becomes {stage} by {verb}."
        raise ProblemError(409, "stage_not_allowed", detail, allowed=allowed_stages(entity.state))
    return stage


@post(
    "/applications/{application_id:uuid}/reject",
    allow=RECRUITING,
    status_code=200,
    tags=["Applications"],
    operation_id="reject_application",
    rules=(
        "already_hired",
        "application_withdrawn",
        "already_decided",
        "application_moved",
        "own_application",
    ),
)
async def reject(
    application_id: ApplicationId,
    request: AnyRequest,
    data: JSONBody[RejectBody],
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Reject, from any stage but `hired`."""
    services = services_of(request)
    how = await metadata(request, if_match, idempotency_key)
    outcome = await carry_out_rejection(services, application_id, data.reason, data.note, how)
    return await answered(services, how.actor, outcome.entity, position=outcome.position)


async def carry_out_rejection(
    services: Services, application_id: UUID, reason: str, note: str | None, how: Metadata
) -> Outcome[JobApplication]:
    """Reject an application. Raises what a command may raise."""
    content = {"reason": reason} | ({"note": note} if note else {})
    text = await about_candidate(services, application_id, how, content)
    command = RejectApplication(
        application_id=application_id, reason_text_id=None if text is None else text.text_id
    )
    return await _said(services, await carry_out(services, command, how, text), how, text)


async def _said(
    services: Services, outcome: Outcome[JobApplication], how: Metadata, text: PersonalText | None
) -> Outcome[JobApplication]:
    """The outcome, if what came with the decision is recorded. Raises `Refused` when it had been taken before, with other words."""
    if outcome.changed or text is None:
        return outcome
    entity = outcome.entity
    tenant_id = tenant_of(entity.stream_id)
    last = await services.store.load(tenant_id, entity.stream_id, after_version=entity.version - 1)
    match decode(JOB_APPLICATION, last[0]):
        case StageAdvanced(note_text_id=said) | ApplicationRejected(reason_text_id=said) if said is not None:
            async with services.database.of(how.actor) as connection:
                recorded = (await personal_texts.read(connection, tenant_id, [said])).get(said)
        case _:
            recorded = None
    if recorded != text.content:
        raise Refused(_ALREADY_DECIDED)
    return outcome


@post(
    "/applications/{application_id:uuid}/reinstate",
    allow=RECRUITING,
    status_code=200,
    tags=["Applications"],
    operation_id="reinstate_application",
    rules=("not_rejected", "application_moved", "own_application"),
)
async def reinstate(
    application_id: ApplicationId,
    request: AnyRequest,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Take a rejection back, to the stage that it was rejected from."""
    how = await metadata(request, if_match, idempotency_key)
    command = ReinstateApplication(application_id=application_id)
    services = services_of(request)
    outcome = await services.commands.handle(command, how)
    return await answered(services, how.actor, outcome.entity)


@post(
    "/applications/{application_id:uuid}/withdraw",
    allow=CANDIDATE,
    status_code=200,
    tags=["Applications"],
    operation_id="withdraw_application",
    rules=("already_hired", "application_rejected", "application_moved"),
)
async def withdraw(
    application_id: ApplicationId,
    request: AnyRequest,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ApplicationAnswer]:
    """Withdraw the own application."""
    how = await metadata(request, if_match, idempotency_key)
    command = WithdrawApplication(application_id=application_id)
    services = services_of(request)
    outcome = await services.commands.handle(command, how)
    return await answered(services, how.actor, outcome.entity)


HANDLERS: list[Any] = [advance, reject, reinstate, withdraw]
