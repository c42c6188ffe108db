"""The identity tables: accounts and companies. Rows that can be changed and forgotten, never events."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool


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


async def register(connection: AsyncConnection[Any], account: Account, company: Company | None) -> None:
    """Store an account, and the company that it founds. Raises `EmailTaken`."""
    async with connection.transaction():
        if company is not None:
            await connection.execute(
                "insert into company (company_id, name, founder_id) values (%s, %s, %s)",
                (company.company_id, company.name, company.founder_id),
            )
        # A violated constraint would put the address into PostgreSQL's log.
        cursor = await connection.execute(
            """insert into account (account_id, email, name, password_hash, company_id)
               values (%s, %s, %s, %s, %s) on conflict ((lower(email))) do nothing""",
            (account.account_id, account.email, account.name, account.password_hash, account.company_id),
        )
        if not cursor.rowcount:
            raise EmailTaken


async def change_password(connection: AsyncConnection[Any], account: Account, password_hash: str) -> bool:
    """Replace an account's password, if it is still the one that was read."""
    cursor = await connection.execute(
        "update account set password_hash = %s where account_id = %s and password_hash = %s",
        (password_hash, account.account_id, account.password_hash),
    )
    return cursor.rowcount > 0


async def by_email(connection: AsyncConnection[Any], email: str) -> Account | None:
    async with connection.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(
            "select account_id, email, name, password_hash, company_id from account where lower(email) = lower(%s)",
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


async def names(connection: AsyncConnection[Any], account_ids: list[UUID]) -> dict[UUID, str]:
    """The names of accounts; an erased one is missing."""
    cursor = await connection.execute(
        "select account_id, name from account where account_id = any(%s)", (account_ids,)
    )
    return dict(await cursor.fetchall())


async def company(connection: AsyncConnection[Any], company_id: UUID) -> Company | None:
    async with connection.cursor(row_factory=class_row(Company)) as cursor:
        await cursor.execute(
            "select company_id, name, founder_id from company where company_id = %s", (company_id,)
        )
        return await cursor.fetchone()


class CompanyNames:
    """Company names by id, remembered for this process (a name changes rarely and the listing joins the table)."""

    def __init__(self, pool: AsyncConnectionPool[Any], limit: int = 10_000) -> None:
        self._pool = pool
        self._limit = limit
        self._names: dict[UUID, str] = {}

    async def of(self, company_id: UUID) -> str:
        """A company's name; empty for a log without a company."""
        name = self._names.get(company_id)
        if name is None:
            async with self._pool.connection() as connection:
                found = await company(connection, company_id)
            if found is None:
                return ""
            if len(self._names) >= self._limit:
                self._names.clear()
            name = self._names[company_id] = found.name
        return name
