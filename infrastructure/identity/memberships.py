"""Who belongs to a company, in which role: the company's log decides, and the account's row follows it.

To ask a log one must know whose it is, and a person belongs to one company at a time: both is what `account.company_id` is for. It is
claimed before somebody joins and released after they left, and whoever finds the two apart (a process ended in between) makes
them agree again, holding the account's row: a claim whose invitation was not recorded yet is completed, another released.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import msgspec
from psycopg import AsyncConnection

from application.actor import Actor, Role
from application.commands import membership_id
from application.entity import Entity, decode, pages
from application.handle import CommandHandler, Metadata
from application.ports import EventLog
from application.recorded import StoredEvent
from application.refusals import Refused
from domain.membership import (
    MEMBERSHIP,
    AcceptInvitation,
    FoundCompany,
    MemberJoined,
    MemberLeft,
    MemberRoleChanged,
    Membership,
    StaffRole,
)
from infrastructure.database.tenant_walls import Database, show
from infrastructure.identity import accounts, invitations
from infrastructure.identity.accounts import Account


class Standing(msgspec.Struct, frozen=True):
    """What an account is now: a candidate, or a company's member in a role."""

    role: Role
    company_id: UUID | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member as the log says; `version` and `position` are those of their joining, in the membership's stream and in the log."""

    account_id: UUID
    role: StaffRole
    joined_at: datetime
    version: int
    position: int


CANDIDATE: Final = Standing("candidate")


class Memberships:
    """Reads and repairs memberships."""

    def __init__(self, log: EventLog, commands: CommandHandler, database: Database) -> None:
        self._log = log
        self._commands = commands
        self._database = database

    async def members(self, company_id: UUID) -> list[Member]:
        """A company's members in the order in which they joined."""
        members: dict[UUID, Member] = {}
        async for page in pages(self._log, company_id, membership_id(company_id)):
            for stored in page:
                _tell(members, stored)
        return sorted(members.values(), key=lambda member: member.version)

    async def state(self, company_id: UUID) -> Membership:
        """Who holds which role in a company now."""
        return (await self._current(company_id)).state

    async def standing(self, account: Account) -> Standing:
        """What an account is now, completing or clearing away what was cut short."""
        if account.company_id is None:
            return CANDIDATE
        role = (await self.state(account.company_id)).roles.get(account.account_id)
        if role is not None:
            return Standing(role, account.company_id)
        return await self.reconcile(account.account_id)

    async def reconcile(self, account_id: UUID) -> Standing:
        """Make an account's row agree with the log of the company that it names."""
        async with self._database.identity() as connection, connection.transaction():
            company_id = await accounts.lock_company(connection, account_id)
            if company_id is None:
                return CANDIDATE
            await show(connection, (company_id,))
            membership = await self._current(company_id)
            if account_id not in membership.state.roles:
                await self._complete(connection, company_id, account_id, is_new=membership.version == 0)
                membership = await self._current(company_id)
            role = membership.state.roles.get(account_id)
            if role is not None:
                return Standing(role, company_id)
            await accounts.release_company(connection, account_id)
            return CANDIDATE

    async def _complete(
        self, connection: AsyncConnection[Any], company_id: UUID, account_id: UUID, *, is_new: bool
    ) -> None:
        """Record a joining that was not recorded yet: the founder's in a company that `is_new`, or another's by invitation. Of one
        that was recorded, nothing is written a second time."""
        company = await accounts.company(connection, company_id) if is_new else None
        if company is not None and company.founder_id == account_id:
            await self._join(FoundCompany(company_id=company_id, account_id=account_id), uuid4())
            return
        invitation = await invitations.accepted(connection, company_id, account_id)
        if invitation is None:
            return
        command = AcceptInvitation(
            company_id=company_id,
            account_id=account_id,
            role=invitation.role,
            invited_by=invitation.inviter_id,
        )
        try:
            await self._join(command, uuid5(invitation.invitation_id, "accept"))
        except Refused:
            await invitations.revoke_accepted(connection, invitation)

    async def _join(self, command: FoundCompany | AcceptInvitation, command_id: UUID) -> None:
        actor = Actor(command.account_id, "candidate")
        await self._commands.handle(command, Metadata(actor, command_id, repeatable=True))

    async def _current(self, company_id: UUID) -> Entity[Membership]:
        return await self._commands.current(MEMBERSHIP, membership_id(company_id))


def _tell(members: dict[UUID, Member], stored: StoredEvent) -> None:
    """Change the members as an event says."""
    match decode(MEMBERSHIP, stored):
        case MemberJoined(account_id=account_id, role=role):
            members[account_id] = Member(
                account_id=account_id,
                role=role,
                joined_at=stored.recorded_at,
                version=stored.version,
                position=stored.position,
            )
        case MemberRoleChanged(account_id=account_id, to_role=role):
            members[account_id] = msgspec.structs.replace(members[account_id], role=role)
        case MemberLeft(account_id=account_id):
            members.pop(account_id, None)
        case _:
            raise TypeError(f"{stored.type} is no event of a membership")
