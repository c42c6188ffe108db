"""Notifications: what the caller was told, with a read mark."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from api.http.access import SIGNED_IN
from api.http.fields import Body
from api.http.requests import AnyRequest, Cursor, Limit, MinPosition, actor_of, at_least
from api.services import services_of
from application.effects import Kind
from application.refusals import NotFound
from domain.identifiers import tenant_of
from infrastructure.mail import notifications
from infrastructure.mail.context import EffectDetails
from infrastructure.mail.effects_projector import EFFECTS
from infrastructure.mail.links import MailLinks
from infrastructure.mail.notifications import Reader
from infrastructure.mail.templates import summary
from projections.paging import decode_cursor, encode_cursor

NotificationId: TypeAlias = Annotated[UUID, PathParameter(description="The notification.")]
Unread: TypeAlias = Annotated[bool, QueryParameter(description="Only those that were not read yet.")]

_ORDER = "notifications"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the caller was told, in words; `read_at` is null as long as it is unread."""

    id: UUID
    kind: Kind
    text: str
    company_id: UUID
    company_name: str
    job_id: UUID
    job_title: str
    application_id: UUID
    created_at: datetime
    read_at: datetime | None


class Notifications(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first; `next` is the cursor of the rest. `unread_count` counts all that are unread, up to 1000."""

    items: list[Notification]
    next: str | None
    unread_count: int


class ReadBody(Body, frozen=True):
    """`up_to` is the newest notification that was seen; without it, all are marked."""

    up_to: UUID | None = None


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """How many became read by this call, and how many are unread now (counted up to 1000)."""

    marked: int
    unread_count: int


AboutJob: TypeAlias = Annotated[
    UUID | None, QueryParameter(description="Only what is about applications for this job.")
]


@get("/notifications", allow=SIGNED_IN, tags=["Notifications"], operation_id="list_notifications")
async def list_notifications(
    request: AnyRequest,
    unread: Unread = False,
    job_id: AboutJob = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Notifications:
    """What the caller was told about applications, newest first, without the kinds that they switched off (`/auth/me`).

    What was told about a person who was erased since, or about a company in which the caller acts no more, is not shown.
    """
    services = services_of(request)
    reader = _reader(request)
    whose = reader.company_id or (job_id and tenant_of(job_id))
    await at_least(services, EFFECTS, whose, min_position, actor_of(request))
    before = None if cursor is None else decode_cursor(cursor, _ORDER, datetime)
    async with services.database.of_notified(actor_of(request)) as connection:
        found = await notifications.listed(
            connection, reader, unread=unread, job_id=job_id, before=before, limit=limit + 1
        )
        count = await notifications.unread_count(connection, reader)
    shown = found[:limit]
    following = encode_cursor(_ORDER, shown[-1].created_at, shown[-1].mail_id) if len(found) > limit else None
    links = MailLinks(services.settings)
    return Notifications(
        items=[_notification(one, links) for one in shown], next=following, unread_count=count
    )


@post(
    "/notifications/{notification_id:uuid}/read",
    allow=SIGNED_IN,
    status_code=200,
    tags=["Notifications"],
    operation_id="read_notification",
)
async def read_one(notification_id: NotificationId, request: AnyRequest) -> Notification:
    """Mark one as read; it stays read, since the first time."""
    services = services_of(request)
    reader = _reader(request)
    async with services.database.of_notified(actor_of(request)) as connection:
        await notifications.mark_read(connection, reader, notification_id)
        details = await notifications.one(connection, reader, notification_id)
    if details is None:
        raise NotFound
    return _notification(details, MailLinks(services.settings))


@post(
    "/notifications/read",
    allow=SIGNED_IN,
    status_code=200,
    tags=["Notifications"],
    problems=("404",),
    operation_id="read_notifications",
)
async def read_all(request: AnyRequest, data: JSONBody[ReadBody]) -> Marked:
    """Mark all as read, or with `up_to` those that are not newer than it, so that none is marked unseen."""
    services = services_of(request)
    reader = _reader(request)
    async with services.database.of_notified(actor_of(request)) as connection:
        up_to = None
        if data.up_to is not None:
            details = await notifications.one(connection, reader, data.up_to)
            if details is None:
                raise NotFound
            up_to = (details.created_at, details.mail_id)
        marked = await notifications.mark_all_read(connection, reader, up_to)
        count = await notifications.unread_count(connection, reader)
    return Marked(marked=marked, unread_count=count)


def _reader(request: AnyRequest) -> Reader:
    actor = actor_of(request)
    return Reader(actor.account_id, actor.company_id)


def _notification(details: EffectDetails, links: MailLinks) -> Notification:
    return Notification(
        id=details.mail_id,
        kind=details.kind,
        text=summary(details.kind, details.context(links)),
        company_id=details.tenant_id,
        company_name=details.company_name,
        job_id=details.job_id,
        job_title=details.job_title,
        application_id=details.application_id,
        created_at=details.created_at,
        read_at=details.read_at,
    )


HANDLERS: list[Any] = [list_notifications, read_one, read_all]
