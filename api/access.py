"""Who may call a handler: each declares it as `allow=...`; one that does not is refused at start-up."""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from api.problems import ProblemError
from api.services import Services
from application.actor import STAFF as STAFF_ROLES
from application.actor import Actor, Role
from application.refusals import Forbidden
from infrastructure.security import InvalidToken

Allowed: TypeAlias = frozenset[Role] | Literal["anyone"]

ANYONE: Final = "anyone"
CANDIDATE: Final[Allowed] = frozenset({"candidate"})
STAFF: Final[Allowed] = STAFF_ROLES
SIGNED_IN: Final[Allowed] = STAFF_ROLES | {"candidate"}
RECRUITING: Final[Allowed] = frozenset({"recruiter", "admin"})
HIRING: Final[Allowed] = frozenset({"recruiter", "hiring_manager", "admin"})
AUDIT: Final[Allowed] = frozenset({"recruiter", "auditor", "admin"})

_ACTOR: Final = "hirelog_actor"
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
_MEDIA_TYPES: Final = ("application/json",)

AnyConnection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Lets a request through to a handler whose declaration names the caller's role."""
    if handler.opt.get("exclude_from_auth"):
        return
    allowed: Allowed = handler.opt["allow"]
    actor = _actor(connection)
    if allowed != ANYONE:
        if actor is None:
            raise NotAuthorizedException("An access token is needed.", headers=_CHALLENGE)
        if actor.role not in allowed:
            raise Forbidden(f"This is not for a {actor.role}.")
    connection.scope[_ACTOR] = actor  # type: ignore[literal-required]  # our own key beside ASGI's


def _actor(connection: AnyConnection) -> Actor | None:
    header = connection.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthorizedException("Only bearer tokens are taken.", headers=_CHALLENGE)
    services: Services = connection.app.state.services
    try:
        return services.tokens.read(token.strip())
    except InvalidToken as error:
        raise NotAuthorizedException(
            "The access token is not valid.", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
        ) from error


async def media_type_guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """A body must be what the handler reads: JSON, unless it says `media_types=...`."""
    headers = connection.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    wanted: tuple[str, ...] = handler.opt.get("media_types", _MEDIA_TYPES)
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in wanted:
        raise ProblemError(415, "unsupported_media_type", f"The body must be {' or '.join(wanted)}.")


def caller(scope: dict[str, Any]) -> Actor | None:
    """Who the guard let through; None for an anonymous caller."""
    actor: Actor | None = scope.get(_ACTOR)
    return actor


def check_declared(routes: Iterable[object]) -> None:
    """Raise `RuntimeError` for a handler that does not say who may call it."""
    for route in routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if _undeclared(handler):
                raise RuntimeError(f"{handler.handler_name} ({route.path}) does not declare who may call it")


def _undeclared(handler: HTTPRouteHandler) -> bool:
    if handler.http_methods == {"OPTIONS"}:
        return False
    return "allow" not in handler.opt and not handler.opt.get("exclude_from_auth")
