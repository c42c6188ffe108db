"""One-use codes that are mailed: what is stored of a code is its hash, and only the latest of a kind is good.

A code has 256 random bits, so that guessing it is hopeless however often it is tried, and finding it by its hash tells nothing by
the time that it takes.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from infrastructure.identity import accounts

CodeKind: TypeAlias = Literal["password_reset", "email_confirmation"]

LIFETIMES: Final[dict[CodeKind, timedelta]] = {
    "password_reset": timedelta(minutes=30),
    "email_confirmation": timedelta(hours=24),
}
HOURLY: Final = 5
"""Codes of one kind that one account may have made in an hour. What one address is mailed: `account_mail.HOURLY`."""


class CodePurpose(msgspec.Struct, frozen=True):
    """What a code is good for: of which account, and to which address it was mailed."""

    account_id: UUID
    email: str


async def issue(connection: AsyncConnection[Any], kind: CodeKind, account_id: UUID, email: str) -> str | None:
    """A new code that voids the older ones of its kind, within the caller's transaction; None when there were too many."""
    await accounts.lock(connection, account_id)
    cursor = await connection.execute(
        """select count(*) from one_use_code
           where account_id = %s and kind = %s and issued_at > clock_timestamp() - interval '1 hour'""",
        (account_id, kind),
    )
    if (await cursor.fetchall())[0][0] >= HOURLY:
        return None
    await void(connection, account_id, kind)
    code = secrets.token_urlsafe(32)
    await connection.execute(
        """insert into one_use_code (code_hash, kind, account_id, email, expires_at)
           values (%s, %s, %s, %s, clock_timestamp() + %s)""",
        (_digest(code), kind, account_id, email, LIFETIMES[kind]),
    )
    return code


async def find(connection: AsyncConnection[Any], kind: CodeKind, code: str) -> CodePurpose | None:
    """What a code is good for now; it stays unused."""
    async with connection.cursor(row_factory=class_row(CodePurpose)) as cursor:
        await cursor.execute(
            """select account_id, email from one_use_code
               where code_hash = %s and kind = %s and used_at is null and expires_at > clock_timestamp()""",
            (_digest(code), kind),
        )
        return await cursor.fetchone()


async def spend(connection: AsyncConnection[Any], kind: CodeKind, code: str) -> CodePurpose | None:
    """Use a code up, within the caller's transaction; of concurrent callers one succeeds."""
    purpose = await find(connection, kind, code)
    if purpose is None:
        return None
    await accounts.lock(connection, purpose.account_id)
    async with connection.cursor(row_factory=class_row(CodePurpose)) as cursor:
        await cursor.execute(
            """update one_use_code set used_at = clock_timestamp()
               where code_hash = %s and kind = %s and used_at is null and expires_at > clock_timestamp()
               returning account_id, email""",
            (_digest(code), kind),
        )
        return await cursor.fetchone()


async def void(connection: AsyncConnection[Any], account_id: UUID, kind: CodeKind | None = None) -> None:
    """Make the unused codes of an account worthless."""
    await connection.execute(
        """update one_use_code set expires_at = clock_timestamp()
           where account_id = %s and kind = coalesce(%s, kind) and used_at is null
           and expires_at > clock_timestamp()""",
        (account_id, kind),
    )


async def awaited_email(connection: AsyncConnection[Any], account_id: UUID) -> str | None:
    """The address that an account will have when its code comes back."""
    cursor = await connection.execute(
        """select email from one_use_code where account_id = %s and kind = 'email_confirmation'
           and used_at is null and expires_at > clock_timestamp()""",
        (account_id,),
    )
    row: tuple[str] | None = await cursor.fetchone()
    return None if row is None else row[0]


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
