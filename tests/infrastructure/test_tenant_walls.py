"""The second wall between tenants: with the first one gone, the API's role still sees only the rows of whoever asks."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg_pool import AsyncConnectionPool

from api.command_line.up import migrate_database
from application.actor import Actor
from infrastructure.database.tenant_walls import (
    NOTIFYING_COMPANIES,
    WALLED,
    Database,
    api_database_url,
    let_api_in,
)
from infrastructure.operator_error import OperatorError
from infrastructure.read_models.read_model import table_name, view_name
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.servers.embedded import Servers
from infrastructure.settings import Settings
from projections.job_listing import JOB_LISTING
from projections.menu import MENU

A, B, ANN, BOB = (UUID(int=number) for number in range(1, 5))
PERSON_OF: Final = {A: ANN, B: BOB}

WHOSE: Final = ("tenant_id", "company_id", "account_id", "owner_id", "subject_id", "candidate_id")
BEFORE_THE_WALLS: Final = {
    "account": "who somebody is comes before what they belong to",
    "company": "its name stands on every open job",
    "session": "found by an account that is signing in",
    "one_use_code": "found by its hash, before anybody has signed in",
    "notification_preference": "changed by a link in a mail, without signing in",
    "account_mail": "the API may only add to it",
    "revocation": "each API process knows all of them, and tells nobody",
}
OF_A_PERSON: Final = {"resume", "request_key"}
_SAMPLES: Final[dict[str, LiteralString]] = {
    "uuid": "gen_random_uuid()",
    "text": "'applied'",
    "bigint": "1",
    "integer": "1",
    "boolean": "true",
    "timestamp with time zone": "now()",
    "bytea": "'x'::bytea",
    "jsonb": "'{}'",
    "ARRAY": "'{}'",
}
_TEXTS: Final[dict[str, LiteralString]] = {"recipient": "'candidate'", "role": "'admin'", "status": "'draft'"}

Owner = psycopg.Connection[Any]


def walled(owner: Owner) -> list[str]:
    """The tables under row-level security."""
    found = owner.execute(
        """select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
           and relrowsecurity order by relname"""
    )
    return [name for (name,) in found]


def add_row(owner: Owner, table: str, tenant: UUID) -> None:
    """A row of a tenant, about its person."""
    columns = owner.execute(
        """select column_name, data_type from information_schema.columns
           where table_schema = 'public' and table_name = %s and is_nullable = 'NO' and column_default is null
           and is_generated = 'NEVER'""",
        [table],
    ).fetchall()
    values: list[sql.Composable] = []
    for name, kind in columns:
        if name in {"tenant_id", "company_id"}:
            values.append(sql.Literal(tenant))
        elif name in WHOSE:
            values.append(sql.Literal(PERSON_OF[tenant]))
        else:
            values.append(sql.SQL(_TEXTS.get(name, _SAMPLES[kind])))
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    owner.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(table), names, sql.SQL(", ").join(values)
        )
    )


@pytest.fixture
def owner(database_url: str) -> Iterator[Owner]:
    """The owner's connection to a database in which each walled table has a row of A about Ann, and one of B about Bob."""
    ensure_read_models(database_url, MENU)
    with psycopg.Connection[Any].connect(database_url, autocommit=True) as connection:
        for tenant, person in PERSON_OF.items():
            connection.execute("insert into company values (%s, 'Mill', %s)", [tenant, person])
            connection.execute(
                "insert into account (account_id, email, name, password_hash) values (%s, %s, 'Mo', '')",
                [person, f"{person}@example.com"],
            )
        for table in walled(connection):
            for tenant in PERSON_OF:
                add_row(connection, table, tenant)
        yield connection


@pytest.fixture
def api_url(servers: Servers, owner: Owner) -> str:
    return servers.api_database(owner.info.dbname)


