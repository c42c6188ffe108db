"""Mail about an account (welcome, codes, warnings): queued in the transaction of what it tells about."""

from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from application.effects import AccountKind

HOURLY: Final = 5
"""Mails of one kind that one address gets in an hour. Each kind can be caused by somebody else: a stranger's address is
registered, invited or asked for, and its account then used, without a word from its owner."""

# An erasure waits for this statement, or this statement finds nobody.
_OF_ACCOUNT: Final[LiteralString] = (
    "select account_id from account where account_id = %(account_id)s for key share"
)
_OF_NOBODY: Final[LiteralString] = "select null::uuid as account_id"

# One too many is a row too: withholding it takes the same work, and so the same time, as queueing it.
_QUEUE: Final[LiteralString] = """
with recipient as materialized ({recipient}),
mail as materialized (
    select account_id, account_mail_of_last_hour(%(kind)s, %(email)s) < %(hourly)s as wanted from recipient)
insert into account_mail
    (kind, account_id, email, parameters, mail_status, mail_due_at, mail_reason, mail_done_at)
select %(kind)s, account_id, %(email)s, case when wanted then %(parameters)s::jsonb end,
       case when wanted then 'queued' else 'switched_off' end, case when wanted then now() end,
       case when not wanted then 'too many of this kind in an hour' end, case when not wanted then now() end
from mail
"""


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

    Beyond `HOURLY` it is kept without its parameters as `switched_off` and never sent; nobody but operators is told. Concurrent
    callers with one kind and address wait for each other's transactions, so that they do not exceed it together.
    """
    recipient = _OF_NOBODY if account_id is None else _OF_ACCOUNT
    await connection.execute(
        _QUEUE.format(recipient=recipient),
        {
            "kind": kind,
            "account_id": account_id,
            "email": email,
            "parameters": msgspec.json.encode(parameters).decode(),
            "hourly": HOURLY,
        },
    )
