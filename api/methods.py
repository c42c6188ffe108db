"""The methods of a path, as OPTIONS answers them."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from litestar import Response
from litestar.routes import HTTPRoute


def allow_all_methods(routes: Iterable[object]) -> None:
    """Have `Allow` name every method of a path: Litestar makes the OPTIONS handler with the path's first method and forgets the
    others."""
    for route in routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.http_methods == {"OPTIONS"}:
                    handler.after_request = _allowing(", ".join(sorted(route.methods)))


def _allowing(methods: str) -> Callable[[Response[Any]], Awaitable[Response[Any]]]:
    async def allowing(response: Response[Any]) -> Response[Any]:
        response.headers["Allow"] = methods
        return response

    return allowing
