"""Mail about an account (welcome, codes, warnings): queued in the transaction of what it tells about."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from application.effects import AccountKind


async def queue(
    connection: AsyncConnection[Any],
    kind: AccountKind,
    *,
    account_id: UUID | None,
    email: str,
    parameters: dict[str, str],
) -> None:
    """Have a mail sent to `email` once the caller's transaction is committed; `services.mail.wake()` hurries it.

    `parameters` are what its template names. They may hold a one-use code, and are erased as soon as the mail was sent or
    given up. With an `account_id` it is not sent once that account is erased.
    """
    await connection.execute(
        "insert into account_mail (kind, account_id, email, parameters) values (%s, %s, %s, %s)",
        (kind, account_id, email, msgspec.json.encode(parameters).decode()),
    )
