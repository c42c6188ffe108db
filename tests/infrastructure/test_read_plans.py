"""What the API asks beside the log reads what it answers, whatever PostgreSQL knows about how many rows there are."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict

from application.actor import Actor
from infrastructure.database.connection_pools import api_pool
from infrastructure.database.migrate import migrate
from infrastructure.database.tenant_walls import NOTIFYING_COMPANIES, Database
from infrastructure.identity import administration, invitations, sessions
from infrastructure.mail import notifications
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.servers.embedded import Servers
from projections import application_search, job_search
from projections.application_search import ApplicationFilters
from projections.job_search import JobFilters, StaffView
from projections.menu import MENU

SHORT: Final = 4
LONG: Final = 4_000
MANY: Final = 500
ENOUGH: Final = 1_500
"""Rows that a page of 51, or a count of a few, may come from: each has up to seven others that say more of it."""

COMPANY: Final = UUID("11111111-1111-8111-8000-000000000000")
RECRUITER, CANDIDATE, JOB = (UUID(int=number) for number in (1, 2, 3))

# Of company %(company)s: %(rows)s applications, each with its letter, what was told of it, a job, an invitation and a login.
_FILL: Final[tuple[LiteralString, ...]] = (
    """insert into account (account_id, email, name, password_hash)
       select id, id || '@example.org', 'Somebody', '' from (
           select md5(%(company)s::text || n)::uuid as id from generate_series(1, %(rows)s) as n
           union all select unnest(array[%(recruiter)s::uuid, %(candidate)s::uuid])) as ids
       on conflict do nothing""",
    "insert into company (company_id, name, founder_id) values (%(company)s, 'Company', %(recruiter)s)",
    """insert into rm_application_list__1
           (tenant_id, application_id, job_id, candidate_id, stage, reached, skills, score, requirements_revision,
            applied_at, stage_since, version, cover_letter_text_id)
       select %(company)s, gen_random_uuid(), case when n %% 2 = 0 then %(job)s::uuid else gen_random_uuid() end,
              md5(%(company)s::text || n)::uuid, 'applied', 'applied', '{}', n, 1, now() - n * interval '1 second', now(),
              1, md5('letter' || n)::uuid
       from generate_series(1, %(rows)s) as n""",
    """insert into rm_job_listing__1
           (tenant_id, job_id, title, description, location, remote, employment_type, skills, skill_keys, skill_words,
            min_experience_years, salary_top, openings, filled, status, created_by, created_at, listed_at, version)
       select %(company)s, gen_random_uuid(), 'Baker', '', '', false, 'other', '{}', '{}', '', 0, n, 1, 0, 'open', %(recruiter)s,
              now(), now() - n * interval '1 second', 1
       from generate_series(1, %(rows)s) as n""",
    """insert into event (tenant_id, position, stream_id, version, type, data, command_id, recorded_at)
       select %(company)s, n, gen_random_uuid(), 1, 'ApplicationRejected',
              convert_to(format('{"reason_text_id": "%%s"}', md5('letter' || n)::uuid), 'UTF8'), gen_random_uuid(), now()
       from generate_series(1, %(rows)s) as n""",
    """insert into personal_text (tenant_id, text_id, subject_id, content)
       select %(company)s, md5('letter' || n)::uuid, %(candidate)s, '{}' from generate_series(1, %(rows)s) as n""",
    """insert into effect (tenant_id, position, number, kind, recipient, account_id, application_id, job_id, candidate_id,
                           created_at, mail_id, mail_due_at, read_at)
       select %(company)s, n, recipient, 'application_rejected', case when recipient = 0 then 'candidate' else 'recruiter' end,
              case when recipient = 0 then %(candidate)s::uuid else %(recruiter)s::uuid end, gen_random_uuid(), %(job)s,
              %(candidate)s, now() - n * interval '1 second', gen_random_uuid(), null,
              case when n < %(rows)s - 2 then now() end
       from generate_series(1, %(rows)s) as n, generate_series(0, 1) as recipient""",
    """insert into invitation (tenant_id, invitation_id, email, role, code_hash, command_id, inviter_id, expires_at, revoked_at,
                               created_at)
       select %(company)s, gen_random_uuid(), 'x', 'admin', '', gen_random_uuid(), %(recruiter)s, now(), now(),
              now() - n * interval '1 hour'
       from generate_series(1, %(rows)s) as n""",
    """insert into session (session_id, account_id, expires_at)
       select gen_random_uuid(), md5(%(company)s::text || n)::uuid, now() from generate_series(1, %(rows)s) as n""",
)


def fill(owner: psycopg.Connection, company: UUID, rows: int) -> None:
    values = {
        "company": company,
        "rows": rows,
        "recruiter": RECRUITER,
        "candidate": CANDIDATE,
        "job": JOB if company == COMPANY else UUID(int=company.int + 1),
    }
    for statement in _FILL:
        owner.execute(statement, values)


def others(number: int) -> UUID:
    return UUID(int=COMPANY.int + (number << 100))


def never_analyzed(owner: psycopg.Connection) -> None:
    fill(owner, COMPANY, LONG)


def analyzed_when_short(owner: psycopg.Connection) -> None:
    fill(owner, others(1), SHORT)
    owner.execute("vacuum analyze")
    fill(owner, COMPANY, LONG)


def one_large_among_many(owner: psycopg.Connection) -> None:
    for number in range(1, MANY):
        fill(owner, others(number), 1)
    fill(owner, COMPANY, LONG)
    owner.execute("vacuum analyze")


READER: Final = notifications.Reader(RECRUITER, COMPANY)
NOW: Final = datetime.now(UTC)
Ask = Callable[[AsyncConnection[Any]], Awaitable[object]]

ASKED: Final[dict[str, Ask]] = {
    "applications": lambda it: application_search.of_company(it, COMPANY),
    "applications by score": lambda it: application_search.of_company(it, COMPANY, sort="score"),
    "applications for a job": lambda it: application_search.of_company(
        it, COMPANY, ApplicationFilters(job_id=JOB)
    ),
    "open jobs": lambda it: job_search.browse(it, JobFilters()),
    "open jobs of a company": lambda it: job_search.browse(it, JobFilters(company_id=COMPANY)),
    "jobs of the own company": lambda it: job_search.browse(
        it, JobFilters(), staff=StaffView(company_id=COMPANY)
    ),
    "notifications": lambda it: notifications.listed(it, READER),
    "unread notifications": lambda it: notifications.listed(it, READER, unread=True),
    "how many are unread": lambda it: notifications.unread_count(it, READER),
    "a candidate's notifications": lambda it: notifications.listed(
        it, notifications.Reader(CANDIDATE, None), before=(NOW, UUID(int=0))
    ),
    "a notification": lambda it: notifications.one(it, READER, UUID(int=0)),
    "an account by its id": lambda it: administration.named(it, str(RECRUITER)),
    "who told": lambda it: it.execute(NOTIFYING_COMPANIES, {"account_id": CANDIDATE}),
    "invitations": lambda it: invitations.of_company(it, COMPANY, 51, None),
    "ending sessions": lambda it: sessions.end_all_sessions(it, RECRUITER, "logout_everywhere"),
    "ending surplus sessions": lambda it: sessions.end_surplus(it, RECRUITER),
}


@asynccontextmanager
async def asking(servers: Servers, database_url: str) -> AsyncGenerator[AsyncConnection[Any]]:
    api = servers.api_database(str(conninfo_to_dict(database_url)["dbname"]))
    async with (
        api_pool(api, 1) as pool,
        Database(pool).of(Actor(RECRUITER, "admin", COMPANY)) as connection,
    ):
        yield connection


async def rows_read(connection: AsyncConnection[Any], ask: Ask) -> int:
    """How many rows of tables PostgreSQL looks at for one question."""
    async with connection.transaction():
        before = await _rows_so_far(connection)
        await ask(connection)
        return await _rows_so_far(connection) - before


async def _rows_so_far(connection: AsyncConnection[Any]) -> int:
    cursor = await connection.execute(
        "select sum(seq_tup_read + idx_tup_fetch)::bigint from pg_stat_xact_user_tables", prepare=False
    )
    row: tuple[int] | None = await cursor.fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("state", [never_analyzed, analyzed_when_short, one_large_among_many])
async def test_what_is_asked_of_a_large_company_reads_a_page_of_it(
    servers: Servers, database_url: str, state: Callable[[psycopg.Connection], None]
) -> None:
    ensure_read_models(database_url, MENU)
    with psycopg.connect(database_url, autocommit=True) as owner:
        state(owner)
    async with asking(servers, database_url) as connection:
        # After some askings PostgreSQL may keep one plan for all.
        read = {name: [await rows_read(connection, ask) for _ in range(12)] for name, ask in ASKED.items()}
    assert {name: counts for name, counts in read.items() if max(counts) > ENOUGH} == {}


async def test_rare_words_are_found_by_their_index(servers: Servers, database_url: str) -> None:
    ensure_read_models(database_url, MENU)
    with psycopg.connect(database_url, autocommit=True) as owner:
        one_large_among_many(owner)
        owner.execute("update rm_job_listing__1 set title = 'Glazier' where salary_top = 77")
        owner.execute("vacuum analyze rm_job_listing__1")
    glazier = JobFilters(q="glazier")
    async with asking(servers, database_url) as connection:
        assert await rows_read(connection, lambda it: job_search.browse(it, glazier)) < ENOUGH
        assert await rows_read(connection, lambda it: job_search.browse(it, glazier, sort="newest")) < ENOUGH


def test_walls_from_before_are_none_to_plan_by(database_url: str) -> None:
    ensure_read_models(database_url, MENU)
    tables: LiteralString = "select tablename, qual from pg_policies where policyname = 'api_tenant'"
    with psycopg.connect(database_url, autocommit=True) as owner:
        made = owner.execute(tables).fetchall()
        for table, _ in made:
            owner.execute(
                sql.SQL("alter policy api_tenant on {} using (tenant_id = {})").format(
                    sql.Identifier(table), COMPANY
                )
            )
        owner.execute("update schema_migration set version_num = '0016'")
        for later in ("projection_checkpoint_parked", "invitation_listed"):
            owner.execute(sql.SQL("drop index {}").format(sql.Identifier(later)))
        owner.execute("create index on projection_checkpoint (name, build)")
        owner.execute("create index on invitation (tenant_id, created_at)")
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        walls: dict[str, str] = dict(owner.execute(tables).fetchall())
    assert walls.keys() == dict(made).keys()
    assert [table for table, wall in walls.items() if "CASE" not in wall] == ["log_head"]
