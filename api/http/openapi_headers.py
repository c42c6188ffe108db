"""The headers of answers, for the OpenAPI document."""

from typing import Any, Final

from litestar.handlers import HTTPRouteHandler

from api.http.access import ANYONE


def _header(kind: str, description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


_HEADERS: Final = {
    "ETag": _header(
        "string", 'What is answered, as `If-Match` or `If-None-Match` takes it: `"3"` is a version.'
    ),
    "Location": _header("string", "Where it is."),
    "WWW-Authenticate": _header("string", "`Bearer`, with `error` for a token that is not valid."),
    "Retry-After": _header("integer", "When to try again, in seconds."),
    "RateLimit-Limit": _header(
        "integer",
        "Of the limits that the request counts for, the one with the least left: how many it takes.",
    ),
    "RateLimit-Remaining": _header("integer", "How many more it takes now."),
    "RateLimit-Reset": _header("integer", "When it is counted anew, in seconds."),
}


def headers_of(code: str, handler: HTTPRouteHandler, answered: Any) -> dict[str, Any]:
    """The headers of a handler's answers with this status; `answered` is the type of their content. What a handler says beyond
    what follows from its type it names as `headers=...`."""
    good, own = code < "400", handler.opt.get("headers", ())
    is_entity = {"version", "position"} <= set(getattr(answered, "__struct_fields__", ()))
    said = {
        "ETag": code == "412" or (good and (is_entity or "ETag" in own)),
        "Location": code == "201" and (is_entity or "Location" in own),
        "WWW-Authenticate": code == "401",
        "Retry-After": code in {"429", "503"},
    }
    counted = is_limited(handler) and (good or code == "429")
    return {
        name: header
        for name, header in _HEADERS.items()
        if (counted if name.startswith("RateLimit") else said[name])
    }


def is_limited(handler: HTTPRouteHandler) -> bool:
    """Whether it is counted how often somebody calls."""
    return handler.opt.get("allow") != ANYONE or "throttle" in handler.opt
