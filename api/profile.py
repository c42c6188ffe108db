"""An account as its owner sees it, and the role that its company's log says."""

from uuid import UUID, uuid4

import msgspec

from api.services import Services
from application.actor import Role
from application.commands import membership_id
from application.entity import encode, rehydrate
from application.recorded import Append, StreamPart, VersionConflict
from domain.membership import MEMBERSHIP, MemberJoined, Membership
from infrastructure import accounts as table
from infrastructure.accounts import Account, Company


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An account as its owner sees it."""

    id: UUID
    email: str
    name: str
    role: Role
    company_id: UUID | None
    company_name: str | None


async def role_of(services: Services, account: Account) -> Role:
    """The role that the company's log says; its founder begins that log, as its first admin."""
    if account.company_id is None:
        return "candidate"
    membership = await membership_of(services, account.company_id)
    if not membership.roles:
        async with services.pool.connection() as connection:
            company = await table.company(connection, account.company_id)
        if company is not None and company.founder_id == account.account_id:
            await _found(services, company)
            return "admin"
    return membership.roles.get(account.account_id, "candidate")


async def membership_of(services: Services, company_id: UUID) -> Membership:
    """Who holds which role in a company now."""
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


async def profile_of(services: Services, account: Account, role: Role) -> Profile:
    """`role` is the one that the caller acts in."""
    company_name = None if account.company_id is None else await services.company_names.of(account.company_id)
    return Profile(
        id=account.account_id,
        email=account.email,
        name=account.name,
        role=role,
        company_id=account.company_id,
        company_name=company_name,
    )
