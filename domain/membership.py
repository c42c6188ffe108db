"""Who holds which role in a company: one stream per company, so that the last admin is a rule and not a race."""

from typing import Literal, TypeAlias, assert_never
from uuid import UUID

import msgspec
from rpds import HashTrieMap

from domain.decision import Command, Decider, Decision, Event, Rejected

StaffRole: TypeAlias = Literal["recruiter", "hiring_manager", "auditor", "admin"]


# Events


class MemberJoined(Event, frozen=True):
    """`invited_by` is the admin who chose the role; None for a founder, and for whom an operator put in."""

    account_id: UUID
    role: StaffRole
    invited_by: UUID | None = None


class MemberRoleChanged(Event, frozen=True):
    account_id: UUID
    from_role: StaffRole
    to_role: StaffRole


class MemberLeft(Event, frozen=True):
    account_id: UUID


MembershipEvent: TypeAlias = MemberJoined | MemberRoleChanged | MemberLeft


# State


class Membership(msgspec.Struct, frozen=True):
    """The members of a company: account id -> role."""

    roles: "HashTrieMap[UUID, StaffRole]" = HashTrieMap()


def evolve(state: Membership, event: MembershipEvent) -> Membership:
    match event:
        case (
            MemberJoined(account_id=account, role=role) | MemberRoleChanged(account_id=account, to_role=role)
        ):
            return Membership(state.roles.insert(account, role))
        case MemberLeft(account_id=account):
            return Membership(state.roles.discard(account))
        case _:
            assert_never(event)


# Commands


class FoundCompany(Command, frozen=True):
    """Be the first member of a company, its admin; where there are members, nothing changes."""

    company_id: UUID
    account_id: UUID


class AddMember(Command, frozen=True):
    """Let somebody in whom nobody invited."""

    company_id: UUID
    account_id: UUID
    role: StaffRole


class AcceptInvitation(Command, frozen=True):
    company_id: UUID
    account_id: UUID
    role: StaffRole
    invited_by: UUID


class ChangeMemberRole(Command, frozen=True):
    company_id: UUID
    account_id: UUID
    role: StaffRole


class RemoveMember(Command, frozen=True):
    company_id: UUID
    account_id: UUID


class LeaveCompany(Command, frozen=True):
    """Like `RemoveMember`, by oneself."""

    company_id: UUID
    account_id: UUID


class EraseMember(Command, frozen=True):
    """Like `RemoveMember`, of a person who is erased: the only member goes too, and the company is left without any."""

    company_id: UUID
    account_id: UUID


MembershipCommand: TypeAlias = (
    FoundCompany | AddMember | AcceptInvitation | ChangeMemberRole | RemoveMember | LeaveCompany | EraseMember
)

_NOT_A_MEMBER = Rejected("not_a_member", "The account is not a member of the company.")
_INVITATION_VOID = Rejected("invitation_void", "Whoever invited is not an admin any more.")
_LAST_ADMIN = Rejected("last_admin", "The last admin cannot leave or lose the role.")


def decide(command: MembershipCommand, state: Membership) -> Decision[MembershipEvent]:
    match command:
        case FoundCompany(account_id=account):
            return [] if state.roles else [MemberJoined(account_id=account, role="admin")]
        case AddMember(account_id=account, role=role):
            return _join(state, MemberJoined(account_id=account, role=role))
        case AcceptInvitation(account_id=account, role=role, invited_by=inviter):
            if state.roles.get(inviter) != "admin":
                return _INVITATION_VOID
            return _join(state, MemberJoined(account_id=account, role=role, invited_by=inviter))
        case ChangeMemberRole():
            return _change_role(command, state)
        case RemoveMember(account_id=account) | LeaveCompany(account_id=account):
            return _remove(state, account)
        case EraseMember(account_id=account):
            is_only_one = len(state.roles) == 1 and account in state.roles
            return [MemberLeft(account_id=account)] if is_only_one else _remove(state, account)
        case _:
            assert_never(command)


def _join(state: Membership, joined: MemberJoined) -> Decision[MembershipEvent]:
    role = state.roles.get(joined.account_id)
    if role is None:
        return [joined]
    if role == joined.role:
        return []
    return Rejected("already_a_member", f"The account is a member as {role}.")


def _change_role(command: ChangeMemberRole, state: Membership) -> Decision[MembershipEvent]:
    role = state.roles.get(command.account_id)
    if role is None:
        return _NOT_A_MEMBER
    if role == command.role:
        return []
    if _is_last_admin(state, command.account_id):
        return _LAST_ADMIN
    return [MemberRoleChanged(account_id=command.account_id, from_role=role, to_role=command.role)]


def _remove(state: Membership, account_id: UUID) -> Decision[MembershipEvent]:
    if account_id not in state.roles:
        return []
    if _is_last_admin(state, account_id):
        return _LAST_ADMIN
    return [MemberLeft(account_id=account_id)]


def _is_last_admin(state: Membership, account_id: UUID) -> bool:
    return [member for member, role in state.roles.items() if role == "admin"] == [account_id]


MEMBERSHIP: Decider[MembershipCommand, Membership, MembershipEvent] = Decider(
    name="membership", initial=Membership(), decide=decide, evolve=evolve, event_type=MembershipEvent
)
