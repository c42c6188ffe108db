"""The second wall between tenants: as which role the API asks PostgreSQL, and whose rows row-level security shows it.

The policies are in migrations 0009 and 0017 and, for each build of a read model, in `infrastructure.read_models.read_model`.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString, TypeAlias
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
import structlog
from psycopg import AsyncConnection, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

from application.actor import Actor
from infrastructure.log.connection import session_conninfo
from infrastructure.operator_error import OperatorError
from infrastructure.settings import Settings

API_ROLE: Final = "hirelog_api"

TENANTS: Final[LiteralString] = (
    "(select nullif(current_setting('hirelog.tenants', true), '')::uuid[])::uuid[]"
)
"""The tenants whose rows may be seen, in SQL; as a sub-select it is read once per statement. Null when nothing is set."""

ACCOUNT: Final[LiteralString] = "(select nullif(current_setting('hirelog.account', true), '')::uuid)"
"""The account whose own rows may be seen, in SQL."""

WALLED: Final[LiteralString] = "(select row_security_active('event'::regclass))"
"""Whether whoever asks is subject to the walls, in SQL: the API's role is, the owner is not."""

_SET: Final[LiteralString] = (
    "select set_config('hirelog.tenants', %s, false), set_config('hirelog.account', %s, false)"
)

NOTIFYING_COMPANIES: Final[LiteralString] = """
with recursive notifying as (
    (select tenant_id from effect
     where account_id = %(account_id)s and recipient = 'candidate' order by tenant_id limit 1)
    union all
    select (select effect.tenant_id from effect
            where account_id = %(account_id)s and recipient = 'candidate' and effect.tenant_id > notifying.tenant_id
            order by effect.tenant_id limit 1)
    from notifying where notifying.tenant_id is not null)
select tenant_id from notifying where tenant_id is not null
"""
"""The companies that notified a candidate, from one to the next through the index: it does not matter how often each did.
Those for recruiters, which are most, are not looked at: recruiters see their own company's alone."""

_showing: WeakKeyDictionary[AsyncConnection[Any], tuple[str, str]] = WeakKeyDictionary()
"""What connections are known to show."""

_LET_IN: Final[LiteralString] = f"""
select coalesce((select has_table_privilege(oid, 'event', 'insert') from pg_roles where rolname = '{API_ROLE}'), false)
       and exists (select from pg_policy where polrelid = 'event'::regclass)
"""
_ONE_AT_A_TIME: Final = 7_265_004
_START_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)

Connection: TypeAlias = AsyncConnection[Any]


def opaque_to_planner(condition: LiteralString) -> LiteralString:
    """A condition that PostgreSQL's planner has no index for, and takes for one that half of the rows fulfil.

    So are the walls written: the index is chosen by what the query itself asks for.
    """
    return f"case when {condition} then true else false end"


def api_database_url(settings: Settings) -> str:
    """Where an API process connects: with a login of its own, or with the owner's and then at once in the API's role.

    Raises `ValueError` without a database.
    """
    if settings.api_database_url is not None:
        return settings.api_database_url
    if settings.database_url is None:
        raise ValueError("DATABASE_URL is needed")
    given = conninfo_to_dict(settings.database_url)
    return make_conninfo("", **given | {"options": f"{given.get('options', '')} -c role={API_ROLE}".strip()})


def demand_api_role(database_url: str) -> None:
    """Raise `OperatorError` if the API's role, or what it is granted, is missing, as after a restore that left roles or rights out.
    Raises psycopg's errors."""
    with psycopg.connect(session_conninfo(database_url)) as connection:
        if connection.execute(_LET_IN).fetchone() != (True,):
            raise OperatorError(
                f"the database was restored without the role {API_ROLE} or its rights: let an administrator run `create role"
                f" {API_ROLE} login nosuperuser nobypassrls`, grant {API_ROLE} to the owner of the tables, and restore again with"
                " privileges"
            )


def demand_all_rows(database_url: str) -> None:
    """Raise `OperatorError` for a login that is shown only the rows of whoever asks, and takes the others for missing.
    Raises psycopg's errors."""
    with psycopg.connect(database_url) as connection:
        if connection.execute(f"select {WALLED}").fetchone() == (True,):
            raise OperatorError(
                "this login is the API's, which is not shown all rows: run the command with the DATABASE_URL of the tables' owner"
                " (in the composition: `docker compose exec scheduler hirelog ...`)"
            )


