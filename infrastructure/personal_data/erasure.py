"""Erasing a person. Whatever is personal is deleted where it lies; the log stays whole, and its ids point to nobody then.

All statements about it stand here, so that there is one place to look whether a table is forgotten. What is written about
the person later finds no account to belong to, and is not kept (`personal_texts`, `resumes.rows`, `mail.account_mail`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from infrastructure.event_store import EventStore
from infrastructure.identity import accounts, invitations
from infrastructure.identity.administration import KnownAccount, close_jobs_of_nobody, erase_member, members
from infrastructure.identity.sessions import end_all_sessions, revoke
from infrastructure.mail.outbox import Outbox
from infrastructure.operator_error import OperatorError
from infrastructure.resumes import rows as resume_rows
from infrastructure.resumes.blobs import Blobs, BlobsUnavailable

_LONGEST_WAIT: Final = "10s"
"""For what others hold. Meanwhile an erasure holds the account, and at its end, for a moment, all mail."""

_ADDRESSES: Final[LiteralString] = """
(select letter_box(email) from account where account_id = %(id)s
 union select letter_box(email) from account_mail where account_id = %(id)s and kind <> 'email_confirmation')
except select letter_box(email) from account where account_id <> %(id)s
"""
"""The addresses that the account has, or had and nobody else has now; one that it only asked for may be a stranger's."""

_INVITATION_MAIL: Final[LiteralString] = """
select mail_id from account_mail as mail where kind = 'invitation' and exists (
    select from invitation where inviter_id = %(id)s and letter_box(invitation.email) = letter_box(mail.email)
    and mail.created_at between invitation.created_at - interval '1 minute' and invitation.created_at)
"""
"""The mails with invitations that the person sent: they name who invites."""

_CODES: Final[LiteralString] = (
    "delete from one_use_code where account_id = %(id)s or letter_box(email) = any(%(addresses)s)"
)
_INVITATIONS: Final[LiteralString] = (
    "delete from invitation where accepted_by = %(id)s or letter_box(email) = any(%(addresses)s)"
)
_PREFERENCES: Final[LiteralString] = "delete from notification_preference where account_id = %(id)s"
_ACCOUNT: Final[LiteralString] = "delete from account where account_id = %(id)s"
"""Sessions, refresh tokens, codes, preferences and keys of requests go with it."""

_UNBEGUN_COMPANY: Final[LiteralString] = """
delete from company where company_id = %(company_id)s and founder_id = %(id)s
and not exists (select from log_head where tenant_id = %(company_id)s)
and not exists (select from account where company_id = %(company_id)s)
"""
"""A company whose founder never logged in has no log and no member."""

_TEXTS: Final[LiteralString] = "delete from personal_text where subject_id = %(id)s"
_ACCOUNT_MAIL: Final[LiteralString] = """
delete from account_mail where account_id = %(id)s or letter_box(email) = any(%(addresses)s)
or (mail_id = any(%(invitation_mail)s) and mail_due_at is not null)
"""
_STOP_NEWS: Final[LiteralString] = """
update effect set mail_status = 'switched_off', mail_due_at = null, mail_done_at = clock_timestamp()
where (account_id = %(id)s or candidate_id = %(id)s) and mail_due_at is not null
"""
_ERASE_REASONS: Final[LiteralString] = """
update effect set mail_reason = null where (account_id = %(id)s or candidate_id = %(id)s) and mail_reason is not null
"""
"""An outcome stays, it holds ids only; but what a provider said of the mail may quote an address or a name."""

_MAILS: Final[LiteralString] = """
select mail_id from effect where account_id = %(id)s or candidate_id = %(id)s
union all select mail_id from account_mail where account_id = %(id)s or letter_box(email) = any(%(addresses)s)
union all select unnest(%(invitation_mail)s::uuid[])
"""
"""Those to or about the person, of which the outbox may have files."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did. `texts` are those about the person, `account_mails` the mails about the account, `mails_stopped`
    the news to or about the person that were queued; `files_left` are removed by the sweep of an API process. `jobs_closed` are those of a company that was left
    without members."""

    account_id: UUID
    company_left: str | None
    jobs_closed: int
    sessions: int
    codes: int
    preferences: int
    invitations: int
    texts: int
    resumes: int
    files: int
    files_left: int
    account_mails: int
    mails_stopped: int
    outbox_files: int


class _Deleted(msgspec.Struct):
    """How many there were, and whose files are to be removed: those of resumes by name, those in the outbox by mail."""

    counts: dict[str, int]
    files: Sequence[str]
    mails: Sequence[UUID]


