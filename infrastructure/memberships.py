"""Who belongs to a company, in which role: the company's log decides, and the account's row follows it.

To ask a log one must know whose it is, and a person belongs to one company at a time: both is what `account.company_id` is for. It is
claimed before somebody joins and released after they left, and whoever finds the two apart (a process ended in between) makes
them agree again, holding the account's row: a claim whose invitation was not recorded yet is completed, another released.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import msgspec
from psycopg import AsyncConnection

from application.actor import Actor, Role
from application.commands import membership_id
from application.entity import decode, encode, rehydrate
from application.handle import CommandHandler, Metadata
from application.ports import EventLog
from application.recorded import Append, StoredEvent, StreamPart, VersionConflict
from application.refusals import Refused
from domain.membership import (
    MEMBERSHIP,
    AcceptInvitation,
    MemberJoined,
    MemberLeft,
    MemberRoleChanged,
    Membership,
    StaffRole,
)
from infrastructure import accounts, invitations
from infrastructure.accounts import Account
from infrastructure.invitations import Invitation
from infrastructure.tenant_walls import Database, show


class Standing(msgspec.Struct, frozen=True):
    """What an account is now: a candidate, or a company's member in a role."""

    role: Role
    company_id: UUID | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member as the log says; `version` is that of their joining in the membership's stream."""

    account_id: UUID
    role: StaffRole
    joined_at: datetime
    version: int


CANDIDATE: Final = Standing("candidate")


class Memberships:
    """Reads and repairs memberships."""

    def __init__(self, log: EventLog, commands: CommandHandler, database: Database) -> None:
        self._log = log
        self._commands = commands
        self._database = database

    async def members(self, company_id: UUID) -> list[Member]:
        """A company's members in the order in which they joined."""
        return _members(await self._stream(company_id))

    async def state(self, company_id: UUID) -> Membership:
        """Who holds which role in a company now."""
        return _state(company_id, await self._stream(company_id))

    async def standing(self, account: Account) -> Standing:
        """What an account is now, completing or clearing away what was cut short."""
        if account.company_id is None:
            return CANDIDATE
        role = (await self.state(account.company_id)).roles.get(account.account_id)
        if role is not None:
            return Standing(role, account.company_id)
        return await self.settle(account.account_id)

    async def settle(self, account_id: UUID) -> Standing:
        """Make an account's row agree with the log of the company that it names."""
        async with self._database.identity() as connection, connection.transaction():
            company_id = await accounts.lock_company(connection, account_id)
            if company_id is None:
                return CANDIDATE
            await show(connection, (company_id,))
            stream = await self._stream(company_id)
            role = _state(company_id, stream).roles.get(account_id)
            if role is None:
                role = await self._completed(connection, company_id, account_id, stream)
            if role is not None:
                return Standing(role, company_id)
            await accounts.release_company(connection, account_id)
            return CANDIDATE

    async def _completed(
        self,
        connection: AsyncConnection[Any],
        company_id: UUID,
        account_id: UUID,
        stream: Sequence[StoredEvent],
    ) -> StaffRole | None:
        """The role of somebody whose joining was not recorded yet; None for who has left."""
        if not stream:
            company = await accounts.company(connection, company_id)
            if company is not None and company.founder_id == account_id:
                return await self._found(company_id, account_id)
        invitation = await invitations.accepted(connection, company_id, account_id)
        if invitation is None or any(stored.command_id == _command_id(invitation) for stored in stream):
            return None
        try:
            return await self._join(invitation, account_id)
        except Refused:
            await invitations.revoke_accepted(connection, invitation)
            return None

    async def _found(self, company_id: UUID, founder_id: UUID) -> StaffRole | None:
        joined = encode(MemberJoined(account_id=founder_id, role="admin"))
        part = StreamPart(membership_id(company_id), 0, (joined,))
        try:
            await self._log.append(Append(company_id, (part,), uuid4(), founder_id))
        except VersionConflict:
            return (await self.state(company_id)).roles.get(founder_id)
        return "admin"

    async def _join(self, invitation: Invitation, account_id: UUID) -> StaffRole:
        command = AcceptInvitation(
            company_id=invitation.tenant_id,
            account_id=account_id,
            role=invitation.role,
            invited_by=invitation.inviter_id,
        )
        actor = Actor(account_id, "candidate")
        await self._commands.handle(command, Metadata(actor, _command_id(invitation), repeatable=True))
        return invitation.role

    async def _stream(self, company_id: UUID) -> list[StoredEvent]:
        return await self._log.load(company_id, membership_id(company_id))


def _command_id(invitation: Invitation) -> UUID:
    """An invitation is accepted once, however often that is tried."""
    return uuid5(invitation.invitation_id, "accept")


def _state(company_id: UUID, stream: Sequence[StoredEvent]) -> Membership:
    membership: Membership = rehydrate(MEMBERSHIP, membership_id(company_id), stream).state
    return membership


def _members(stream: Sequence[StoredEvent]) -> list[Member]:
    members: dict[UUID, Member] = {}
    for stored in stream:
        match decode(MEMBERSHIP, stored):
            case MemberJoined(account_id=account_id, role=role):
                members[account_id] = Member(
                    account_id=account_id, role=role, joined_at=stored.recorded_at, version=stored.version
                )
            case MemberRoleChanged(account_id=account_id, to_role=role):
                members[account_id] = msgspec.structs.replace(members[account_id], role=role)
            case MemberLeft(account_id=account_id):
                members.pop(account_id, None)
            case _:
                raise TypeError(f"{stored.type} is no event of a membership")
    return sorted(members.values(), key=lambda member: member.version)
