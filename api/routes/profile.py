"""The own account: what its owner sees of it, another name, and another e-mail address once it is confirmed."""

from typing import Annotated, Any, Final, TypeAlias, cast, get_args
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.params import JSONBody
from msgspec.structs import asdict

from api.http.access import ANYONE, SIGNED_IN
from api.http.email_addresses import check_email
from api.http.fields import NO_NUL, Body, Email, Name
from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError
from api.http.requests import AnyRequest, actor_of
from api.services import Services, services_of
from application.actor import Actor, Role
from application.effects import Kind
from infrastructure.identity import accounts as table
from infrastructure.identity import one_use_codes
from infrastructure.identity.accounts import Account
from infrastructure.identity.owner_mail import queue_for_owner
from infrastructure.identity.sessions import opened_lately
from infrastructure.mail import preferences
from infrastructure.mail.account_mail import queue
from infrastructure.mail.preferences import ChangedChannels, Channels

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_NUL)]

_TYPED_LATELY_MINUTES: Final = 15

ChangedPreferences: TypeAlias = Annotated[
    dict[Kind, ChangedChannels],
    msgspec.Meta(extra_json_schema={"propertyNames": {"enum": list(get_args(Kind))}}),
]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An account as its owner sees it. `pending_email` is the address that it will have once the code that was mailed there
    comes back."""

    id: UUID
    email: str
    name: str
    role: Role
    company_id: UUID | None
    company_name: str | None
    pending_email: str | None = None


class OwnProfile(Profile, frozen=True, kw_only=True):
    """The own account with its preferences: per kind of news, whether it comes by `mail` and is shown `in_app`. Mail about the
    account itself is always sent."""

    notifications: dict[Kind, Channels]


class ProfileBody(Body, frozen=True):
    """What is given is changed; in `notifications` too, a kind or channel that is not named stays as it is. Another `email` needs the `password` when the session is older than 15 minutes."""

    name: Name | None = None
    email: Email | None = None
    password: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    notifications: ChangedPreferences | None = None


class EmailConfirmBody(Body, frozen=True):
    code: Code


class ConfirmedEmail(msgspec.Struct, frozen=True):
    """The address that the account has now."""

    email: str


def invalid_code() -> ProblemError:
    """Why a code is no good is not told."""
    return ProblemError(400, "invalid_code", "The code is wrong, was used, or is not good any more.")


@get("/auth/me", allow=SIGNED_IN, tags=["Accounts"], operation_id="own_account")
async def me(request: AnyRequest) -> OwnProfile:
    """The own account."""
    return await _profile(services_of(request), actor_of(request))


@patch("/auth/me", allow=SIGNED_IN, tags=["Accounts"], problems=("403", "429"), operation_id="change_account")
async def change(data: JSONBody[ProfileBody], request: AnyRequest) -> OwnProfile:
    """Change the own name and preferences at once, and the own e-mail address after its confirmation.

    A code is mailed to the new address; until `POST /auth/email/confirm` brings it back, the account keeps the old one. Whether
    somebody else has the address is not told. The present address takes a change that waits back.
    """
    services = services_of(request)
    actor = actor_of(request)
    if data.email is not None:
        check_email(data.email)
        await _begin_email_change(services, request, data.email, data.password)
    if data.name is not None:
        async with services.database.identity() as connection:
            await table.rename(connection, actor.account_id, data.name)
    if data.notifications:
        async with services.database.identity() as connection, connection.transaction():
            await preferences.change(connection, actor.account_id, data.notifications)
    return await _profile(services, actor)


@post(
    "/auth/email/confirm",
    allow=ANYONE,
    throttle="sign_in",
    status_code=200,
    tags=["Accounts"],
    security=[{}],
    problems=("409",),
    operation_id="confirm_email",
    rules=("email_taken",),
)
async def confirm_email(data: JSONBody[EmailConfirmBody], request: AnyRequest) -> ConfirmedEmail:
    """Give an account the address that the code was mailed to; the old address is told.

    Refused (409 `email_taken`) when somebody else has come to have it meanwhile.
    """
    services = services_of(request)
    async with services.database.identity() as connection, connection.transaction():
        purpose = await one_use_codes.spend(connection, "email_confirmation", data.code)
        account = None if purpose is None else await table.by_id(connection, purpose.account_id)
        if purpose is None or account is None:
            raise invalid_code()
        await table.change_email(connection, account.account_id, purpose.email)
        # A code for a new password that went to the old address must not outlive it.
        await one_use_codes.void(connection, account.account_id)
        await queue_for_owner(connection, "email_changed", account, new_email=purpose.email)
    services.mail.wake()
    return ConfirmedEmail(purpose.email)


async def _begin_email_change(
    services: Services, request: AnyRequest, email: str, password: str | None
) -> None:
    actor = actor_of(request)
    account = await _own(services, actor)
    if table.letter_box(email) == table.letter_box(account.email):
        async with services.database.identity() as connection:
            await one_use_codes.void(connection, account.account_id, "email_confirmation")
            if email != account.email:
                await table.change_email(connection, account.account_id, email)
        return
    await _check_presence(services, request, account, password)
    async with services.database.identity() as connection, connection.transaction():
        code = await one_use_codes.issue(connection, "email_confirmation", account.account_id, email)
        if code is None:
            raise ProblemError(
                429, "too_many_codes", "Too many codes were mailed for this account.", retry_after=3600
            )
        await queue(
            connection,
            "email_confirmation",
            account_id=account.account_id,
            email=email,
            parameters={"name": account.name, "code": code},
        )
    services.mail.wake()


async def _check_presence(
    services: Services, request: AnyRequest, account: Account, password: str | None
) -> None:
    """A token that somebody found is not enough to take an account over: its password was typed lately, or is sent."""
    if password is not None:
        await services.throttle.password(request, account.email)
        if not await services.passwords.matches(password, account.password_hash):
            wrong = InvalidField("password", "this is not the current password")
            raise ProblemError(400, "wrong_password", "The current password is wrong.", [wrong])
        await services.throttle.password_was_right(request, account.email)
        return
    session_id = actor_of(request).session_id
    async with services.database.identity() as connection:
        lately = session_id is not None and await opened_lately(
            connection, session_id, minutes=_TYPED_LATELY_MINUTES
        )
    if not lately:
        raise ProblemError(403, "password_needed", "Send the current password too, or log in again.")


async def _own(services: Services, actor: Actor) -> Account:
    async with services.database.identity() as connection:
        account = await table.by_id(connection, actor.account_id)
    if account is None:
        raise ProblemError(401, "unauthorized", "The account does not exist any more.")
    return account


async def _profile(services: Services, actor: Actor) -> OwnProfile:
    account = await _own(services, actor)
    async with services.database.identity() as connection:
        pending_email = await one_use_codes.awaited_email(connection, actor.account_id)
        chosen = await preferences.read(connection, actor.account_id)
    role = cast("Role", actor.role)  # no token is an operator's
    profile = await profile_of(services, account, role, pending_email)
    return OwnProfile(**asdict(profile), notifications=chosen)


async def profile_of(
    services: Services, account: Account, role: Role, pending_email: str | None = None
) -> Profile:
    """`role` is the one that the caller acts in."""
    company_id = None if role == "candidate" else account.company_id
    return Profile(
        id=account.account_id,
        email=account.email,
        name=account.name,
        role=role,
        company_id=company_id,
        company_name=None if company_id is None else await services.company_names.of(company_id),
        pending_email=pending_email,
    )


HANDLERS: list[Any] = [me, change, confirm_email]
