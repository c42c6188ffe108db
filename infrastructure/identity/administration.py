"""What an operator does with accounts, beside the API: finding, disabling, and changing who is a member as what."""

import contextlib
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from application.actor import OPERATOR
from application.commands import membership_id
from application.handle import CommandHandler, Metadata
from application.refusals import Refused
from domain.job import CloseJob
from domain.membership import MEMBERSHIP, AddMember, ChangeMemberRole, EraseMember, Membership
from infrastructure.database.containing import containing
from infrastructure.event_store import EventStore
from infrastructure.identity.invitations import revoke_sent_by
from infrastructure.identity.sessions import end_all_sessions, revoke
from infrastructure.operator_error import OperatorError

_COLUMNS = """
    account_id, email, account.name, company_id, company.name as company, account.created_at, disabled_at,
    (select count(*) from session where session.account_id = account.account_id and ended_at is null
        and expires_at > now()) as sessions
from account left join company using (company_id)
"""


class KnownAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account as an operator sees it; `sessions` are those that have not ended."""

    account_id: UUID
    email: str
    name: str
    company_id: UUID | None
    company: str | None
    created_at: datetime
    disabled_at: datetime | None
    sessions: int


async def matching(connection: AsyncConnection[Any], words: str, limit: int) -> list[KnownAccount]:
    """Accounts whose address, name or company holds these words, newest first."""
    async with connection.cursor(row_factory=class_row(KnownAccount)) as cursor:
        await cursor.execute(
            f"""select {_COLUMNS} where concat_ws(' ', email, account.name, company.name) ilike %s
                order by account.created_at desc, account_id limit %s""",
            (containing(words), limit),
        )
        return await cursor.fetchall()


async def named(connection: AsyncConnection[Any], name: str) -> KnownAccount:
    """The account with this address or id. Raises `OperatorError`."""
    async with connection.cursor(row_factory=class_row(KnownAccount)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} where letter_box(email) = letter_box(%(name)s) or account_id = %(id)s",
            {"name": name, "id": _id(name)},
        )
        found = await cursor.fetchone()
    if found is None:
        raise OperatorError(f"there is no account {name}")
    return found


def _id(name: str) -> UUID | None:
    """The id that a name is, in the form in which ids are shown."""
    try:
        found = UUID(name)
    except ValueError:
        return None
    return found if str(found) == name.lower() else None


async def disable(connection: AsyncConnection[Any], account_id: UUID) -> int:
    """Let an account neither log in nor refresh, end its sessions, and make the invitations that it sent worthless; how many
    sessions there were."""
    async with connection.transaction():
        cursor = await connection.execute(
            "update account set disabled_at = coalesce(disabled_at, now()) where account_id = %s returning company_id",
            (account_id,),
        )
        for (company_id,) in await cursor.fetchall():
            if company_id is not None:
                await revoke_sent_by(connection, company_id, account_id)
        return await end_all_sessions(connection, account_id, "account_disabled")


async def enable(connection: AsyncConnection[Any], account_id: UUID) -> None:
    """Let an account log in again."""
    await connection.execute("update account set disabled_at = null where account_id = %s", (account_id,))


async def make_admin(connection: AsyncConnection[Any], store: EventStore, account: KnownAccount) -> bool:
    """Give an account the role of admin in its company; false when it has it. Raises `OperatorError`."""
    if account.company_id is None:
        raise OperatorError(f"{account.email} belongs to no company, so there is none to be admin of")
    is_new = account.account_id not in await members(store, account.company_id)
    wanted = AddMember if is_new else ChangeMemberRole
    command = wanted(company_id=account.company_id, account_id=account.account_id, role="admin")
    try:
        return await _carry_out(connection, store, command)
    except Refused as refused:
        raise OperatorError(refused.rejected.reason) from refused


async def erase_member(connection: AsyncConnection[Any], store: EventStore, account: KnownAccount) -> bool:
    """Take an account that is to be erased out of its company's members; false when it is none of them. Raises `OperatorError`."""
    if account.company_id is None:
        return False
    command = EraseMember(company_id=account.company_id, account_id=account.account_id)
    try:
        return await _carry_out(connection, store, command)
    except Refused as refused:
        raise OperatorError(
            f"{account.email} is the last admin of {account.company}: make another member its admin first"
            " (hirelog accounts make-admin)"
        ) from refused


async def members(store: EventStore, company_id: UUID | None) -> set[UUID]:
    """Who is a member, as the company's log says; nobody without a company."""
    if company_id is None:
        return set()
    current = await CommandHandler(store).current(MEMBERSHIP, membership_id(company_id))
    membership: Membership = current.state
    return set(membership.roles)


async def close_jobs_of_nobody(
    connection: AsyncConnection[Any], store: EventStore, company_id: UUID | None
) -> int:
    """Close the open jobs of a company that has no members: nobody would read what is sent to them. How many."""
    if company_id is None or await members(store, company_id):
        return 0
    published = await connection.execute(
        "select distinct stream_id from event where tenant_id = %s and type = 'JobPublished'", (company_id,)
    )
    handler, closed = CommandHandler(store), 0
    for (job_id,) in await published.fetchall():
        with contextlib.suppress(Refused):
            closed += (await handler.handle(CloseJob(job_id=job_id), Metadata(OPERATOR, uuid4()))).changed
    return closed


async def _carry_out(
    connection: AsyncConnection[Any],
    store: EventStore,
    command: AddMember | ChangeMemberRole | EraseMember,
) -> bool:
    """Change a membership, and have the member's tokens from before refused; false when nothing changes. Raises `Refused`."""

    async def revoke_tokens() -> None:
        await revoke(connection, command.account_id)

    how = Metadata(OPERATOR, uuid4(), before_append=revoke_tokens)
    outcome = await CommandHandler(store).handle(command, how)
    if outcome.changed:
        await revoke_tokens()
    return outcome.changed
