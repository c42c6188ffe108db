"""Invitations to a company. A code names its invitation, and by that its company, beside 192 random bits whose hash is stored."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, Final, Literal, LiteralString, TypeAlias
from uuid import UUID, uuid4

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from application.refusals import IdempotencyKeyReused
from domain.identifiers import random_id, tenant_of
from domain.membership import StaffRole

InvitationStatus: TypeAlias = Literal["open", "accepted", "revoked", "expired"]

LIFETIME: Final = timedelta(days=7)
DAILY: Final = 200
"""Invitations that one company sends in a day."""
_SECRET_BYTES: Final = 24
# Ten wrong passwords of the account that it is for are enough.
_STATUS: Final[LiteralString] = """
case when revoked_at is not null or attempts >= 10 then 'revoked' when accepted_at is not null then 'accepted'
     when expires_at <= clock_timestamp() then 'expired' else 'open' end
"""
_COLUMNS: Final = f"invitation_id, tenant_id, email, role, inviter_id, created_at, expires_at, accepted_by, {_STATUS} as status"


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """One address invited with one role; `accepted_by` is the account that came of it."""

    invitation_id: UUID
    tenant_id: UUID
    email: str
    role: StaffRole
    inviter_id: UUID
    created_at: datetime
    expires_at: datetime
    accepted_by: UUID | None
    status: InvitationStatus


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to invite; a `repeatable` one has a `command_id` that may have been seen before."""

    company_id: UUID
    email: str
    role: StaffRole
    inviter_id: UUID
    command_id: UUID
    repeatable: bool


class TooManyInvitations(Exception):
    """The company has sent as many as it may in a day."""


async def invite(connection: AsyncConnection[Any], wish: Invite) -> tuple[Invitation, str | None]:
    """A new invitation and its code, within the caller's transaction; it voids the open one to the same address.

    A repeated wish is answered with the first invitation, and no code. Raises `IdempotencyKeyReused`, `TooManyInvitations`.
    """
    await connection.execute(
        "select 1 from company where company_id = %s for no key update", (wish.company_id,)
    )
    if wish.repeatable and (first := await _repeated(connection, wish)):
        return first, None
    cursor = await connection.execute(
        """select count(*) from invitation
           where tenant_id = %s and created_at > clock_timestamp() - interval '1 day'""",
        (wish.company_id,),
    )
    if (await cursor.fetchall())[0][0] >= DAILY:
        raise TooManyInvitations
    await connection.execute(
        """update invitation set revoked_at = clock_timestamp()
           where tenant_id = %s and letter_box(email) = letter_box(%s) and accepted_at is null and revoked_at is null""",
        (wish.company_id, wish.email),
    )
    invitation_id, secret = random_id(wish.company_id, uuid4()), secrets.token_bytes(_SECRET_BYTES)
    await connection.execute(
        """insert into invitation
           (tenant_id, invitation_id, email, role, code_hash, command_id, inviter_id, expires_at)
           values (%s, %s, %s, %s, %s, %s, %s, clock_timestamp() + %s)""",
        (
            wish.company_id,
            invitation_id,
            wish.email,
            wish.role,
            hashlib.sha256(secret).digest(),
            wish.command_id,
            wish.inviter_id,
            LIFETIME,
        ),
    )
    made = await by_id(connection, wish.company_id, invitation_id)
    if made is None:
        raise LookupError("an invitation is gone in the transaction that made it")
    return made, base64.urlsafe_b64encode(invitation_id.bytes + secret).rstrip(b"=").decode()


async def _repeated(connection: AsyncConnection[Any], wish: Invite) -> Invitation | None:
    """The invitation of the same Idempotency-Key, which the first half of a command id names."""
    key = wish.command_id.bytes[:8]
    cursor = await connection.execute(
        """select command_id, invitation_id from invitation
           where tenant_id = %s and command_id between %s and %s""",
        (wish.company_id, UUID(bytes=key + bytes(8)), UUID(bytes=key + b"\xff" * 8)),
    )
    row: tuple[UUID, UUID] | None = await cursor.fetchone()
    if row is None:
        return None
    if row[0] != wish.command_id:
        raise IdempotencyKeyReused
    return await by_id(connection, wish.company_id, row[1])


