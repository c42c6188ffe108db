"""Free text about a candidate goes beside its command: stored first, named by the event, forgotten if no event names it."""

from collections.abc import Awaitable
from typing import Any
from uuid import UUID

from api.routes.application_answer import load
from api.services import Services
from application.commands import COMMANDS
from application.handle import Metadata, Outcome
from application.refusals import Forbidden, IdempotencyKeyReused, NotFound, Refused, StaleVersion
from domain.decision import Command
from domain.identifiers import derived_id, tenant_of
from infrastructure.personal_data import personal_texts
from infrastructure.personal_data.personal_texts import PersonalText


def text_id(about: UUID, how: Metadata) -> UUID:
    """The id of the text that comes with this command about a job or an application."""
    return derived_id(tenant_of(about), "text", about, how.command_id)


async def about_candidate(
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


def carry_out(
    services: Services, command: Command, how: Metadata, text: PersonalText | None
) -> Awaitable[Outcome[Any]]:
    """Carry out a command whose event names the text, if there is one."""
    if text is None:
        return services.commands.handle(command, how)
    return _with_text(services, command, how, text)


async def _with_text(services: Services, command: Command, how: Metadata, text: PersonalText) -> Outcome[Any]:
    stream_id = COMMANDS[type(command)].stream_id(command)
    async with services.database.of(how.actor) as connection:
        await personal_texts.keep(connection, text, stream_id=stream_id, command_id=how.command_id)
    named = True
    try:
        outcome = await services.commands.handle(command, how)
        named = outcome.changed
    except (Refused, Forbidden, NotFound, StaleVersion, IdempotencyKeyReused):
        named = False
        raise
    finally:
        # The same text may come with a repetition of this command that succeeds. If none does, it is forgotten a day later.
        if not named and not how.repeatable:
            async with services.database.of(how.actor) as connection:
                await personal_texts.delete(connection, tenant_of(text.text_id), text.text_id)
    return outcome