async def erase(
    connection: AsyncConnection[Any], store: EventStore, blobs: Blobs, outbox: Outbox, account: KnownAccount
) -> Erased:
    """Erase the person with this account. A member leaves the company first, by an event, and if nobody else is a member, its open
    jobs are closed; the rest is one transaction.

    Raises `OperatorError` for the last admin of other members, for an account that is gone, and when others hold what is to be deleted.
    """
    left = await erase_member(connection, store, account)
    jobs_closed = await close_jobs_of_nobody(connection, store, account.company_id)
    person = await _person(connection, account.account_id)
    outbox_files = _delete_files(outbox, await _column(connection, _MAILS, person), "nothing was deleted")
    deleted = await _deleted(connection, store, account)
    # Once more: the commit may have taken longer than API processes look back for revocations.
    await revoke(connection, account.account_id)
    outbox_files += _delete_files(outbox, deleted.mails, "all else was deleted")
    removed = await _removed(connection, blobs, deleted.files)
    return Erased(
        account_id=account.account_id,
        company_left=account.company if left else None,
        jobs_closed=jobs_closed,
        resumes=len(deleted.files),
        files=removed,
        files_left=len(deleted.files) - removed,
        outbox_files=outbox_files,
        **deleted.counts,
    )


async def _person(connection: AsyncConnection[Any], account_id: UUID) -> dict[str, Any]:
    """What names the person in statements."""
    person: dict[str, Any] = {"id": account_id}
    person["addresses"] = await _column(connection, _ADDRESSES, person)
    person["invitation_mail"] = await _column(connection, _INVITATION_MAIL, person)
    return person


async def _deleted(connection: AsyncConnection[Any], store: EventStore, account: KnownAccount) -> _Deleted:
    """Delete what the database holds, in one transaction that waits for nobody for long."""
    try:
        async with connection.transaction():
            await connection.execute("select set_config('lock_timeout', %s, true)", (_LONGEST_WAIT,))
            company_id = await _locked(connection, store, account)
            sessions = await end_all_sessions(connection, account.account_id, "account_disabled")
            person = await _person(connection, account.account_id) | {"company_id": company_id}
            deleted = await _rows(connection, person)
            deleted.counts |= {"sessions": sessions} | await _stop_mail(connection, person)
            # Last: it carries this moment, and is only found while that is not long past.
            await revoke(connection, account.account_id)
            return deleted
    except LockNotAvailable as error:
        raise OperatorError(
            f"nothing was deleted: somebody else is at work on what belongs to {account.email}: try again"
        ) from error


async def _rows(connection: AsyncConnection[Any], person: Mapping[str, Any]) -> _Deleted:
    """Delete the account and what is kept beside it, but for mail."""
    if person["company_id"] is not None:
        await invitations.revoke_sent_by(connection, person["company_id"], person["id"])
    counts = {
        "codes": await _count(connection, _CODES, person),
        "preferences": await _count(connection, _PREFERENCES, person),
        "invitations": await _count(connection, _INVITATIONS, person),
    }
    await connection.execute(_ACCOUNT, person)
    # From here on nobody adds to what follows: whoever would has to find the account.
    await connection.execute(_UNBEGUN_COMPANY, person)
    counts["texts"] = await _count(connection, _TEXTS, person)
    files = await resume_rows.delete(connection, person["id"])
    return _Deleted(counts, files, await _column(connection, _MAILS, person))


async def _stop_mail(connection: AsyncConnection[Any], person: Mapping[str, Any]) -> dict[str, int]:
    """Delete mail about the account, and stop news that are queued."""
    # Mail is claimed under this lock: nothing is half claimed while it is stopped.
    await connection.execute("select from mail_pace for update")
    counts = {
        "account_mails": await _count(connection, _ACCOUNT_MAIL, person),
        "mails_stopped": await _count(connection, _STOP_NEWS, person),
    }
    await connection.execute(_ERASE_REASONS, person)
    return counts


def _delete_files(outbox: Outbox, mails: Sequence[UUID], otherwise: str) -> int:
    """Remove the files of mails; how many there were. Raises `OperatorError`, which says what is so `otherwise`."""
    try:
        return outbox.delete(mails)
    except OSError as error:
        raise OperatorError(
            f"{otherwise}: a mail in the outbox cannot be ({error.strerror}: {error.filename})"
        ) from error


async def _locked(connection: AsyncConnection[Any], store: EventStore, account: KnownAccount) -> UUID | None:
    """Let nobody change the account until the transaction ends; the company that its row names. Raises `OperatorError`."""
    await accounts.lock(connection, account.account_id)
    found = await _column(
        connection, "select company_id from account where account_id = %(id)s", {"id": account.account_id}
    )
    if not found:
        raise OperatorError(f"there is no account {account.email}: it was erased just now")
    company_id: UUID | None = found[0]
    if account.account_id in await members(store, company_id):
        raise OperatorError(f"{account.email} joined a company just now: try again")
    return company_id


async def _count(
    connection: AsyncConnection[Any], statement: LiteralString, person: Mapping[str, Any]
) -> int:
    return (await connection.execute(statement, person)).rowcount


async def _column(
    connection: AsyncConnection[Any], statement: LiteralString, person: Mapping[str, Any]
) -> list[Any]:
    return [value for (value,) in await (await connection.execute(statement, person)).fetchall()]


async def _removed(connection: AsyncConnection[Any], blobs: Blobs, names: Sequence[str]) -> int:
    """Remove files that no row names any more; how many. The sweep takes what cannot be reached, or is not on this machine."""
    removed = 0
    for name in names:
        try:
            found = await blobs.remove(name)
        except BlobsUnavailable:
            break
        if found:
            await resume_rows.removed(connection, name)
            removed += 1
    return removed
