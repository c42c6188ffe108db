"""Every error is an RFC 9457 problem: `type`, `title`, `status`, `detail`, `code`, and `errors[]` for what is invalid."""

import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import UNSET, UnsetType

from api.charts.renderer import ChartUnavailable
from api.http.invalid_fields import InvalidField, invalid
from api.http.methods import allow
from application.recorded import LogUnavailable
from application.refusals import Forbidden, IdempotencyKeyReused, NotFound, Refused, StaleVersion
from infrastructure.database.connection_pools import ReadOnlyDatabase
from infrastructure.identity.accounts import EmailTaken
from infrastructure.identity.password_resets import ResetsBusy
from infrastructure.identity.passwords import PasswordsBusy
from infrastructure.identity.rate_limits import LimitsUnavailable, RateLimited
from infrastructure.identity.revocations import RevocationsUnknown
from infrastructure.identity.signing_keys import NoSigningKey
from infrastructure.read_models.min_position import ReadModelBehind
from infrastructure.resumes.blobs import BlobsUnavailable
from infrastructure.resumes.kind import ResumeRefused
from infrastructure.resumes.reader import ResumesBusy
from projections.paging import InvalidCursor

_log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]

_NOT_VALID: Final = "The request is not valid."


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as clients see it. `code` names it stably; `allowed` says what could be chosen instead, if anything, where a choice
    was refused."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[InvalidField] = []
    allowed: list[str] | UnsetType = UNSET


class ProblemError(Exception):
    """An error of the API's own, raised with the problem that it is."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: list[InvalidField] | None = None,
        *,
        allowed: tuple[str, ...] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.allowed = allowed
        self.retry_after = retry_after


def not_valid(*errors: InvalidField) -> ProblemError:
    """What a handler raises for fields that are well-formed and still not valid."""
    return ProblemError(400, "invalid", _NOT_VALID, list(errors))


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[InvalidField] | None = None,
    allowed: tuple[str, ...] | None = None,
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
        allowed=UNSET if allowed is None else list(allowed),
    )
    return Response(
        content, status_code=status, media_type="application/problem+json", headers=dict(headers or {})
    )


def incomplete() -> Response[Problem]:
    """For who stopped within a request."""
    return problem(408, "request_timeout", "The request did not come whole in time.")


Handler = Callable[[AnyRequest, Any], Response[Problem]]

_RETRY: Final = {"Retry-After": "1"}
_GONE: Final = "client disconnected prematurely"
"""What Litestar says of a body that ended early; nobody reads the answer, and it is no fault of ours to be counted."""
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def _invalid(request: AnyRequest, error: ValidationException) -> Response[Problem]:
    found = error.extra if isinstance(error.extra, list) else []
    errors = [_found(item) for item in found if isinstance(item, dict)]
    return problem(400, "invalid", _NOT_VALID, errors=errors or [InvalidField("$", error.detail)])


def _found(item: dict[str, object]) -> InvalidField:
    """What Litestar found; it calls the whole body `data`, and a missing one `'data'`."""
    field, message = str(item.get("key", "")), str(item.get("message", ""))
    if message == "'data'":
        return InvalidField("$", "a body is needed")
    return invalid(message, "" if field == "data" else field)


def _http(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    status = error.status_code
    code = HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() != "content-type"}
    if "allow" in headers:
        headers["allow"] = allow(headers["allow"].split(", "))
    if status == 413:
        return problem(413, "too_large", "The body is too large.", headers=headers)
    if error.detail == _GONE:
        return incomplete()
    if status >= 500:
        return problem(status, code, "Something went wrong here; it has been logged.", headers=headers)
    detail = error.detail if status != 404 else "There is nothing here."
    return problem(status, "invalid" if status == 400 else code, detail, headers=headers)


def _refused(request: AnyRequest, error: Refused) -> Response[Problem]:
    rejected = error.rejected
    if rejected.code.endswith("_not_found"):
        return problem(404, "not_found", "There is nothing here.")
    return problem(409, rejected.code, rejected.reason, allowed=rejected.allowed)


def _own(request: AnyRequest, error: ProblemError) -> Response[Problem]:
    headers = dict(_CHALLENGE) if error.status == 401 else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return problem(
        error.status, error.code, error.detail, errors=error.errors, allowed=error.allowed, headers=headers
    )


def _unexpected(request: AnyRequest, error: Exception) -> Response[Problem]:
    _log.error("unexpected", method=request.method, route=_route(request), exception=describe_error(error))
    return problem(500, "internal_server_error", "Something went wrong here; it has been logged.")


def _route(request: AnyRequest) -> str:
    template: str = request.scope.get("path_template", "")
    return template


def describe_error(error: BaseException) -> str:
    """An error with where it was raised, for the log. What PostgreSQL says may quote a row, so of that only the rule."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    if isinstance(error, psycopg.Error):
        diagnosis = error.diag
        said = f"{error.sqlstate} {diagnosis.table_name or ''} {diagnosis.constraint_name or ''}".strip()
    else:
        said = str(error)
    return f"{frames}{type(error).__name__}: {said}"


