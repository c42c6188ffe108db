"""Comments of staff on an application. Candidates see none."""

from contextlib import aclosing
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec.structs import replace

from api.http.access import HIRING, STAFF
from api.http.fields import Body, Note
from api.http.requests import AnyRequest, Cursor, IdempotencyKey, Limit, actor_of, metadata
from api.routes.application_answer import ApplicationId
from api.routes.assessment import assessment, may_read, place_after, standing_comments
from api.routes.authors import Who, authors
from api.routes.texts import about_candidate, carry_out
from api.services import services_of
from application.recorded import Recorded
from application.refusals import NotFound
from domain.assessment import (
    AddComment,
    CommentAdded,
    RemoveComment,
)
from domain.identifiers import tenant_of
from infrastructure.personal_data import personal_texts
from projections.paging import Page, encode_cursor


class CommentBody(Body, frozen=True):
    text: Note


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment; `text` is null when the candidate's personal data was erased, or the comment taken back."""

    id: UUID
    application_id: UUID
    text: str | None
    author: Who
    at: datetime
    position: int


class RemovedComment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment that was taken back, and where the log says so."""

    id: UUID
    application_id: UUID
    position: int


@post(
    "/applications/{application_id:uuid}/comments",
    allow=HIRING,
    tags=["Applications"],
    operation_id="add_comment",
    rules=("own_application",),
)
async def add_comment(
    application_id: ApplicationId,
    request: AnyRequest,
    data: JSONBody[CommentBody],
    idempotency_key: IdempotencyKey = None,
) -> Comment:
    """Comment on an application, wherever it stands, also after it ended. Its version does not change."""
    services = services_of(request)
    how = await metadata(request, None, idempotency_key)
    text = await about_candidate(services, application_id, how, {"comment": data.text})
    if text is None:
        raise NotFound
    author_id = how.actor.account_id
    command = AddComment(application_id=application_id, author_id=author_id, text_id=text.text_id)
    outcome = await carry_out(services, command, how, text)
    tenant_id = tenant_of(application_id)
    # A repeated request must not bring back the text of a comment that was taken back meanwhile.
    stands = not how.repeatable or text.text_id in await standing_comments(services, application_id)
    async with services.database.of(how.actor) as connection:
        if not stands:
            await personal_texts.delete(connection, tenant_id, text.text_id)
        kept = await personal_texts.read(connection, tenant_id, [text.text_id])
    who = await authors(services, tenant_id, [author_id])
    return Comment(
        id=text.text_id,
        application_id=application_id,
        text=kept.get(text.text_id, {}).get("comment"),
        author=who.of(author_id, outcome.position),
        at=outcome.entity.last_at["CommentAdded"],
        position=outcome.position,
    )


@delete(
    "/applications/{application_id:uuid}/comments/{comment_id:uuid}",
    allow=HIRING,
    status_code=200,
    tags=["Applications"],
    operation_id="remove_comment",
    rules=("not_the_author", "own_application"),
)
async def remove_comment(
    application_id: ApplicationId, comment_id: FromPath[UUID], request: AnyRequest
) -> RemovedComment:
    """Take an own comment back: its text is forgotten, and the history says that there was one."""
    services = services_of(request)
    how = await metadata(request, None, None)
    author_id = how.actor.account_id
    command = RemoveComment(application_id=application_id, author_id=author_id, text_id=comment_id)

    async def delete_text() -> None:
        async with services.database.of(how.actor) as connection:
            await personal_texts.delete(connection, tenant_of(application_id), comment_id)

    # Before the log says so: once it does, nobody could ask for it again if this process ended in between.
    outcome = await services.commands.handle(command, replace(how, before_append=delete_text))
    return RemovedComment(id=comment_id, application_id=application_id, position=outcome.position)


@get(
    "/applications/{application_id:uuid}/comments",
    allow=STAFF,
    tags=["Applications"],
    operation_id="list_comments",
)
async def comments(
    application_id: ApplicationId, request: AnyRequest, limit: Limit = 50, cursor: Cursor = None
) -> Page[Comment]:
    """The comments on an application, oldest first; always current."""
    services = services_of(request)
    await may_read(services, application_id, actor_of(request))
    stand, after = await standing_comments(services, application_id), place_after(cursor)
    found: list[Recorded[CommentAdded]] = []
    async with aclosing(assessment(services, application_id)) as events:
        async for event in events:
            if (
                isinstance(event.event, CommentAdded)
                and event.event.text_id in stand
                and event.position > after
            ):
                found.append(cast("Recorded[CommentAdded]", event))
                if len(found) > limit:
                    break
    page = found[:limit]
    async with services.database.of(actor_of(request)) as connection:
        text_ids = [event.event.text_id for event in page]
        texts = await personal_texts.read(connection, tenant_of(application_id), text_ids)
    who = await authors(services, tenant_of(application_id), [event.event.author_id for event in page])
    items = [
        Comment(
            id=event.event.text_id,
            application_id=application_id,
            text=texts.get(event.event.text_id, {}).get("comment"),
            author=who.of(event.event.author_id, event.position),
            at=event.recorded_at,
            position=event.position,
        )
        for event in page
    ]
    more = len(found) > limit
    return Page(items, encode_cursor("oldest", page[-1].position, items[-1].id) if more else None)


HANDLERS: list[Any] = [add_comment, comments, remove_comment]
