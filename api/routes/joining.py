"""Accepting an invitation: with a new account, or with the one that a person has."""

from typing import Any
from uuid import uuid4

from litestar import post
from litestar.params import JSONBody
from msgspec.structs import asdict
from psycopg import AsyncConnection

from api.http.access import VISITOR, caller
from api.http.fields import Body, Name, Password
from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError, not_valid
from api.http.requests import AnyRequest
from api.routes.passwords import check_password
from api.routes.profile import Code, Profile, invalid_code, profile_of
from api.services import Services, services_of
from infrastructure.identity import accounts as table
from infrastructure.identity import invitations
from infrastructure.identity.accounts import Account, EmailTaken
from infrastructure.identity.invitations import Invitation
from infrastructure.identity.owner_mail import queue_for_owner
from infrastructure.identity.sessions import revoke


class AcceptBody(Body, frozen=True):
    """A new account needs `name` and `password`; whoever has an account with the address that was invited gives its password,
    or is logged in with it."""

    code: Code
    name: Name | None = None
    password: Password | None = None


class JoinedProfile(Profile, frozen=True, kw_only=True):
    """The account as it is now; `position` is where the company's log says that it joined."""

    position: int


@post(
    "/auth/invitations/accept",
    allow=VISITOR,
    tags=["Accounts"],
    security=[{}, {"bearer": []}],
    problems=("409",),
    throttle="sign_in",
    operation_id="accept_invitation",
    rules=("already_a_member", "member_of_another_company", "invited_another_address", "email_taken"),
)
async def accept(data: JSONBody[AcceptBody], request: AnyRequest) -> JoinedProfile:
    """Join the company that the code invites to, in the role that it was sent for.

    A candidate becomes staff; their applications stay theirs. Whoever belongs to a company is refused (409 `already_a_member`,
    `member_of_another_company`). Tokens from before are refused: log in, or refresh.
    """
    services = services_of(request)
    company_id = invitations.company_of(data.code)
    if company_id is None:
        raise invalid_code()
    async with services.database.of_tenant(company_id) as connection:
        invitation = await invitations.by_code(connection, data.code)
    if invitation is None or not await _inviter_may_invite(services, invitation):
        raise invalid_code()
    account = await _known(services, invitation, data, request)
    if account is None:
        account = await _new(services, invitation, data)
        is_new = True
    else:
        await _check_is_free(services, invitation, account)
        is_new = False
    await _claim(services, invitation, account, is_new=is_new)
    standing = await services.memberships.reconcile(account.account_id)
    async with services.database.identity() as connection:
        await revoke(connection, account.account_id)
        settled = await table.by_id(connection, account.account_id)
    await services.revocations.refresh()
    services.mail.wake()
    if settled is None or standing.company_id != invitation.tenant_id:
        raise invalid_code()
    members = await services.memberships.members(invitation.tenant_id)
    joined = next((member for member in members if member.account_id == settled.account_id), None)
    if joined is None:  # and removed in this very moment
        raise invalid_code()
    profile = await profile_of(services, settled, standing.role)
    return JoinedProfile(**asdict(profile), position=joined.position)


async def _inviter_may_invite(services: Services, invitation: Invitation) -> bool:
    """Who was disabled may have sent it with a token that was taken for another moment."""
    membership = await services.memberships.state(invitation.tenant_id)
    async with services.database.identity() as connection:
        enabled = await table.is_enabled(connection, invitation.inviter_id)
    return enabled and membership.roles.get(invitation.inviter_id) == "admin"


async def _known(
    services: Services, invitation: Invitation, data: AcceptBody, request: AnyRequest
) -> Account | None:
    """The account that accepts; None when the address has none. Raises a problem when it is not its owner who asks."""
    actor = caller(request.scope)
    async with services.database.identity() as connection:
        if actor is not None:
            account = await table.by_id(connection, actor.account_id)
            if account is None or table.letter_box(account.email) != table.letter_box(invitation.email):
                raise ProblemError(
                    409, "invited_another_address", "The invitation was sent to another address than yours."
                )
            return account
        account = await table.by_email(connection, invitation.email)
    if account is None:
        return None
    if data.password is None:
        raise _missing("password")
    await services.throttle.password(request, account.email)
    if not await services.passwords.matches(data.password, account.password_hash):
        async with services.database.of_tenant(invitation.tenant_id) as connection:
            await invitations.count_wrong_password(connection, invitation)
        raise ProblemError(
            401, "wrong_credentials", "There is an account with this address: give its password."
        )
    return account


async def _new(services: Services, invitation: Invitation, data: AcceptBody) -> Account:
    missing = [name for name in ("name", "password") if getattr(data, name) is None]
    if data.name is None or data.password is None:
        raise _missing(*missing)
    company_name = await services.company_names.of(invitation.tenant_id)
    check_password(data.password, "password", data.name, invitation.email, company_name)
    return Account(
        account_id=uuid4(),
        email=invitation.email,
        name=data.name,
        password_hash=await services.passwords.hash(data.password),
        company_id=invitation.tenant_id,
    )


async def _check_is_free(services: Services, invitation: Invitation, account: Account) -> None:
    standing = await services.memberships.standing(account)
    if standing.company_id is None:
        return
    if standing.company_id == invitation.tenant_id:
        raise ProblemError(409, "already_a_member", f"You are a member as {standing.role}.")
    raise _elsewhere()


async def _claim(services: Services, invitation: Invitation, account: Account, *, is_new: bool) -> None:
    """Use the invitation up and say in the account's row which log to ask: from here on, joining completes itself."""
    async with services.database.of_tenant(invitation.tenant_id) as connection, connection.transaction():
        if not await invitations.accept(connection, invitation, account.account_id):
            raise invalid_code()
        if is_new:
            await _store(connection, account)
        elif not await table.claim_company(connection, account.account_id, invitation.tenant_id):
            belongs = await table.lock_company(connection, account.account_id)
            raise invalid_code() if belongs is None else _elsewhere()
        await revoke(connection, account.account_id)


async def _store(connection: AsyncConnection[Any], account: Account) -> None:
    try:
        await table.register(connection, account, None)
    except EmailTaken as error:
        raise ProblemError(
            409, "email_taken", "An account with this address was made just now: give its password."
        ) from error
    await queue_for_owner(connection, "welcome", account)


def _elsewhere() -> ProblemError:
    return ProblemError(
        409, "member_of_another_company", "A person belongs to one company at a time: leave the other first."
    )


def _missing(*names: str) -> ProblemError:
    return not_valid(*(InvalidField(name, "needed here") for name in names))


HANDLERS: list[Any] = [accept]
