"""The API's description: OpenAPI 3.1 at `/schema`, Swagger UI at `/docs`, ReDoc at `/redoc`, all from this host.

The viewers are vendored files (`api/vendor`). A strict Content-Security-Policy keeps the pages from loading anything else.
"""

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, License, OAuthFlow, OAuthFlows, SecurityScheme, Tag
from litestar.params import FromPath

from api.http.openapi import DescriptionPlugin
from api.http.unchanged import is_unchanged

_VENDOR = Path(__file__).parents[1] / "vendor"
_SCHEMA_PATH = "/schema"

_DESCRIPTION = """\
A hiring backend whose only source of truth is a log of events.

**Bodies** are JSON in snake_case; times are RFC 3339 UTC; money is whole units of an ISO 4217 `currency`. \
An unknown field is refused (400), so that a typing mistake is not lost. Names and titles are one line with something visible \
in it, without control characters and those that turn the direction of what follows.

**Errors** are RFC 9457 `application/problem+json` with a stable `type` (`/problems/<code>`). \
Where it is counted how often somebody calls, `RateLimit-*` say what is left, in errors too.

**Writes** answer their `position` in the tenant's log and, for one entity, its `version` and `ETag`. \
`If-Match` makes a write conditional (412 when stale); `Idempotency-Key` makes a POST safe to repeat.

**Lists** answer `items` and `next`; pass `next` as `cursor`. `min_position` makes a query wait until \
the read model has seen that position, so that you read your own writes.

**To try it here**: `POST /auth/register`, then *Authorize* with the e-mail as username."""

_TAGS = [
    Tag("Accounts", "Registering, signing in, the own profile."),
    Tag("Company", "The members of the caller's company, their roles, and invitations to join it."),
    Tag("Jobs", "Posting, publishing and browsing jobs."),
    Tag("Applications", "Applying, and moving an application to a decision."),
    Tag("Notifications", "What the caller was told, by kind, with a read mark."),
    Tag("Resumes", "A candidate's resume files, which go with an application and can be taken back."),
    Tag("Dashboard", "Views, applications and conversion of the caller's company."),
    Tag("Audit", "The company's log as it is, in order and without gaps."),
    Tag("Operations", "Health of this process and what it needs."),
]

# ReDoc and Swagger UI write style elements and data: images; ReDoc's search runs in a worker made from a blob.
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_STATIC_HEADERS = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}

_SWAGGER_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hirelog API</title>
<link rel="icon" type="image/png" href="/docs/static/favicon.png">
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/static/swagger-ui.js"></script>
<script src="/docs/static/swagger-start.js"></script>
</body>
</html>
"""
_SWAGGER_START = """SwaggerUIBundle({
  url: "/schema",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  // The password form has no client to authenticate: do not send an empty one.
  requestInterceptor: (request) => {
    if (request.headers.Authorization === "Basic Og==") delete request.headers.Authorization;
    return request;
  },
});
"""
_REDOC_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hirelog API reference</title>
<link rel="icon" type="image/png" href="/docs/static/favicon.png">
<style>body { margin: 0 }</style>
</head>
<body>
<div id="redoc"></div>
<script src="/docs/static/redoc.js"></script>
<script src="/docs/static/redoc-start.js"></script>
</body>
</html>
"""
_REDOC_START = """Redoc.init("/schema", {
  disableGoogleFont: true,
  nativeScrollbars: true,
  theme: { typography: { fontFamily: "system-ui, sans-serif", headings: { fontFamily: "system-ui, sans-serif" } } },
}, document.getElementById("redoc"));
"""
_REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_EMPTY_IMAGE = b"data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


class _StaticFile(msgspec.Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


def openapi_config(version: str | None = None) -> OpenAPIConfig:
    """What `Litestar(openapi_config=...)` takes: `GET /schema`, and how clients authenticate.

    `version` is the API's; by default the installed package's. A handler that takes anonymous callers says `security=[{}]`.
    """
    token = OAuthFlow(token_url="/auth/token", refresh_url="/auth/token", scopes={})  # noqa: S106 - an address
    return OpenAPIConfig(
        title="Hirelog",
        version=version or _installed_version(),
        description=_DESCRIPTION,
        license=License(name="MIT", identifier="MIT"),
        tags=_TAGS,
        use_handler_docstrings=True,
        security=[{"password": []}, {"bearer": []}],
        components=Components(
            security_schemes={
                "password": SecurityScheme(
                    type="oauth2", description="E-mail and password.", flows=OAuthFlows(password=token)
                ),
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="An access token from /auth/login.",
                ),
            }
        ),
        render_plugins=[DescriptionPlugin(path=["/", "/openapi.json"], media_type=MediaType.JSON)],
        openapi_router=Router(
            _SCHEMA_PATH,
            route_handlers=[],
            include_in_schema=False,
            before_request=_known_schema_path,
            opt={"exclude_from_auth": True},
        ),
    )


def docs_handlers() -> list[HTTPRouteHandler]:
    """The handlers of `/docs`, `/redoc` and the files they load, open to all and absent from the schema."""
    return [swagger_page, redoc_page, static_file]


@get("/docs", include_in_schema=False, exclude_from_auth=True, sync_to_thread=False)
def swagger_page() -> Response[str]:
    """Swagger UI over `/schema`."""
    return Response(_SWAGGER_PAGE, media_type="text/html", headers=_PAGE_HEADERS)


@get("/redoc", include_in_schema=False, exclude_from_auth=True, sync_to_thread=False)
def redoc_page() -> Response[str]:
    """ReDoc over `/schema`."""
    return Response(_REDOC_PAGE, media_type="text/html", headers=_PAGE_HEADERS)


@get("/docs/static/{name:str}", include_in_schema=False, exclude_from_auth=True, sync_to_thread=True)
def static_file(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """One file of the two pages; 304 when the caller has it."""
    file = _static_files().get(name)
    if file is None:
        raise NotFoundException
    headers = {**_STATIC_HEADERS, "ETag": file.etag}
    if is_unchanged(request, file.etag):
        return Response(b"", status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


def _known_schema_path(request: Request[Any, Any, Any]) -> None:
    """Litestar answers an unknown path below `/schema` with an HTML page; ours is a problem as everywhere."""
    if request.url.path.rstrip("/") not in {_SCHEMA_PATH, f"{_SCHEMA_PATH}/openapi.json"}:
        raise NotFoundException


@cache
def _static_files() -> dict[str, _StaticFile]:
    swagger, redoc = _VENDOR / "swagger-ui", _VENDOR / "redoc"
    javascript = "text/javascript"
    redoc_bundle = (redoc / "redoc.standalone.js").read_bytes().replace(_REDOC_LOGO, _EMPTY_IMAGE)
    return {
        "swagger-ui.js": _file((swagger / "swagger-ui-bundle.js").read_bytes(), javascript),
        "swagger-ui.css": _file((swagger / "swagger-ui.css").read_bytes(), "text/css"),
        "swagger-start.js": _file(_SWAGGER_START.encode(), javascript),
        "redoc.js": _file(redoc_bundle, javascript),
        "redoc-start.js": _file(_REDOC_START.encode(), javascript),
        "favicon.png": _file((swagger / "favicon-32x32.png").read_bytes(), "image/png"),
    }


def _file(content: bytes, media_type: str) -> _StaticFile:
    return _StaticFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def _installed_version() -> str:
    try:
        return metadata.version("hirelog")
    except metadata.PackageNotFoundError:
        return "0"
