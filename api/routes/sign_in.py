"""Signing in and out: passwords and refresh tokens for access tokens."""

from typing import Annotated, Final, assert_never

import msgspec
import structlog
from litestar import Response, post
from litestar.enums import RequestEncodingType
from litestar.params import Body as BodyKwarg
from litestar.params import JSONBody

from api.http.access import ANYONE, SIGNED_IN
from api.http.fields import Body
from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError, not_valid
from api.http.requests import AnyRequest, actor_of
from api.services import Services, services_of
from application.actor import Actor
from infrastructure.identity import accounts as table
from infrastructure.identity.accounts import Account
from infrastructure.identity.owner_mail import queue_for_owner
from infrastructure.identity.session_tokens import Granted, Reused
from infrastructure.identity.sessions import end_all_sessions, end_session

_log = structlog.get_logger(__name__)

Address = Annotated[str, msgspec.Meta(max_length=254)]
Secret = Annotated[str, msgspec.Meta(max_length=1024)]
RefreshToken = Annotated[str, msgspec.Meta(max_length=512)]


class LoginBody(Body, frozen=True):
    email: Address
    password: Secret


class TokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """The OAuth2 forms: `password` with `username` (the e-mail address) and `password`, or `refresh_token` with that."""

    username: Address = ""
    password: Secret = ""
    refresh_token: RefreshToken = ""
    grant_type: str = "password"
    scope: str = ""
    client_id: str | None = None
    client_secret: str | None = None


class RefreshBody(Body, frozen=True):
    refresh_token: RefreshToken


class LogoutBody(Body, frozen=True):
    """`everywhere` ends every session of the account."""

    everywhere: bool = False


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`expires_in` is how long the access token is taken, in seconds; the refresh token is good for one refresh."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105 (the scheme's name)


_WRONG: Final = "The e-mail address or the password is wrong."


@post(
    "/auth/login",
    allow=ANYONE,
    throttle="sign_in",
    status_code=200,
    tags=["Accounts"],
    security=[{}],
    problems=("401",),
    operation_id="log_in",
)
async def login(data: JSONBody[LoginBody], request: AnyRequest) -> Response[TokenAnswer]:
    """Exchange e-mail and password for an access token and a refresh token: a new session."""
    return await _log_in(services_of(request), request, data.email, data.password)


@post(
    "/auth/token",
    allow=ANYONE,
    throttle="sign_in",
    media_types=("application/x-www-form-urlencoded",),
    status_code=200,
    tags=["Accounts"],
    security=[{}],
    problems=("401",),
    operation_id="oauth2_token",
)
async def token(
    data: Annotated[TokenForm, BodyKwarg(media_type=RequestEncodingType.URL_ENCODED)],
    request: AnyRequest,
) -> Response[TokenAnswer]:
    """Login and refresh as OAuth2 forms, for OAuth2 clients and the documentation's Authorize button."""
    match data.grant_type:
        case "password":
            _check_given(username=data.username, password=data.password)
            return await _log_in(services_of(request), request, data.username, data.password)
        case "refresh_token":
            _check_given(refresh_token=data.refresh_token)
            return await _refreshed(services_of(request), data.refresh_token)
        case _:
            offered = "The grant types password and refresh_token are offered."
            raise ProblemError(400, "unsupported_grant_type", offered)


def _check_given(**fields: str) -> None:
    if missing := [name for name, value in fields.items() if not value]:
        raise not_valid(*(InvalidField(name, "missing required field") for name in missing))


@post(
    "/auth/refresh",
    allow=ANYONE,
    throttle="sign_in",
    status_code=200,
    tags=["Accounts"],
    security=[{}],
    problems=("401",),
    operation_id="refresh_tokens",
)
async def refresh(data: JSONBody[RefreshBody], request: AnyRequest) -> Response[TokenAnswer]:
    """Exchange a refresh token for a new pair; the old refresh token is spent.

    When the answer was lost, the same refresh token is answered again with the same successor for some seconds, until that was
    used. Any other use of a spent one ends the session, and the account's owner is told by mail.
    """
    return await _refreshed(services_of(request), data.refresh_token)


@post("/auth/logout", allow=SIGNED_IN, status_code=204, tags=["Accounts"], operation_id="log_out")
async def logout(
    request: AnyRequest,
    data: JSONBody[LogoutBody] = LogoutBody(),  # noqa: B008
) -> None:
    """End this session, or with `everywhere` all of the account: their tokens are refused from now on."""
    services = services_of(request)
    actor = actor_of(request)
    async with services.database.identity() as connection, connection.transaction():
        if data.everywhere:
            await end_all_sessions(connection, actor.account_id, "logout_everywhere")
        elif actor.session_id is not None:
            await end_session(connection, actor.account_id, actor.session_id, "logout")
    await services.revocations.refresh()


async def signed_in(services: Services, account: Account, granted: Granted) -> Response[TokenAnswer]:
    """The answer to whoever has just been granted a session or its continuation."""
    standing = await services.memberships.standing(account)
    actor = Actor(account.account_id, standing.role, standing.company_id, granted.session_id)
    answer = TokenAnswer(
        access_token=services.tokens.issue(actor, granted.granted_at),
        refresh_token=granted.refresh_token,
        expires_in=services.tokens.lifetime_seconds,
    )
    return Response(answer, headers={"Cache-Control": "no-store"})


async def _refreshed(services: Services, refresh_token: str) -> Response[TokenAnswer]:
    async with services.database.identity() as connection, connection.transaction():
        outcome = await services.session_tokens.refresh(connection, refresh_token)
        account = None if outcome is None else await table.by_id(connection, outcome.account_id)
        if isinstance(outcome, Reused) and account is not None:
            await queue_for_owner(connection, "sessions_ended", account)
    match outcome:
        case Granted() if account is not None:
            return await signed_in(services, account, outcome)
        case Reused():
            _log.warning("a spent refresh token was used again", account_id=str(outcome.account_id))
            services.mail.wake()
            await services.revocations.refresh()
        case Granted() | None:
            pass
        case _:
            assert_never(outcome)
    raise ProblemError(
        401, "invalid_refresh_token", "The refresh token is not good (any more): log in again."
    )


async def _log_in(
    services: Services, request: AnyRequest, email: str, password: str
) -> Response[TokenAnswer]:
    """Unknown, disabled or a wrong password: the same answer after the same work."""
    await services.throttle.password(request, email)
    account = None
    if "\x00" not in email:
        async with services.database.identity() as connection:
            account = await table.by_email(connection, email)
    password_hash = None if account is None else account.password_hash
    granted = None
    if await services.passwords.matches(password, password_hash) and account is not None:
        account = await _rehashed(services, account, password)
        async with services.database.identity() as connection:
            client = request.headers.get("user-agent", "")
            granted = await services.session_tokens.open(connection, account, client)
    if granted is None or account is None:
        raise ProblemError(401, "wrong_credentials", _WRONG)
    await services.throttle.password_was_right(request, email)
    return await signed_in(services, account, granted)


async def _rehashed(services: Services, account: Account, password: str) -> Account:
    """The account with a hash of the cost that is set now, when that has risen."""
    if not services.passwords.is_outdated(account.password_hash):
        return account
    password_hash = await services.passwords.hash(password)
    async with services.database.identity() as connection:
        if await table.change_password(connection, account, password_hash):
            return msgspec.structs.replace(account, password_hash=password_hash)
    return account


HANDLERS = [login, token, refresh, logout]
