"""Every error is an RFC 9457 problem: `type`, `title`, `status`, `detail`, `code`, and `errors[]` for what is invalid."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from api.chart import ChartUnavailable
from application.recorded import LogUnavailable
from application.refusals import Forbidden, IdempotencyKeyReused, NotFound, Refused, StaleVersion
from infrastructure.accounts import EmailTaken
from infrastructure.min_position import ReadModelBehind

_log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]


class InvalidField(msgspec.Struct, frozen=True):
    """What is wrong with one field (`$` is the whole body)."""

    field: str
    reason: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as clients see it. `code` names it stably; `allowed` says what would have been."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[InvalidField] = []
    allowed: list[str] = []


class ProblemError(Exception):
    """An error of the API's own, raised with the problem that it is."""

    def __init__(self, status: int, code: str, detail: str, errors: list[InvalidField] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[InvalidField] | None = None,
    allowed: tuple[str, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    """The response for a problem."""
    content = Problem(
        type=f"/problems/{code.replace('_', '-')}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        errors=errors or [],
        allowed=list(allowed),
    )
    return Response(
        content, status_code=status, media_type="application/problem+json", headers=dict(headers or {})
    )


Handler = Callable[[AnyRequest, Any], Response[Problem]]

_RETRY: Final = {"Retry-After": "1"}
_PLACE: Final = re.compile(r"^(?P<reason>.*?) - at `\$?\.?(?P<field>.*)`$", re.DOTALL)
_PATTERN: Final = re.compile(r"Expected `str` matching regex .*", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"unknown field `(?P<field>.*?)`")


def _invalid(request: AnyRequest, error: ValidationException) -> Response[Problem]:
    found = error.extra if isinstance(error.extra, list) else []
    errors = [
        _field(str(item.get("key", "")), str(item.get("message", "")))
        for item in found
        if isinstance(item, dict)
    ]
    return problem(
        400, "invalid", "The request is not valid.", errors=errors or [InvalidField("$", error.detail)]
    )


def _field(key: str, message: str) -> InvalidField:
    place = _PLACE.match(message)
    reason = _PATTERN.sub(
        "Expected text without control characters, not blank, of the documented form",
        place["reason"] if place else message,
    )
    unknown = _UNKNOWN_FIELD.search(reason)
    field = unknown["field"] if unknown else key or (place["field"] if place else "") or "$"
    return InvalidField(field, reason)


def _http(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    status = error.status_code
    code = HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() != "content-type"}
    if status >= 500:
        return problem(status, code, "Something went wrong here; it has been logged.", headers=headers)
    detail = error.detail if status != 404 else "There is nothing here."
    return problem(status, "invalid" if status == 400 else code, detail, headers=headers)


def _refused(request: AnyRequest, error: Refused) -> Response[Problem]:
    rejected = error.rejected
    if rejected.code.endswith("_not_found"):
        return problem(404, "not_found", "There is nothing here.")
    return problem(409, rejected.code, rejected.reason, allowed=rejected.allowed)


def _unexpected(request: AnyRequest, error: Exception) -> Response[Problem]:
    _log.error("unexpected", path=request.scope["path"], method=request.method, exc_info=error)
    return problem(500, "internal_server_error", "Something went wrong here; it has been logged.")


def _database(request: AnyRequest, error: Exception) -> Response[Problem]:
    _log.warning("database unavailable", error=type(error).__name__)
    return problem(503, "database_unavailable", "The database cannot be reached now.", headers=_RETRY)


def _unavailable(code: str) -> Handler:
    def answer(request: AnyRequest, error: Exception) -> Response[Problem]:
        return problem(503, code, str(error) or "Try again soon.", headers=_RETRY)

    return answer


def _stale(request: AnyRequest, error: StaleVersion) -> Response[Problem]:
    return problem(412, "stale_version", f"{error}.", headers={"ETag": f'"{error.version}"'})


EXCEPTION_HANDLERS: Final[dict[int | type[Exception], Handler]] = {
    ValidationException: _invalid,
    HTTPException: _http,
    ProblemError: lambda request, error: problem(error.status, error.code, error.detail, errors=error.errors),
    Refused: _refused,
    NotFound: lambda request, error: problem(404, "not_found", "There is nothing here."),
    Forbidden: lambda request, error: problem(403, "forbidden", str(error) or "This is not for you."),
    StaleVersion: _stale,
    IdempotencyKeyReused: lambda request, error: problem(
        409, "idempotency_key_reused", "This Idempotency-Key came with another request before."
    ),
    EmailTaken: lambda request, error: problem(409, "email_taken", "There is an account with this address."),
    LogUnavailable: _unavailable("log_unavailable"),
    ReadModelBehind: _unavailable("read_model_behind"),
    ChartUnavailable: _unavailable("chart_unavailable"),
    psycopg.OperationalError: _database,
    RecursionError: lambda request, error: problem(400, "invalid", "The body is nested too deeply."),
    Exception: _unexpected,
}
