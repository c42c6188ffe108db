"""Audit: the company's log as it is."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Final, TypeAlias
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from api.http.access import AUDIT
from api.http.invalid_fields import InvalidField
from api.http.problems import not_valid
from api.http.requests import AnyRequest, Limit, company_of
from api.services import Services, services_of
from application.entity import STREAM_PAGE, pages
from application.recorded import StoredEvent
from application.refusals import NotFound
from domain.identifiers import tenant_of


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was recorded: its place in the log and in its stream, its type and its data."""

    position: int
    stream_id: UUID
    version: int
    type: str
    data: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
    actor_id: UUID | None
    command_id: UUID
    recorded_at: datetime


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order without a gap; `next` is the `after` of the next page, `head` the log's last position."""

    items: list[AuditEvent]
    next: str | None
    head: int


class AuditStream(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one stream, oldest first; `next` is the `after` of the next page."""

    stream_id: UUID
    items: list[AuditEvent]
    next: str | None = None


_PAGE_BYTES: Final = 4 << 20
"""Of events in an answer; the one that goes beyond is in it. Their number says little: an event may have 100 KB."""

AfterVersion: TypeAlias = Annotated[
    int, QueryParameter(ge=0, le=2**62, description="Events after this version.")
]
After: TypeAlias = Annotated[int, QueryParameter(ge=0, le=2**62, description="Events after this position.")]
Follow: TypeAlias = Annotated[
    bool,
    QueryParameter(
        description="Events as they come, as server-sent events: not built yet, so only `false` is taken.",
        schema_extra={"enum": [False]},
    ),
]


@get("/audit/events", allow=AUDIT, tags=["Audit"], operation_id="read_audit_events")
async def events(
    request: AnyRequest, after: After = 0, limit: Limit = 50, follow: Follow = False
) -> AuditPage:
    """The company's log after a position: gapless and in order. A page of large events holds fewer than `limit`."""
    if follow:
        raise not_valid(InvalidField("follow", "not built yet: ask again with the last position as `after`"))
    services = services_of(request)
    company_id = company_of(request)
    page = await _bounded(_log(services, company_id, after), limit)
    head = await services.store.head(company_id)
    following = str(page[-1].position) if page and page[-1].position < head else None
    return AuditPage(items=[_event(stored) for stored in page], next=following, head=head)


@get("/audit/streams/{stream_id:uuid}", allow=AUDIT, tags=["Audit"], operation_id="read_audit_stream")
async def stream(
    stream_id: FromPath[UUID], request: AnyRequest, after: AfterVersion = 0, limit: Limit = 50
) -> AuditStream:
    """One stream's events after a version, in order: none after its last."""
    services = services_of(request)
    company_id = company_of(request)
    if tenant_of(stream_id) != company_id:
        raise NotFound
    page = await _bounded(pages(services.store, company_id, stream_id, after), limit)
    if not page and not await services.store.load(company_id, stream_id, limit=1):
        raise NotFound
    last = page[-1].version if page else after
    more = await services.store.load(company_id, stream_id, after_version=last, limit=1)
    items = [_event(event) for event in page]
    return AuditStream(stream_id=stream_id, items=items, next=str(last) if more else None)


async def _log(services: Services, company_id: UUID, after: int) -> AsyncGenerator[list[StoredEvent]]:
    """The log after a position, in small pages."""
    while page := await services.store.read(company_id, after=after, limit=STREAM_PAGE):
        yield page
        after = page[-1].position


async def _bounded(read: AsyncGenerator[list[StoredEvent]], limit: int) -> list[StoredEvent]:
    """The first `limit` events, or fewer when they are large."""
    found: list[StoredEvent] = []
    size = 0
    async with aclosing(read):
        async for page in read:
            for stored in page:
                found.append(stored)
                size += len(stored.data)
                if len(found) == limit or size >= _PAGE_BYTES:
                    return found
    return found


def _event(stored: StoredEvent) -> AuditEvent:
    return AuditEvent(
        position=stored.position,
        stream_id=stored.stream_id,
        version=stored.version,
        type=stored.type,
        data=msgspec.Raw(stored.data),
        actor_id=stored.actor_id,
        command_id=stored.command_id,
        recorded_at=stored.recorded_at,
    )


HANDLERS = [events, stream]