async def by_id(connection: AsyncConnection[Any], company_id: UUID, invitation_id: UUID) -> Invitation | None:
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from invitation where tenant_id = %s and invitation_id = %s",
            (company_id, invitation_id),
        )
        return await cursor.fetchone()


def company_of(code: str) -> UUID | None:
    """The company that a code claims to be from; None for what has not the form of a code."""
    parts = _parts(code)
    return None if parts is None else tenant_of(parts[0])


async def by_code(connection: AsyncConnection[Any], code: str) -> Invitation | None:
    """The open invitation that a code is for."""
    parts = _parts(code)
    if parts is None:
        return None
    invitation_id, secret = parts
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from invitation where tenant_id = %s and invitation_id = %s and code_hash = %s",
            (tenant_of(invitation_id), invitation_id, hashlib.sha256(secret).digest()),
        )
        found = await cursor.fetchone()
    return found if found is not None and found.status == "open" else None


def _parts(code: str) -> tuple[UUID, bytes] | None:
    try:
        content = base64.b64decode(code.encode("ascii") + b"=" * (-len(code) % 4), b"-_", validate=True)
        return UUID(bytes=content[:16]), content[16:]
    except ValueError:
        return None


async def of_company(
    connection: AsyncConnection[Any], company_id: UUID, limit: int, before: tuple[datetime, UUID] | None
) -> list[Invitation]:
    """A company's invitations, newest first, from after a place in this order."""
    created_at, invitation_id = before or (None, None)
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"""select {_COLUMNS} from invitation
                where tenant_id = %s
                and (%s::timestamptz is null or (created_at, invitation_id) < (%s, %s))
                order by created_at desc, invitation_id desc limit %s""",
            (company_id, created_at, created_at, invitation_id, limit),
        )
        return await cursor.fetchall()


async def accept(connection: AsyncConnection[Any], invitation: Invitation, account_id: UUID) -> bool:
    """Use an invitation up, within the caller's transaction; of concurrent callers one succeeds."""
    cursor = await connection.execute(
        f"""update invitation set accepted_at = clock_timestamp(), accepted_by = %s
            where tenant_id = %s and invitation_id = %s and {_STATUS} = 'open'""",
        (account_id, invitation.tenant_id, invitation.invitation_id),
    )
    return cursor.rowcount > 0


async def accepted(connection: AsyncConnection[Any], company_id: UUID, account_id: UUID) -> Invitation | None:
    """The latest invitation that an account accepted: it says in which role the account joins, or joined."""
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"""select {_COLUMNS} from invitation
                where tenant_id = %s and accepted_by = %s and revoked_at is null
                order by accepted_at desc limit 1""",
            (company_id, account_id),
        )
        return await cursor.fetchone()


async def count_wrong_password(connection: AsyncConnection[Any], invitation: Invitation) -> None:
    await connection.execute(
        "update invitation set attempts = attempts + 1 where tenant_id = %s and invitation_id = %s",
        (invitation.tenant_id, invitation.invitation_id),
    )


async def revoke(connection: AsyncConnection[Any], company_id: UUID, invitation_id: UUID) -> None:
    """Make an invitation worthless, unless it was accepted."""
    await connection.execute(
        """update invitation set revoked_at = clock_timestamp()
           where tenant_id = %s and invitation_id = %s and accepted_at is null and revoked_at is null""",
        (company_id, invitation_id),
    )


async def revoke_sent_by(connection: AsyncConnection[Any], company_id: UUID, inviter_id: UUID) -> None:
    """Make the open invitations of somebody who is no admin any more worthless."""
    await connection.execute(
        """update invitation set revoked_at = clock_timestamp()
           where tenant_id = %s and inviter_id = %s and accepted_at is null and revoked_at is null""",
        (company_id, inviter_id),
    )


async def revoke_accepted(connection: AsyncConnection[Any], invitation: Invitation) -> None:
    """The company's log refused who had accepted: nothing comes of the invitation."""
    await connection.execute(
        "update invitation set revoked_at = clock_timestamp() where tenant_id = %s and invitation_id = %s",
        (invitation.tenant_id, invitation.invitation_id),
    )
