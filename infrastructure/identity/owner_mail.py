"""Mail to the owner of an account, by name, at the account's own address."""

from typing import Any

from psycopg import AsyncConnection

from application.effects import AccountKind
from infrastructure.identity.accounts import Account
from infrastructure.mail.account_mail import queue


async def queue_for_owner(
    connection: AsyncConnection[Any], kind: AccountKind, account: Account, **further: str
) -> None:
    """Queue a mail as `queue` does; `further` is what its template names besides the owner."""
    await queue(
        connection,
        kind,
        account_id=account.account_id,
        email=account.email,
        parameters={"name": account.name, **further},
    )
