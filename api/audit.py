"""Audit: the company's log as it is."""

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter

from api.access import AUDIT
from api.requests import AnyRequest, company_of
from api.services import services_of
from application.recorded import StoredEvent
from application.refusals import NotFound
from domain.identifiers import tenant_of


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was recorded: its place in the log and in its stream, its type and its data."""

    position: int
    stream_id: UUID
    version: int
    type: str
    data: msgspec.Raw
    actor_id: UUID | None
    command_id: UUID
    recorded_at: datetime


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order without a gap; `next` is the `after` of the next page, `head` the log's last position."""

    items: list[AuditEvent]
    next: str | None
    head: int


class AuditStream(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one stream, oldest first."""

    stream_id: UUID
    items: list[AuditEvent]
    next: str | None = None


After: TypeAlias = Annotated[int, QueryParameter(ge=0, le=2**62, description="Events after this position.")]
PageSize: TypeAlias = Annotated[int, QueryParameter(ge=1, le=1000, description="Events a page.")]


@get("/audit/events", allow=AUDIT, tags=["Audit"], operation_id="read_audit_events")
async def events(request: AnyRequest, after: After = 0, limit: PageSize = 200) -> AuditPage:
    """The company's log after a position: gapless and in order."""
    services = services_of(request)
    company_id = company_of(request)
    page = await services.store.read(company_id, after=after, limit=limit)
    head = await services.store.head(company_id)
    following = str(page[-1].position) if page and page[-1].position < head else None
    return AuditPage(items=[_event(stored) for stored in page], next=following, head=head)


@get("/audit/streams/{stream_id:uuid}", allow=AUDIT, tags=["Audit"], operation_id="read_audit_stream")
async def stream(stream_id: FromPath[UUID], request: AnyRequest) -> AuditStream:
    """One stream's events."""
    services = services_of(request)
    company_id = company_of(request)
    stored = [] if tenant_of(stream_id) != company_id else await services.store.load(company_id, stream_id)
    if not stored:
        raise NotFound
    return AuditStream(stream_id=stream_id, items=[_event(event) for event in stored])


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
