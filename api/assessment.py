"""The comments and scorecards about an application, as they were recorded."""

import asyncio
from typing import cast
from uuid import UUID

from api.application_answer import check_concern, load
from api.services import Services
from application.actor import Actor
from application.commands import assessment_id
from application.entity import recorded
from application.recorded import Recorded
from application.refusals import Forbidden, NotFound
from domain.assessment import ASSESSMENT, AssessmentEvent
from domain.identifiers import tenant_of
from projections.paging import unseal


async def assessment(
    services: Services, application_id: UUID, actor: Actor
) -> list[Recorded[AssessmentEvent]]:
    """What staff said about an application, oldest first. Raises `NotFound` if it is not one of their company, and `Forbidden` if
    they made it themselves before they joined."""
    tenant_id = tenant_of(application_id)
    if actor.company_id != tenant_id:
        raise NotFound
    application, stored = await asyncio.gather(
        load(services, application_id), services.store.load(tenant_id, assessment_id(application_id))
    )
    check_concern(actor, application)
    if application.state.candidate_id == actor.account_id:
        raise Forbidden("What was said about yourself is not for you.")
    return [cast("Recorded[AssessmentEvent]", recorded(ASSESSMENT, event)) for event in stored]


def place_after(cursor: str | None) -> int:
    """The position after which a page of something in the order of the log starts. Raises `InvalidCursor`."""
    return 0 if cursor is None else unseal(cursor, "oldest", int)[0]
