"""Decisions about many applications at once, each with its own outcome."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID, uuid4

import msgspec
import psycopg
from litestar import post
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from api.http.access import RECRUITING
from api.http.fields import Body, Note
from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError, not_valid
from api.http.requests import AnyRequest, IdempotencyKey, metadata
from api.routes.application_decisions import carry_out_rejection, carry_out_stage
from api.services import services_of
from application.handle import Metadata, Outcome
from application.recorded import LogUnavailable
from application.refusals import IdempotencyKeyReused, NotFound, Refused
from domain.job_application import JobApplication, Stage

_AT_ONCE: Final = 32

Ids: TypeAlias = Annotated[
    tuple[UUID, ...], Meta(min_length=1, max_length=200, extra_json_schema={"uniqueItems": True})
]
Decide: TypeAlias = Callable[[UUID, Metadata], Awaitable[Outcome[JobApplication]]]


class BulkStageBody(Body, frozen=True):
    """`ids` are different from each other; the note goes with each."""

    ids: Ids
    stage: Stage
    note: Note | None = None


class BulkRejectBody(Body, frozen=True):
    """`ids` are different from each other; `reason` is shown to each candidate, `note` is not."""

    ids: Ids
    reason: Note
    note: Note | None = None


class BulkItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one application: `ok` with where it stands now, `refused` by the rule that `code` names, `not_found`
    (unknown, or another company's), or `unavailable`, to be tried again."""

    id: UUID
    status: Literal["ok", "refused", "not_found", "unavailable"]
    code: str | None = None
    detail: str | None = None
    allowed: list[str] | UnsetType = UNSET
    stage: Stage | None = None
    version: int | None = None
    position: int | None = None


class BulkOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes in the order of `ids`; `ok` counts those that were carried out, `position` is that of the last of them."""

    items: list[BulkItem]
    ok: int
    position: int | None


@post(
    "/applications/bulk/stage",
    allow=RECRUITING,
    status_code=200,
    tags=["Applications"],
    operation_id="advance_applications",
)
async def bulk_stage(
    request: AnyRequest,
    data: JSONBody[BulkStageBody],
    idempotency_key: IdempotencyKey = None,
) -> BulkOutcome:
    """Move up to 200 applications to their next stage. Each has its own outcome; one failure fails only itself."""

    async def decide(application_id: UUID, how: Metadata) -> Outcome[JobApplication]:
        return await carry_out_stage(services_of(request), application_id, data.stage, data.note, how)

    _check_different(data.ids)
    return await _each(data.ids, await metadata(request, None, idempotency_key), decide)


@post(
    "/applications/bulk/reject",
    allow=RECRUITING,
    status_code=200,
    tags=["Applications"],
    operation_id="reject_applications",
)
async def bulk_reject(
    request: AnyRequest,
    data: JSONBody[BulkRejectBody],
    idempotency_key: IdempotencyKey = None,
) -> BulkOutcome:
    """Reject up to 200 applications. Each has its own outcome; one failure fails only itself."""

    async def decide(application_id: UUID, how: Metadata) -> Outcome[JobApplication]:
        return await carry_out_rejection(services_of(request), application_id, data.reason, data.note, how)

    _check_different(data.ids)
    return await _each(data.ids, await metadata(request, None, idempotency_key), decide)


def _check_different(ids: tuple[UUID, ...]) -> None:
    if len(set(ids)) < len(ids):
        raise not_valid(InvalidField("ids", "expected ids that are different from each other"))


async def _each(ids: tuple[UUID, ...], how: Metadata, decide: Decide) -> BulkOutcome:
    """Many at once, so that the group commit writes them together; not all, so that others get their turn at the database."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(application_id: UUID) -> BulkItem:
        async with turns:
            return await _one(application_id, _part(how, application_id), decide)

    items = await asyncio.gather(*map(one, ids))
    positions = [item.position for item in items if item.position is not None]
    return BulkOutcome(items=items, ok=len(positions), position=max(positions, default=None))


def _part(how: Metadata, application_id: UUID) -> Metadata:
    """The command about one of many: repeated with the whole, it has the same id (see `application.handle.command_id`)."""
    if not how.repeatable:
        return replace(how, command_id=uuid4())
    digest = hashlib.sha256(how.command_id.bytes + application_id.bytes).digest()
    return replace(how, command_id=UUID(bytes=how.command_id.bytes[:8] + digest[:8]))


async def _one(application_id: UUID, how: Metadata, decide: Decide) -> BulkItem:
    try:
        outcome = await decide(application_id, how)
    except NotFound:
        return BulkItem(id=application_id, status="not_found")
    except Refused as refused:
        said = refused.rejected
        if said.code.endswith("_not_found"):
            return BulkItem(id=application_id, status="not_found")
        return BulkItem(
            id=application_id,
            status="refused",
            code=said.code,
            detail=said.reason,
            allowed=UNSET if said.allowed is None else list(said.allowed),
        )
    except ProblemError as error:
        return BulkItem(
            id=application_id,
            status="refused",
            code=error.code,
            detail=error.detail,
            allowed=UNSET if error.allowed is None else list(error.allowed),
        )
    except IdempotencyKeyReused:
        return BulkItem(
            id=application_id,
            status="refused",
            code="idempotency_key_reused",
            detail="This Idempotency-Key came with another request before.",
        )
    except (LogUnavailable, psycopg.OperationalError):
        detail = "The log cannot take or answer this now."
        return BulkItem(id=application_id, status="unavailable", code="log_unavailable", detail=detail)
    return BulkItem(
        id=application_id,
        status="ok",
        stage=outcome.entity.state.stage,
        version=outcome.entity.version,
        position=outcome.position,
    )


HANDLERS: list[Any] = [bulk_stage, bulk_reject]
