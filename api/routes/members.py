"""The members of the own company and their roles."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch
from litestar.params import FromPath, JSONBody

from api.http.access import ADMIN, STAFF
from api.http.fields import Body
from api.http.requests import AnyRequest, Cursor, IfMatch, Limit, company_of, metadata, versioned
from api.services import Services, services_of
from application.handle import Metadata, Outcome
from application.refusals import Forbidden, NotFound
from domain.membership import ChangeMemberRole, LeaveCompany, Membership, RemoveMember, StaffRole
from infrastructure.identity import accounts as table
from infrastructure.identity import invitations
from infrastructure.identity.memberships import Member
from infrastructure.identity.sessions import revoke
from projections.paging import Page, decode_cursor, encode_cursor

_ORDER = "members"


class MemberAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A member: `id` is that of the account; name and address are null for an account that was erased."""

    id: UUID
    name: str | None
    email: str | None
    role: StaffRole
    joined_at: datetime


class ChangedMember(MemberAnswer, frozen=True, kw_only=True):
    """The member after the change; `version` is that of the company's membership as a whole."""

    version: int
    position: int


class RemovedMember(msgspec.Struct, frozen=True, kw_only=True):
    """Who is no member any more; `version` is that of the company's membership as a whole."""

    id: UUID
    version: int
    position: int


class RoleBody(Body, frozen=True):
    role: StaffRole


@get("/company/members", allow=ADMIN, tags=["Company"], operation_id="list_members")
async def members(request: AnyRequest, limit: Limit = 50, cursor: Cursor = None) -> Page[MemberAnswer]:
    """The members of the own company, in the order in which they joined."""
    services = services_of(request)
    after = 0 if cursor is None else decode_cursor(cursor, _ORDER, int)[0]
    found = [one for one in await services.memberships.members(company_of(request)) if one.version > after]
    shown = found[:limit]
    following = encode_cursor(_ORDER, shown[-1].version, shown[-1].account_id) if len(found) > limit else None
    return Page(await _described(services, shown), following)


@patch(
    "/company/members/{member_id:uuid}",
    allow=ADMIN,
    tags=["Company"],
    operation_id="change_member",
    rules=("last_admin",),
)
async def change_member(
    member_id: FromPath[UUID],
    request: AnyRequest,
    data: JSONBody[RoleBody],
    if_match: IfMatch = None,
) -> Response[ChangedMember]:
    """Give a member another role. Access tokens with the old role are refused within seconds; a refresh brings the new one.

    The last admin keeps the role (409 `last_admin`).
    """
    services = services_of(request)
    how = await metadata(request, if_match, None)
    command = ChangeMemberRole(company_id=company_of(request), account_id=member_id, role=data.role)
    outcome = await _carry_out(services, command, how)
    joined = {one.account_id: one for one in await services.memberships.members(command.company_id)}
    if member_id not in joined:
        raise NotFound
    (described,) = await _described(services, [msgspec.structs.replace(joined[member_id], role=data.role)])
    answer = ChangedMember(
        **msgspec.structs.asdict(described), version=outcome.entity.version, position=outcome.position
    )
    return versioned(answer, outcome.entity.version)


@delete(
    "/company/members/{member_id:uuid}",
    allow=STAFF,
    status_code=200,
    tags=["Company"],
    problems=("403",),
    operation_id="remove_member",
    rules=("last_admin",),
)
async def remove_member(
    member_id: FromPath[UUID], request: AnyRequest, if_match: IfMatch = None
) -> Response[RemovedMember]:
    """Remove a member, or leave oneself: the account becomes a candidate's again, and may be invited anew.

    Admins remove anybody, others only themselves. The last admin cannot go (409 `last_admin`).
    """
    services = services_of(request)
    how = await metadata(request, if_match, None)
    company_id = company_of(request)
    command = (
        LeaveCompany(company_id=company_id, account_id=member_id)
        if member_id == how.actor.account_id
        else RemoveMember(company_id=company_id, account_id=member_id)
    )
    outcome = await _carry_out(services, command, how)
    if not outcome.changed:
        raise NotFound
    await services.memberships.reconcile(member_id)
    answer = RemovedMember(id=member_id, version=outcome.entity.version, position=outcome.position)
    return versioned(answer, outcome.entity.version)


async def _carry_out(
    services: Services, command: ChangeMemberRole | RemoveMember | LeaveCompany, how: Metadata
) -> Outcome[Membership]:
    """Change a membership, and have every token of the member refused that was issued before.

    They are revoked before and after: then no end of this process in between leaves one with the old role.
    """
    if how.actor.role != "admin" and not isinstance(command, LeaveCompany):
        raise Forbidden("Only an admin may change members.")
    company_id, member_id = command.company_id, command.account_id
    if member_id not in (await services.memberships.state(company_id)).roles:
        raise NotFound

    async def revoke_tokens() -> None:
        async with services.database.identity() as connection:
            await revoke(connection, member_id)

    how = msgspec.structs.replace(how, before_append=revoke_tokens)
    outcome: Outcome[Membership] = await services.commands.handle(command, how)
    if outcome.changed:
        async with services.database.of(how.actor) as connection, connection.transaction():
            await revoke(connection, member_id)
            if outcome.entity.state.roles.get(member_id) != "admin":
                await invitations.revoke_sent_by(connection, company_id, member_id)
        await services.revocations.refresh()
    return outcome


async def _described(services: Services, found: list[Member]) -> list[MemberAnswer]:
    async with services.database.identity() as connection:
        contacts = await table.contacts(connection, [one.account_id for one in found])
    return [
        MemberAnswer(
            id=one.account_id,
            name=contacts[one.account_id][0] if one.account_id in contacts else None,
            email=contacts[one.account_id][1] if one.account_id in contacts else None,
            role=one.role,
            joined_at=one.joined_at,
        )
        for one in found
    ]


HANDLERS: list[Any] = [members, change_member, remove_member]
