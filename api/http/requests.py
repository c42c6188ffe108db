"""What handlers read of a request besides its body: the metadata of a command, and how current a query must be."""

import re
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from uuid import UUID

from litestar import Request, Response
from litestar.params import HeaderParameter, QueryParameter

from api.http.access import caller
from api.http.encoded_response import EncodedResponse
from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError, not_valid
from api.services import Services, services_of
from application.actor import Actor
from application.handle import Metadata, command_id
from application.refusals import IdempotencyKeyReused
from infrastructure import request_keys
from infrastructure.read_models.min_position import wait_for
from infrastructure.read_models.read_model import AnyReadModel

AnyRequest: TypeAlias = Request[Any, Any, Any]

IfMatch: TypeAlias = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="The version, as ETag said it.",
        schema_extra={"pattern": r'^(\*|(W/)?"\d{1,18}")$'},
    ),
]
IfNoneMatch: TypeAlias = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match", description="The ETag of what the caller has: 304 if that is how it still is."
    ),
]
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Makes the call safe to repeat: what it wrote the first time is answered again. The same key with another "
        "body is refused. A refusal wrote nothing, so that its repetition is decided anew.",
    ),
]
Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=200, description="Items a page.")]
Cursor: TypeAlias = Annotated[
    str | None, QueryParameter(max_length=1000, description="`next` of the page before.")
]
MinPosition: TypeAlias = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=2**62,
        description="Wait until the read model has reached this position of a company's log, as long as whoever runs this server lets "
        "a query wait, else 503 `read_model_behind`. Whose log: that of the `company_id` (when browsing jobs) or of a candidate's "
        "`job_id` (in lists of applications and of notifications), else the caller's own company's; without any it is 400. Who is "
        "no member of the company waits for the end of its log at most.",
    ),
]

_ONCE: Final = ("If-Match", "Idempotency-Key")
_ETAG: Final = re.compile(r'^(?:W/)?"(\d{1,18})"$')


def actor_of(request: AnyRequest) -> Actor:
    """The signed-in caller; the guard has let nobody else through."""
    actor = caller(request.scope)
    if actor is None:
        raise ProblemError(401, "unauthorized", "An access token is needed.")
    return actor


def company_of(request: AnyRequest) -> UUID:
    """The company in which a member of staff acts."""
    company = actor_of(request).company_id
    if company is None:
        raise ProblemError(403, "forbidden", "This is for members of a company.")
    return company


def check_once(request: AnyRequest) -> None:
    """Raise a 400 problem for a header of a command that came twice: nobody can tell which of the two was meant."""
    twice = [name for name in _ONCE if len(request.headers.getall(name, [])) > 1]
    if twice:
        raise not_valid(*(InvalidField(name, "given twice") for name in twice))


async def metadata(request: AnyRequest, if_match: str | None, idempotency_key: str | None) -> Metadata:
    """Who issues a command, on which version, and under which id. Raises `IdempotencyKeyReused`, and a 400 problem for an If-Match
    that the route does not take, as nothing may be written regardless of it, and for a header that came twice."""
    actor = actor_of(request)
    check_once(request)
    if if_match is None and request.headers.get("if-match", "*") != "*":
        raise ProblemError(400, "if_match_not_taken", "This takes no If-Match: there is no version to meet.")
    body = b""
    if idempotency_key is not None:
        body = f"{request.method} {request.scope['path']} ".encode() + await request.body()
    how = Metadata(
        actor=actor,
        command_id=command_id(actor, idempotency_key, body),
        expected_version=_version(if_match),
        repeatable=idempotency_key is not None,
    )
    if how.repeatable:
        await _remember(services_of(request), how)
    return how


async def _remember(services: Services, how: Metadata) -> None:
    """The id of a repeatable command is a hash of its key and one of its request. Raises `IdempotencyKeyReused`."""
    key_hash, request_hash = how.command_id.bytes[:8], how.command_id.bytes[8:]
    async with services.database.of(how.actor) as connection:
        if not await request_keys.remember(connection, how.actor.account_id, key_hash, request_hash):
            raise IdempotencyKeyReused


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.match(if_match.strip())
    if match is None:
        raise not_valid(InvalidField("If-Match", 'expected one version, as in "3"'))
    return int(match[1])


async def at_least(
    services: Services, model: AnyReadModel, tenant_id: UUID | None, position: int | None, actor: Actor | None
) -> None:
    """Wait until a read model has reached a position of a tenant's log. Who is no member of the company waits for the end of
    its log at most: nobody may find out how far it goes by asking beyond it.

    Raises `ReadModelBehind`, and a 400 problem when nothing says whose log the position is in.
    """
    if not position:
        return
    if tenant_id is None:
        raise not_valid(
            InvalidField("min_position", "needs a company_id or job_id that says whose log it is in")
        )
    if actor is None or actor.company_id != tenant_id:
        position = min(position, await services.store.head(tenant_id))
        if not position:
            return
    await wait_for(services.database, model, tenant_id, position, services.settings.min_position_wait_seconds)


ContentT = TypeVar("ContentT")


def versioned(
    content: ContentT, version: int, status_code: int = 200, location: str | None = None
) -> Response[ContentT]:
    """An entity with its version as ETag."""
    headers = {"etag": f'"{version}"'}
    if location is not None:
        headers["location"] = location
    return EncodedResponse(content, status_code=status_code, headers=headers)
