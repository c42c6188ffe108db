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
    given up. With an `account_id` it is not sent once that account is erased, and not queued any more.
    """
    said = msgspec.json.encode(parameters).decode()
    if account_id is None:
        await connection.execute(
            "insert into account_mail (kind, email, parameters) values (%s, %s, %s)", (kind, email, said)
        )
        return
    # An erasure waits for this statement, or this statement finds nobody.
    await connection.execute(
        """insert into account_mail (kind, account_id, email, parameters)
           select %s, account_id, %s, %s from account where account_id = %s for key share""",
        (kind, email, said, account_id),
    )