def let_api_in(database_url: str, api_database_url: str | None) -> None:
    """Give the API's role the password that its address has, if that is a login with one. Raises psycopg's errors."""
    given = conninfo_to_dict(api_database_url or "")
    password = given.get("password")
    if given.get("user") != API_ROLE or not password:
        return
    with psycopg.connect(session_conninfo(database_url)) as connection:
        # PostgreSQL does not let two transactions alter a role at once: the later one fails.
        connection.execute("select pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        # Encrypted here, so that the server's log of statements does not have it.
        verifier = connection.pgconn.encrypt_password(
            str(password).encode(), API_ROLE.encode(), b"scram-sha-256"
        )
        statement = sql.SQL("alter role {} password {}")
        connection.execute(statement.format(sql.Identifier(API_ROLE), sql.Literal(verifier.decode())))


async def show(connection: Connection, tenants: Iterable[UUID] = (), account_id: UUID | None = None) -> None:
    """Show on this connection, from now on, the rows of these tenants and of this account, and no others.

    What it shows already is not said again; what was said in a transaction may be undone with it, and is.
    """
    listed = ",".join(sorted(str(tenant) for tenant in tenants))
    wanted = ("{" + listed + "}" if listed else "", "" if account_id is None else str(account_id))
    if _showing.pop(connection, None) != wanted:
        await connection.execute(_SET, wanted)
    if connection.info.transaction_status == TransactionStatus.IDLE:
        _showing[connection] = wanted


class Database:
    """The API's connections to everything but the log. Each says whose rows it shows, anew at every checkout.

    In autocommit mode; they raise what psycopg and its pool raise.
    """

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _shown(
        self, tenants: Iterable[UUID] = (), account_id: UUID | None = None
    ) -> AsyncGenerator[Connection]:
        async with self._pool.connection() as connection:
            await show(connection, tenants, account_id)
            yield connection

    async def is_walled(self) -> bool:
        """Whether row-level security holds for the API; not for a superuser, the tables' owner, or who may bypass it."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(f"select {WALLED}")).fetchone()
        return row is not None and bool(row[0])

    async def demand_writes(self) -> None:
        """Raise while the database takes no writes, or is away."""
        async with self._pool.connection() as connection:
            asked = await connection.execute("select current_setting('transaction_read_only')::boolean")
            if await asked.fetchone() == (True,):
                raise errors.ReadOnlySqlTransaction("the session is read-only")

    async def warn_without_walls(self) -> None:
        """Say at start-up that the walls do not hold; nothing while the database cannot be asked (readiness tells)."""
        with contextlib.suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                if not await self.is_walled():
                    _log.warning(
                        "no walls between tenants: the API's database role bypasses row-level security"
                    )

    @asynccontextmanager
    async def of(self, actor: Actor | None) -> AsyncGenerator[Connection]:
        """What belongs to the actor's company and to the actor; for nobody, only what is public."""
        tenants = () if actor is None or actor.company_id is None else (actor.company_id,)
        async with self._shown(tenants, None if actor is None else actor.account_id) as connection:
            yield connection

    @asynccontextmanager
    async def of_notified(self, actor: Actor) -> AsyncGenerator[Connection]:
        """As `of`, and the logs of all companies that have notified this account as a candidate: a notification is read from
        there."""
        async with self.of(actor) as connection:
            found = await connection.execute(NOTIFYING_COMPANIES, {"account_id": actor.account_id})
            tenants = {tenant_id for (tenant_id,) in await found.fetchall()}
            if actor.company_id is not None:
                tenants.add(actor.company_id)
            await show(connection, tenants, actor.account_id)
            yield connection

    @asynccontextmanager
    async def of_tenant(self, tenant_id: UUID) -> AsyncGenerator[Connection]:
        """What belongs to a tenant that something other than the actor names: a code, or a position to wait for."""
        async with self._shown((tenant_id,)) as connection:
            yield connection

    @asynccontextmanager
    async def of_account(self, account_id: UUID) -> AsyncGenerator[Connection]:
        """What belongs to a person."""
        async with self._shown(account_id=account_id) as connection:
            yield connection

    @asynccontextmanager
    async def identity(self) -> AsyncGenerator[Connection]:
        """Only what stands before the walls: accounts, companies' names, sessions, codes, skills, names of files."""
        async with self._shown() as connection:
            yield connection
