"""Sessions: each login opens one, and it ends by logout, by its owner, by time, or when it was misused."""

from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from infrastructure.identity import accounts, one_use_codes

EndReason: TypeAlias = Literal[
    "logout",
    "logout_everywhere",
    "ended_by_owner",
    "password_changed",
    "password_reset",
    "email_changed",
    "reuse_detected",
    "account_disabled",
    "too_many_sessions",
]
"""Why a session ended before its time."""

_LIVE_SESSIONS: Final = 100


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A session as its owner sees it."""

    session_id: UUID
    client: str
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_reason: str | None


async def end_session(
    connection: AsyncConnection[Any], account_id: UUID, session_id: UUID, reason: EndReason
) -> bool:
    """End one session of an account; false when it has none such. One that has ended keeps its reason."""
    cursor = await connection.execute(
        "select 1 from session where session_id = %s and account_id = %s", (session_id, account_id)
    )
    if await cursor.fetchone() is None:
        return False
    await _end(connection, [session_id], reason)
    return True


async def end_all_sessions(
    connection: AsyncConnection[Any], account_id: UUID, reason: EndReason, *, keep: UUID | None = None
) -> int:
    """End every session of an account but `keep`, within the caller's transaction; how many there were."""
    await accounts.lock(connection, account_id)
    cursor = await connection.execute(
        """select session_id from session
           where account_id = %s and ended_at is null and session_id is distinct from %s
           order by created_at, session_id for update""",
        (account_id, keep),
    )
    session_ids = [session_id for (session_id,) in await cursor.fetchall()]
    await _end(connection, session_ids, reason)
    # Nor does anything come of what such a session began, like another e-mail address.
    await one_use_codes.void(connection, account_id)
    return len(session_ids)


async def opened_lately(connection: AsyncConnection[Any], session_id: UUID, *, minutes: int) -> bool:
    """Whether the session's password was given at most so many minutes ago."""
    cursor = await connection.execute(
        """select 1 from session
           where session_id = %s and created_at > clock_timestamp() - make_interval(mins => %s)""",
        (session_id, minutes),
    )
    return await cursor.fetchone() is not None


async def revoke(connection: AsyncConnection[Any], account_id: UUID) -> None:
    """Refuse every access token that was issued to an account up to now; its sessions go on, and their next refresh
    reads the role anew.

    For a changed role or a removed member, call it before and after the event is appended: then no crash in between
    leaves a token with the old role.
    """
    await connection.execute("insert into revocation (subject_id) values (%s)", (account_id,))


async def of_account(
    connection: AsyncConnection[Any],
    account_id: UUID,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[Listed]:
    """The sessions of an account, newest first, from after a place in this order; one that expired says so."""
    created_at, session_id = before or (None, None)
    async with connection.cursor(row_factory=class_row(Listed)) as cursor:
        await cursor.execute(
            """
            with session as (
                select session.*, least(session.expires_at, last.expires_at) as until
                from session cross join lateral (
                    select max(expires_at) as expires_at from refresh_token
                    where refresh_token.session_id = session.session_id
                ) as last
                where account_id = %s
            )
            select session_id, client, created_at, refreshed_at, until as expires_at,
                coalesce(ended_at, case when until <= clock_timestamp() then until end) as ended_at,
                coalesce(ended_reason, case when until <= clock_timestamp() then 'expired' end) as ended_reason
            from session
            where %s::timestamptz is null or (created_at, session_id) < (%s, %s)
            order by created_at desc, session_id desc
            limit %s
            """,
            (account_id, created_at, created_at, session_id, limit),
        )
        return await cursor.fetchall()


async def _end(connection: AsyncConnection[Any], session_ids: list[UUID], reason: EndReason) -> None:
    await connection.execute(
        """
        with ended as (
            update session set ended_at = clock_timestamp(), ended_reason = %s
            where session_id = any(%s) and ended_at is null
            returning session_id
        )
        insert into revocation (subject_id) select session_id from ended
        """,
        (reason, session_ids),
    )


async def end_surplus(connection: AsyncConnection[Any], account_id: UUID) -> None:
    """End the oldest sessions of an account beyond a hundred."""
    cursor = await connection.execute(
        """select session_id from session where account_id = %s and ended_at is null
           order by created_at desc, session_id desc offset %s""",
        (account_id, _LIVE_SESSIONS),
    )
    if surplus := [session_id for (session_id,) in await cursor.fetchall()]:
        await _end(connection, surplus, "too_many_sessions")