@pytest.fixture
def api(api_url: str) -> Iterator[Owner]:
    with psycopg.Connection[Any].connect(api_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def database(api_url: str) -> AsyncIterator[Database]:
    """As the API has it, with one connection, which every checkout gets."""
    async with AsyncConnectionPool(
        api_url, min_size=1, max_size=1, open=False, kwargs={"autocommit": True}
    ) as pool:
        yield Database(pool)


def show(api: Owner, *tenants: UUID, account: UUID | None = None) -> None:
    listed = "{" + ",".join(map(str, tenants)) + "}" if tenants else ""
    api.execute("select set_config('hirelog.tenants', %s, false)", [listed])
    api.execute("select set_config('hirelog.account', %s, false)", [str(account or "")])


def seen(api: Owner, table: str) -> list[tuple[UUID | None, set[UUID]]] | None:
    """Of each row that the API's role sees its tenant and the people that it names; None where it may not look at all."""
    try:
        found = api.execute(sql.SQL("select to_jsonb(one) from {} as one").format(sql.Identifier(table)))
    except errors.InsufficientPrivilege:
        return None
    rows = [row for (row,) in found]
    return [
        (
            UUID(row["tenant_id"]) if "tenant_id" in row else None,
            {UUID(row[name]) for name in WHOSE[2:] if row.get(name)},
        )
        for row in rows
    ]


def test_a_table_that_names_a_tenant_or_a_person_is_walled_or_has_a_reason(owner: Owner) -> None:
    found = owner.execute(
        """select distinct table_name from information_schema.columns join information_schema.tables
           using (table_schema, table_name)
           where table_schema = 'public' and table_type = 'BASE TABLE' and column_name = any(%s)""",
        [list(WHOSE)],
    )
    assert {name for (name,) in found} - set(walled(owner)) == set(BEFORE_THE_WALLS)


def test_who_says_nothing_sees_nothing(owner: Owner, api: Owner) -> None:
    for unset in (False, True):
        if unset:
            show(api)
        for table in walled(owner):
            assert owner.execute(sql.SQL("select from {}").format(sql.Identifier(table))).rowcount == 2
            assert not seen(api, table), table
        for model in MENU:
            assert seen(api, view_name(model)) == []


def test_each_tenant_sees_its_own_rows_and_each_person_theirs(owner: Owner, api: Owner) -> None:
    tables = [*walled(owner), *(view_name(model) for model in MENU)]
    readable = {table for table in tables if seen(api, table) is not None}
    assert {"event", "log_head", "personal_text", "effect", "invitation", *OF_A_PERSON} <= readable
    for tenant, person in PERSON_OF.items():
        show(api, tenant)
        for table in readable - OF_A_PERSON:
            assert [whose for whose, _ in seen(api, table) or ()] == [tenant], table
        show(api, account=person)
        for table in ("personal_text", "effect", *OF_A_PERSON, "rm_application_list"):
            assert [person in people for _, people in seen(api, table) or ()] == [True], table
        for table in ("event", "log_head", "invitation", "projection_checkpoint", "rm_job_dashboard"):
            assert seen(api, table) == [], table
    show(api, A, B)
    assert len(seen(api, "event") or ()) == 2


def test_nobody_writes_for_another_tenant(api: Owner) -> None:
    show(api, A, account=ANN)
    for statement in (
        "insert into event values (%(b)s, 9, %(x)s, 1, 'T', '', null, %(x)s, now())",
        "insert into log_head values (%(x)s, 0)",
        "insert into log_head values (%(b)s, 0) on conflict (tenant_id) do update set position = 0",
        "insert into personal_text (tenant_id, text_id, subject_id, content) values (%(b)s, %(x)s, %(bob)s, '{}')",
        "update invitation set tenant_id = %(b)s",
        "insert into request_key (account_id, key_hash, request_hash) values (%(bob)s, '', '')",
    ):
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            api.execute(statement, {"b": B, "bob": BOB, "x": uuid4()})
    for statement in (
        "update log_head set position = 0 where tenant_id = %s",
        "delete from personal_text where tenant_id = %s",
        "update effect set read_at = now() where tenant_id = %s",
        "update invitation set revoked_at = now() where tenant_id = %s",
    ):
        assert api.execute(statement, [B]).rowcount == 0


WAYS_AROUND: Final[tuple[LiteralString, ...]] = (
    "alter table event disable row level security",
    "alter table event no force row level security",
    "drop policy api_tenant on event",
    "create policy all_of_it on event to hirelog_api using (true)",
    "alter policy api_tenant on event using (true)",
    "set row_security = off; select from event",
    "set role hirelog",
    "set session authorization hirelog",
    "alter role hirelog_api bypassrls",
    "alter role hirelog_api superuser",
    "create role another superuser",
    "create function everything() returns setof event security definer language sql as 'select * from event'",
    "create table mine (id integer)",
    "create view everything as select * from event",
    "create schema mine",
    "alter view rm_job_listing set (security_invoker = false)",
    "select from event_log",
    "select from account_mail",
    "select from pg_authid",
    "copy event to program 'cat'",
    "copy event from '/etc/passwd'",
    "update event set data = ''",
    "delete from event",
    "truncate event",
    "delete from log_head",
    "update rm_application_list set candidate_id = tenant_id",
    "update effect set account_id = tenant_id",
    "set session_replication_role = replica",
)


def test_the_role_has_no_way_around(owner: Owner, api: Owner) -> None:
    owner.execute("create schema elsewhere create table event_copy (data bytea)")
    for statement in (*WAYS_AROUND, "select from elsewhere.event_copy"):
        with pytest.raises(errors.InsufficientPrivilege):
            api.execute(statement)


def test_of_queued_mail_the_api_learns_a_number(owner: Owner, api: Owner) -> None:
    owner.execute("insert into account_mail (kind, email) values ('welcome', 'Ann@example.com')")
    asked = "select account_mail_of_last_hour('welcome', 'ann@example.com')"
    assert api.execute(asked).fetchone() == (1,)
    owner.execute("revoke execute on function account_mail_of_last_hour from hirelog_api")
    with pytest.raises(errors.InsufficientPrivilege):
        api.execute(asked)


def test_with_the_owners_address_alone_the_api_takes_the_role(owner: Owner, database_url: str) -> None:
    with psycopg.Connection[Any].connect(
        api_database_url(Settings(database_url=database_url)), autocommit=True
    ) as api:
        assert api.execute(f"select current_user, {WALLED}").fetchone() == ("hirelog_api", True)
        assert seen(api, "event") == []
    assert owner.execute(f"select {WALLED}").fetchone() == (False,)


async def test_a_connection_shows_nothing_of_who_had_it_before(database: Database) -> None:
    ann = Actor(ANN, "recruiter", A)
    count = "select (select count(*) from event), (select count(*) from resume)"
    for opened, rows in (
        (database.of(ann), (1, 1)),
        (database.identity(), (0, 0)),
        (database.of_tenant(B), (1, 0)),
        (database.of_account(BOB), (0, 1)),
        (database.of(None), (0, 0)),
        (database.of_notified(Actor(BOB, "candidate")), (1, 1)),
        (database.of(Actor(uuid4(), "candidate")), (0, 0)),
    ):
        async with opened as connection:
            assert await (await connection.execute(count)).fetchone() == rows
    assert await database.is_walled()


def rows_read(plan: dict[str, Any]) -> int:
    """How many rows a plan that was carried out took from tables and indexes."""
    below = sum(rows_read(part) for part in plan.get("Plans", ()))
    if "Relation Name" not in plan:
        return below
    each: float = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    loops: int = plan["Actual Loops"]
    return below + round(each * loops)


def test_who_told_somebody_something_is_found_however_much_that_was(owner: Owner, api: Owner) -> None:
    """As one who was a candidate of three companies and then a recruiter in one of them."""
    for tenant, recipient in ((UUID(int=7), "candidate"), (UUID(int=8), "candidate"), (A, "recruiter")):
        owner.execute(
            """insert into effect (tenant_id, position, number, kind, recipient, account_id, application_id, job_id,
                                   candidate_id, created_at, mail_id)
               select %s, number, 9, 'qualified', %s, %s, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(),
                      gen_random_uuid()
               from generate_series(1, 2000) as number""",
            [tenant, recipient, BOB],
        )
    owner.execute("vacuum analyze effect")
    show(api, A, account=BOB)
    told = {"account_id": BOB}
    assert {tenant for (tenant,) in api.execute(NOTIFYING_COMPANIES, told)} == {B, UUID(int=7), UUID(int=8)}
    ((((carried_out,),),)) = api.execute(
        "explain (analyze, format json) " + NOTIFYING_COMPANIES, told
    ).fetchall()
    assert rows_read(carried_out["Plan"]) < 20


def test_an_open_job_is_everybodys_and_found_by_the_indexes(owner: Owner, api: Owner) -> None:
    owner.execute("update rm_job_listing set status = 'open' where tenant_id = %s", [B])
    assert [whose for whose, _ in seen(api, "rm_job_listing") or ()] == [B]
    show(api, A)
    assert {whose for whose, _ in seen(api, "rm_job_listing") or ()} == {A, B}
    with pytest.raises(errors.InsufficientPrivilege):
        api.execute(f"select from {table_name(JOB_LISTING, 1)}".encode())
    browsing = owner.execute(
        "select indexname from pg_indexes where tablename = %s and indexdef like '%%btree%%listed_at%%' or indexdef like '%%salary_top%%'",
        [table_name(JOB_LISTING, 1)],
    )
    for (index,) in browsing.fetchall():
        owner.execute(sql.SQL("drop index {}").format(sql.Identifier(index)))
    api.execute("set enable_seqscan = off")
    for condition in (
        "words @@ job_query('mill', null, null)",
        "location ilike '%own%'",
        "skill_keys && '{sql}'",
    ):
        plan = api.execute(
            f"explain select from rm_job_listing where status = 'open' and {condition}".encode()
        ).fetchall()
        assert "Index Cond" in str(plan), plan


def test_a_build_from_before_there_was_a_wall_gets_one(owner: Owner, api: Owner, database_url: str) -> None:
    for model in MENU:
        table, view = table_name(model, 1), view_name(model)
        for statement in (
            "drop view {view}",
            "alter table {table} disable row level security",
            "drop policy if exists api_tenant on {table}",
            "create view {view} as select * from {table}",
            "grant select on {table}, {view} to hirelog_api",
        ):
            owner.execute(sql.SQL(statement).format(table=sql.Identifier(table), view=sql.Identifier(view)))
        assert len(seen(api, view) or ()) == 2
    ensure_read_models(database_url, MENU)
    for model in MENU:
        assert seen(api, view_name(model)) == []


@pytest.mark.parametrize(
    "left_out",
    [
        "revoke all on event from hirelog_api",
        "drop policy api_tenant on event; drop policy api_adds on event",
    ],
)
def test_migrating_says_that_a_restore_left_out_what_the_api_needs(
    owner: Owner, database_url: str, left_out: LiteralString
) -> None:
    migrate_database(database_url, None)
    owner.execute(left_out)
    with pytest.raises(OperatorError, match="restored without the role hirelog_api or its rights"):
        migrate_database(database_url, None)


def test_migrations_at_once_let_the_api_in_one_after_the_other(owner: Owner, database_url: str) -> None:
    address = "postgresql://hirelog_api:knock@db/hirelog"
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: let_api_in(database_url, address), range(64)))
    finally:
        owner.execute("alter role hirelog_api password null")


def test_migrating_lets_the_api_in_by_the_password_of_its_address(owner: Owner, database_url: str) -> None:
    read = "select rolpassword from pg_authid where rolname = 'hirelog_api'"
    for address in (None, "postgresql://hirelog_api@db/hirelog", "postgresql://other:secret@db/hirelog"):
        let_api_in(database_url, address)
        assert owner.execute(read).fetchone() == (None,)
    let_api_in(database_url, "postgresql://hirelog_api:kn%40ck@db/hirelog")
    try:
        ((verifier,),) = owner.execute(read).fetchall()
        method, iterations_and_salt, keys = verifier.split("$")
        iterations, salt = iterations_and_salt.split(":")
        salted = hashlib.pbkdf2_hmac("sha256", b"kn@ck", base64.b64decode(salt), int(iterations))
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        assert (method, keys.split(":")[0]) == ("SCRAM-SHA-256", base64.b64encode(stored).decode())
    finally:
        owner.execute("alter role hirelog_api password null")
