"""The identity tables: accounts and companies. Rows that can be changed and forgotten, never events."""

import time
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from infrastructure.database.tenant_walls import Database

_NAME_SECONDS: Final = 3.0
_MOST_NAMES: Final = 10_000

# A violated constraint would put the address into PostgreSQL's log. So whoever gives an address to an account holds this lock.
_ADDRESS_LOCK: Final[LiteralString] = "pg_advisory_xact_lock(hashtextextended(letter_box(%(email)s), 0))"
_REGISTER: Final[LiteralString] = f"""
    insert into account (account_id, email, name, password_hash, company_id)
    select %(account_id)s, %(email)s, %(name)s, %(password_hash)s, %(company_id)s from {_ADDRESS_LOCK}
    on conflict (letter_box(email)) do nothing
"""
_FOUND: Final[LiteralString] = f"""
    with founder as ({_REGISTER} returning account_id, company_id)
    insert into company (company_id, name, founder_id)
    select company_id, %(company_name)s, account_id from founder
"""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person who can log in; `company_id` is set for staff."""

    account_id: UUID
    email: str
    name: str
    password_hash: str
    company_id: UUID | None = None


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant with a name."""

    company_id: UUID
    name: str
    founder_id: UUID


class EmailTaken(Exception):
    """Another account has this address."""


def letter_box(email: str) -> str:
    """The same for two addresses that are one letter box: those that differ in ASCII capitals only.

    PostgreSQL's function of this name (migration 0014) makes the same of it. Of other capitals the two make different small letters, so
    new addresses have none (`api.http.email_addresses`); an older one that does is reached as it was written.
    """
    # Bytes, of which `lower` changes ASCII alone.
    return email.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")


async def register(connection: AsyncConnection[Any], account: Account, company: Company | None) -> None:
    """Store an account, and the company that it founds.

    Raises `EmailTaken`: nothing was stored, and a transaction around it goes on. It is one statement either way: the time that
    undoing something takes would tell who is registered.
    """
    statement, values = _REGISTER, msgspec.structs.asdict(account)
    if company is not None:
        statement, values = _FOUND, values | {"company_name": company.name}
    if not (await connection.execute(statement, values)).rowcount:
        raise EmailTaken


async def change_password(connection: AsyncConnection[Any], account: Account, password_hash: str) -> bool:
    """Replace an account's password, if it is still the one that was read."""
    cursor = await connection.execute(
        "update account set password_hash = %s where account_id = %s and password_hash = %s",
        (password_hash, account.account_id, account.password_hash),
    )
    return cursor.rowcount > 0


async def set_password(connection: AsyncConnection[Any], account_id: UUID, password_hash: str) -> None:
    """Replace an account's password, whatever it was."""
    await connection.execute(
        "update account set password_hash = %s where account_id = %s", (password_hash, account_id)
    )


async def rename(connection: AsyncConnection[Any], account_id: UUID, name: str) -> None:
    await connection.execute("update account set name = %s where account_id = %s", (name, account_id))


async def change_email(connection: AsyncConnection[Any], account_id: UUID, email: str) -> None:
    """Give an account another address. Raises `EmailTaken`; of concurrent callers with one address one succeeds."""
    async with connection.transaction():
        await connection.execute(f"select {_ADDRESS_LOCK}", {"email": email})
        # A statement of its own: it sees what the one before has waited for.
        cursor = await connection.execute(
            """update account set email = %(email)s where account_id = %(account_id)s and not exists (
                   select 1 from account
                   where letter_box(email) = letter_box(%(email)s) and account_id <> %(account_id)s
               )""",
            {"email": email, "account_id": account_id},
        )
    if not cursor.rowcount:
        raise EmailTaken


async def claim_company(connection: AsyncConnection[Any], account_id: UUID, company_id: UUID) -> bool:
    """Make an account that belongs to no company one of this company's; false when it belongs to one."""
    cursor = await connection.execute(
        """update account set company_id = %s
           where account_id = %s and company_id is null and disabled_at is null""",
        (company_id, account_id),
    )
    return cursor.rowcount > 0


async def lock(connection: AsyncConnection[Any], account_id: UUID) -> None:
    """Let nobody else change the account, its codes or its sessions until the caller's transaction ends."""
    await connection.execute("select 1 from account where account_id = %s for no key update", (account_id,))


async def lock_company(connection: AsyncConnection[Any], account_id: UUID) -> UUID | None:
    """The company of an account, which nobody else changes until the caller's transaction ends."""
    cursor = await connection.execute(
        "select company_id from account where account_id = %s for no key update", (account_id,)
    )
    row: tuple[UUID | None] | None = await cursor.fetchone()
    return None if row is None else row[0]


async def release_company(connection: AsyncConnection[Any], account_id: UUID) -> None:
    """Make an account belong to no company."""
    await connection.execute("update account set company_id = null where account_id = %s", (account_id,))


async def by_email(connection: AsyncConnection[Any], email: str) -> Account | None:
    """The account with an address, in ASCII capitals or not."""
    async with connection.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(
            """select account_id, email, name, password_hash, company_id from account
               where letter_box(email) = letter_box(%s)""",
            (email,),
        )
        return await cursor.fetchone()


async def by_id(connection: AsyncConnection[Any], account_id: UUID) -> Account | None:
    async with connection.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(
            "select account_id, email, name, password_hash, company_id from account where account_id = %s",
            (account_id,),
        )
        return await cursor.fetchone()


async def is_enabled(connection: AsyncConnection[Any], account_id: UUID) -> bool:
    """Whether there is such an account, and no operator has disabled it."""
    cursor = await connection.execute(
        "select from account where account_id = %s and disabled_at is null", (account_id,)
    )
    return await cursor.fetchone() is not None


async def names(connection: AsyncConnection[Any], account_ids: list[UUID]) -> dict[UUID, str]:
    """The names of accounts; an erased one is missing."""
    cursor = await connection.execute(
        "select account_id, name from account where account_id = any(%s)", (account_ids,)
    )
    return dict(await cursor.fetchall())


async def contacts(connection: AsyncConnection[Any], account_ids: list[UUID]) -> dict[UUID, tuple[str, str]]:
    """The names and addresses of accounts; an erased one is missing."""
    cursor = await connection.execute(
        "select account_id, name, email from account where account_id = any(%s)", (account_ids,)
    )
    return {account_id: (name, email) for account_id, name, email in await cursor.fetchall()}


async def rename_company(connection: AsyncConnection[Any], company_id: UUID, name: str) -> None:
    await connection.execute("update company set name = %s where company_id = %s", (name, company_id))


async def company(connection: AsyncConnection[Any], company_id: UUID) -> Company | None:
    async with connection.cursor(row_factory=class_row(Company)) as cursor:
        await cursor.execute(
            "select company_id, name, founder_id from company where company_id = %s",
            (company_id,),
        )
        return await cursor.fetchone()


class CompanyNames:
    """Company names by id, remembered for a few seconds: one that was changed is seen in every process soon after."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: dict[UUID, tuple[str, float]] = {}

    async def of(self, company_id: UUID) -> str:
        """A company's name; empty for a log without a company."""
        known = self._names.get(company_id)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        async with self._database.identity() as connection:
            found = await company(connection, company_id)
        if found is None:
            return ""
        if len(self._names) >= _MOST_NAMES:
            self._names.clear()
        self._names[company_id] = found.name, time.monotonic() + _NAME_SECONDS
        return found.name

    def forget(self, company_id: UUID) -> None:
        """The name has just been changed here."""
        self._names.pop(company_id, None)
