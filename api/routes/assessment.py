"""The comments and scorecards about an application, as they were recorded."""

from collections.abc import AsyncGenerator, Mapping
from typing import cast
from uuid import UUID

from api.routes.application_answer import check_may_see, load
from api.services import Services
from application.actor import Actor
from application.commands import assessment_id
from application.entity import Entity, pages, recorded
from application.recorded import Recorded
from application.refusals import Forbidden, NotFound
from domain.assessment import ASSESSMENT, Assessment, AssessmentEvent
from domain.identifiers import tenant_of
from projections.paging import decode_cursor


async def may_read(services: Services, application_id: UUID, actor: Actor) -> None:
    """Raise `NotFound` if an application is not one of the actor's company, and `Forbidden` if they made it themselves before they
    joined."""
    if actor.company_id != tenant_of(application_id):
        raise NotFound
    application = await load(services, application_id)
    check_may_see(actor, application)
    if application.state.candidate_id == actor.account_id:
        raise Forbidden("What was said about yourself is not for you.")


async def assessment(services: Services, application_id: UUID) -> AsyncGenerator[Recorded[AssessmentEvent]]:
    """What staff said about an application, oldest first, read as it is asked for."""
    async for page in pages(services.store, tenant_of(application_id), assessment_id(application_id)):
        for stored in page:
            yield cast("Recorded[AssessmentEvent]", recorded(ASSESSMENT, stored))


async def standing_comments(services: Services, application_id: UUID) -> Mapping[UUID, UUID]:
    """The comments that were not taken back: their ids, with their authors."""
    entity: Entity[Assessment] = await services.commands.current(ASSESSMENT, assessment_id(application_id))
    return cast("Mapping[UUID, UUID]", entity.state.comments)


def place_after(cursor: str | None) -> int:
    """The position after which a page of something in the order of the log starts. Raises `InvalidCursor`."""
    return 0 if cursor is None else decode_cursor(cursor, "oldest", int)[0]
