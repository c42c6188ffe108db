"""The methods of a path: HEAD wherever GET is, and all of them as `Allow` names them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, cast

from litestar import Response
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope

_HEAD: Final = "hirelog_head"


def as_get(scope: HTTPScope) -> HTTPScope:
    """HEAD as the GET whose answer it asks for, with the same access and limits; the server leaves the body out."""
    return cast("HTTPScope", {**scope, "method": "GET", _HEAD: True})


def is_head(scope: Mapping[str, object]) -> bool:
    """Whether only the head of what GET answers is asked for."""
    return _HEAD in scope


def allow(methods: Iterable[str]) -> str:
    """What `Allow` says of a path whose handlers take these methods."""
    named = set(methods)
    return ", ".join(sorted(named | {"HEAD"} if "GET" in named else named))


def allow_all_methods(routes: Iterable[object]) -> None:
    """Have `Allow` name every method of a path: Litestar makes the OPTIONS handler with the path's first method and forgets the
    others."""
    for route in routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.http_methods == {"OPTIONS"}:
                    handler.after_request = _allowing(allow(route.methods))


def _allowing(methods: str) -> Callable[[Response[Any]], Awaitable[Response[Any]]]:
    async def allowing(response: Response[Any]) -> Response[Any]:
        response.headers["Allow"] = methods
        return response

    return allowing