def _database(request: AnyRequest, error: Exception) -> Response[Problem]:
    _log.warning("database unavailable", error=type(error).__name__)
    read_only = isinstance(error, ReadOnlyDatabase)
    detail = f"The database {'takes no writes' if read_only else 'cannot be reached'} now."
    return problem(503, "database_unavailable", detail, headers=_RETRY)


def _of_another_version(request: AnyRequest, error: Exception) -> Response[Problem]:
    _log.error(
        "the database lacks something",
        method=request.method,
        route=_route(request),
        exception=describe_error(error),
    )
    detail = "What this asks for is of another version of Hirelog than the database: see `/health/ready`."
    return problem(503, "database_unavailable", detail, headers=_RETRY)


def _log_unavailable(request: AnyRequest, error: LogUnavailable) -> Response[Problem]:
    _log.warning("log unavailable", reason=str(error))
    return problem(503, "log_unavailable", "The log cannot take or answer this now.", headers=_RETRY)


def _unavailable(code: str) -> Handler:
    def answer(request: AnyRequest, error: Exception) -> Response[Problem]:
        return problem(503, code, str(error) or "Try again soon.", headers=_RETRY)

    return answer


def _resume_refused(request: AnyRequest, error: ResumeRefused) -> Response[Problem]:
    return problem(415 if error.reason == "unsupported_media_type" else 422, error.reason, error.detail)


def _too_many(request: AnyRequest, error: RateLimited) -> Response[Problem]:
    allowance = error.allowance
    headers = {
        "Retry-After": str(allowance.reset),
        "RateLimit-Limit": str(allowance.limit),
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(allowance.reset),
    }
    return problem(429, "too_many_requests", str(error), headers=headers)


def _stale(request: AnyRequest, error: StaleVersion) -> Response[Problem]:
    return problem(412, "stale_version", f"{error}.", headers={"ETag": f'"{error.version}"'})


EXCEPTION_HANDLERS: Final[dict[int | type[Exception], Handler]] = {
    ValidationException: _invalid,
    HTTPException: _http,
    ProblemError: _own,
    InvalidCursor: lambda request, error: problem(
        400, "invalid", _NOT_VALID, errors=[InvalidField("cursor", str(error))]
    ),
    Refused: _refused,
    NotFound: lambda request, error: problem(404, "not_found", "There is nothing here."),
    Forbidden: lambda request, error: problem(403, "forbidden", str(error) or "This is not for you."),
    StaleVersion: _stale,
    IdempotencyKeyReused: lambda request, error: problem(
        409, "idempotency_key_reused", "This Idempotency-Key came with another request before."
    ),
    EmailTaken: lambda request, error: problem(409, "email_taken", "There is an account with this address."),
    ResumeRefused: _resume_refused,
    ResumesBusy: _unavailable("resumes_busy"),
    BlobsUnavailable: _unavailable("files_unavailable"),
    LogUnavailable: _log_unavailable,
    ReadModelBehind: _unavailable("read_model_behind"),
    ChartUnavailable: _unavailable("chart_unavailable"),
    PasswordsBusy: _unavailable("logins_busy"),
    ResetsBusy: _unavailable("resets_busy"),
    RateLimited: _too_many,
    LimitsUnavailable: _unavailable("limits_unavailable"),
    RevocationsUnknown: _unavailable("sessions_unknown"),
    NoSigningKey: _unavailable("sessions_unknown"),
    psycopg.OperationalError: _database,
    psycopg.errors.UndefinedColumn: _of_another_version,
    psycopg.errors.UndefinedFunction: _of_another_version,
    psycopg.errors.UndefinedTable: _of_another_version,
    Exception: _unexpected,
}
