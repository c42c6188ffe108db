"""Who may call a handler: each declares it as `allow=...`; one that does not is refused at start-up."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, assert_never, cast

from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from api.services import services_of
from api.throttle import AnyConnection, Throttle
from application.actor import STAFF as STAFF_ROLES
from application.actor import Actor, Role
from application.refusals import Forbidden
from infrastructure.identity.access_tokens import InvalidToken

Allowed: TypeAlias = frozenset[Role] | Literal["anyone", "visitor"]

Counted: TypeAlias = Literal["sign_in", "visitor"]
"""How a handler for `ANYONE` is counted, as `throttle=...`; without it, it is not. The others are counted in any case."""

ANYONE: Final = "anyone"
"""Nobody is asked who they are; a token, even a stale one, is not looked at."""
VISITOR: Final = "visitor"
"""Nobody needs a token; whoever sends one is recognised by it, and refused if it is not valid."""
CANDIDATE: Final[frozenset[Role]] = frozenset({"candidate"})
STAFF: Final[frozenset[Role]] = STAFF_ROLES
SIGNED_IN: Final[frozenset[Role]] = STAFF | CANDIDATE
RECRUITING: Final[frozenset[Role]] = frozenset({"recruiter", "admin"})
HIRING: Final[frozenset[Role]] = frozenset({"recruiter", "hiring_manager", "admin"})
ADMIN: Final[frozenset[Role]] = frozenset({"admin"})
AUDIT: Final[frozenset[Role]] = frozenset({"recruiter", "auditor", "admin"})

_ACTOR: Final = "hirelog_actor"
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Lets a request through to a handler whose declaration names the caller's role, unless there are too many of them.

    Only OPTIONS and pages that say `exclude_from_auth` declare nothing, as `check_declared` has seen to at the start.
    """
    if _undeclared(handler):
        raise Forbidden("Nobody may call this.")
    allowed: Allowed = handler.opt.get("allow", ANYONE)
    await _count(connection, cast("Counted | None", handler.opt.get("throttle")))
    if allowed == ANYONE:
        return
    actor = await _actor(connection)
    await _throttle(connection).request(connection, actor)
    if allowed != VISITOR:
        if actor is None:
            raise NotAuthorizedException("An access token is needed.", headers=_CHALLENGE)
        if actor.role not in allowed:
            raise Forbidden(f"This is not for {actor.role.replace('_', ' ')}s.")
    cast("dict[str, object]", connection.scope)[_ACTOR] = actor


async def _count(connection: AnyConnection, counted: Counted | None) -> None:
    match counted:
        case "sign_in":
            await _throttle(connection).sign_in(connection)
        case "visitor":
            await _throttle(connection).request(connection, None)
        case None:
            pass
        case _:
            assert_never(counted)


def _throttle(connection: AnyConnection) -> Throttle:
    return services_of(connection).throttle


async def _actor(connection: AnyConnection) -> Actor | None:
    header = connection.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthorizedException("Only bearer tokens are taken.", headers=_CHALLENGE)
    services = services_of(connection)
    if services.tokens.stale:
        await services.tokens.make_current()
    try:
        return services.tokens.read(token.strip())
    except InvalidToken as error:
        raise NotAuthorizedException(
            "The access token is not valid.", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
        ) from error


def caller(scope: Mapping[str, object]) -> Actor | None:
    """Who the guard let through; None for an anonymous caller."""
    actor = scope.get(_ACTOR)
    return actor if isinstance(actor, Actor) else None


def check_declared(routes: Iterable[object]) -> None:
    """Raise `RuntimeError` for a handler that does not say who may call it, and for one that is asked otherwise than by HTTP
    requests: nothing would check who calls that."""
    for route in routes:
        if not isinstance(route, HTTPRoute):
            raise RuntimeError(f"{route} is no route of HTTP handlers")  # noqa: TRY004 (no caller's mistake in a type)
        for handler in route.route_handlers:
            if _undeclared(handler):
                raise RuntimeError(f"{handler.handler_name} ({route.path}) does not declare who may call it")


def _undeclared(handler: BaseRouteHandler) -> bool:
    if isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}:
        return False
    return "allow" not in handler.opt and not handler.opt.get("exclude_from_auth")
