"""Accounts: registering, logging in, and the own profile."""

from typing import Annotated
from uuid import UUID, uuid4

import msgspec
from litestar import Response, get, post
from litestar.datastructures import State
from litestar.enums import RequestEncodingType
from litestar.params import Body as BodyKwarg
from litestar.params import JSONBody

from api.access import ANYONE, SIGNED_IN
from api.fields import Body, Email, Name, Password
from api.problems import ProblemError
from api.requests import AnyRequest, actor_of
from api.services import Services
from application.actor import Actor, Role
from application.commands import membership_id
from application.entity import encode, rehydrate
from application.recorded import Append, StreamPart, VersionConflict
from domain.identifiers import tenant_id
from domain.membership import MEMBERSHIP, MemberJoined, Membership
from infrastructure import accounts as table
from infrastructure.accounts import Account, Company


class RegisterBody(Body, frozen=True):
    """With a `company_name` the account founds a company and is its first admin; without one it is a candidate's."""

    email: Email
    password: Password
    name: Name
    company_name: Name | None = None


class LoginBody(Body, frozen=True):
    email: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=1024)]


class TokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """The OAuth2 password form; `username` is the e-mail address."""

    username: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=1024)]
    grant_type: str = "password"
    scope: str = ""
    client_id: str | None = None
    client_secret: str | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An account as its owner sees it."""

    id: UUID
    email: str
    name: str
    role: Role
    company_id: UUID | None
    company_name: str | None


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`expires_in` is in seconds. Refresh tokens are not issued yet."""

    access_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105 (the scheme's name)
    refresh_token: str | None = None


@post(
    "/auth/register",
    allow=ANYONE,
    tags=["Accounts"],
    security=[{}],
    problems=("409",),
    operation_id="register",
)
async def register(data: JSONBody[RegisterBody], state: State) -> Profile:
    """Make an account: a candidate's, or with `company_name` that of a company's founder and first admin."""
    services: Services = state.services
    password_hash = await services.passwords.hash(data.password)
    account_id = uuid4()
    company = None
    if data.company_name is not None:
        company = Company(company_id=tenant_id(uuid4()), name=data.company_name, founder_id=account_id)
    account = Account(
        account_id=account_id,
        email=data.email,
        name=data.name,
        password_hash=password_hash,
        company_id=None if company is None else company.company_id,
    )
    async with services.pool.connection() as connection:
        await table.register(connection, account, company)
    if company is not None:
        await _found(services, company)
    return await _profile(services, account, "candidate" if company is None else "admin")


@post(
    "/auth/login",
    allow=ANYONE,
    status_code=200,
    tags=["Accounts"],
    security=[{}],
    problems=("401",),
    operation_id="log_in",
)
async def login(data: JSONBody[LoginBody], state: State) -> Response[TokenAnswer]:
    """Exchange e-mail and password for an access token."""
    return await _log_in(state.services, data.email, data.password)


@post(
    "/auth/token",
    allow=ANYONE,
    media_types=("application/x-www-form-urlencoded",),
    status_code=200,
    tags=["Accounts"],
    security=[{}],
    problems=("401",),
    operation_id="oauth2_token",
)
async def token(
    data: Annotated[TokenForm, BodyKwarg(media_type=RequestEncodingType.URL_ENCODED)], state: State
) -> Response[TokenAnswer]:
    """The same as an OAuth2 password form, for OAuth2 clients and the documentation's Authorize button."""
    if data.grant_type != "password":
        raise ProblemError(400, "unsupported_grant_type", "Only the password grant is taken.")
    return await _log_in(state.services, data.username, data.password)


@get("/auth/me", allow=SIGNED_IN, tags=["Accounts"], operation_id="own_account")
async def me(request: AnyRequest, state: State) -> Profile:
    """The own account."""
    services: Services = state.services
    actor = actor_of(request)
    async with services.pool.connection() as connection:
        account = await table.by_id(connection, actor.account_id)
    if account is None:
        raise ProblemError(401, "unauthorized", "The account does not exist any more.")
    return await _profile(services, account, actor.role)


async def _log_in(services: Services, email: str, password: str) -> Response[TokenAnswer]:
    account = None
    if "\x00" not in email:
        async with services.pool.connection() as connection:
            account = await table.by_email(connection, email)
    password_hash = None if account is None else account.password_hash
    if not await services.passwords.matches(password, password_hash) or account is None:
        raise ProblemError(401, "wrong_credentials", "The e-mail address or the password is wrong.")
    role = await _role(services, account)
    company_id = None if role == "candidate" else account.company_id
    access_token = services.tokens.issue(Actor(account.account_id, role, company_id))
    answer = TokenAnswer(access_token=access_token, expires_in=services.tokens.lifetime_seconds)
    return Response(answer, headers={"Cache-Control": "no-store"})


async def _role(services: Services, account: Account) -> Role:
    """The role that the company's log says; a founder whose registration was cut short is made admin now."""
    if account.company_id is None:
        return "candidate"
    membership = await _membership(services, account.company_id)
    if not membership.roles:
        async with services.pool.connection() as connection:
            company = await table.company(connection, account.company_id)
        if company is not None and company.founder_id == account.account_id:
            await _found(services, company)
            return "admin"
    return membership.roles.get(account.account_id, "candidate")


async def _membership(services: Services, company_id: UUID) -> Membership:
    stream_id = membership_id(company_id)
    stream = await services.store.load(company_id, stream_id)
    membership: Membership = rehydrate(MEMBERSHIP, stream_id, stream).state
    return membership


async def _found(services: Services, company: Company) -> None:
    joined = encode(MemberJoined(account_id=company.founder_id, role="admin"))
    part = StreamPart(membership_id(company.company_id), 0, (joined,))
    try:
        await services.store.append(Append(company.company_id, (part,), uuid4(), company.founder_id))
    except VersionConflict:
        return


async def _profile(services: Services, account: Account, role: Role) -> Profile:
    company_name = None if account.company_id is None else await services.company_names.of(account.company_id)
    return Profile(
        id=account.account_id,
        email=account.email,
        name=account.name,
        role=role,
        company_id=account.company_id,
        company_name=company_name,
    )


HANDLERS = [register, login, token, me]
