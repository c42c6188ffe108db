"""A projector reads what is new of the logs that it was called for, whatever PostgreSQL knows about how many there are."""

from collections.abc import Callable
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from infrastructure.database.connection_pools import mail_pool, projection_pool
from infrastructure.mail.administration import figures
from infrastructure.mail.effects_projector import EffectsProjector
from infrastructure.mail.queue import any_due
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.setup import ensure_read_models
from projections.menu import FOLLOWERS, MENU

MANY: Final = 1_500
LONG: Final = 3_000
ENOUGH: Final = 200

LARGE, JOB, APPLICATION = (UUID(int=number) for number in (1, 2, 3))

_JOB: Final = b"""{"type": "JobCreated", "created_by": "00000000-0000-0000-0000-000000000004", "openings": 1,
 "posting": {"title": "Baker"}, "requirements": {}}"""
_SUBMITTED: Final = b"""{"type": "ApplicationSubmitted", "job_id": "00000000-0000-0000-0000-000000000002",
 "candidate_id": "00000000-0000-0000-0000-000000000005", "claims": {}, "requirements_revision": 1}"""
_ADVANCED: Final = b'{"type": "StageAdvanced", "from_stage": "applied", "to_stage": "screening"}'

_EVENT: Final[LiteralString] = """
insert into event (tenant_id, position, stream_id, version, type, data, command_id, recorded_at)
values (%s, %s, %s, %s, %s, %s, gen_random_uuid(), now())
"""
# Logs that were read to their end, whose only events are views.
_LOGS: Final[LiteralString] = """
with tenant as (select md5(number::text)::uuid as id from generate_series(%(first)s::int, %(last)s::int) as number),
viewed as (
    insert into event (tenant_id, position, stream_id, version, type, data, command_id, recorded_at)
    select id, 1, gen_random_uuid(), 1, 'JobViewed', '{}', gen_random_uuid(), now() from tenant),
head as (insert into log_head (tenant_id, position) select id, 1 from tenant)
insert into projection_checkpoint (name, build, tenant_id, position)
select name, build, id, 1 from tenant, projection
"""
_MAIL: Final[LiteralString] = """
insert into account_mail (kind, email, mail_status, mail_due_at, mail_done_at)
select 'welcome', 'x', 'sent', null, now() from generate_series(%(first)s::int, %(last)s::int)
"""


def fill(owner: psycopg.Connection, first: int, last: int) -> None:
    for statement in (_LOGS, _MAIL):
        owner.execute(statement, {"first": first, "last": last})


def fill_large(owner: psycopg.Connection) -> None:
    owner.execute(_EVENT, (LARGE, 1, JOB, 1, "JobCreated", _JOB))
    owner.execute(_EVENT, (LARGE, 2, APPLICATION, 1, "ApplicationSubmitted", _SUBMITTED))
    owner.execute(
        """insert into event (tenant_id, position, stream_id, version, type, data, command_id, recorded_at)
           select %s, position, gen_random_uuid(), 1, 'JobViewed', '{}', gen_random_uuid(), now()
           from generate_series(3, %s) as position""",
        (LARGE, LONG),
    )
    owner.execute(_EVENT, (LARGE, LONG + 1, APPLICATION, 2, "StageAdvanced", _ADVANCED))
    owner.execute("insert into log_head (tenant_id, position) values (%s, %s)", (LARGE, LONG + 1))
    owner.execute(
        "insert into projection_checkpoint (name, build, tenant_id, position) select name, build, %s, %s from projection",
        (LARGE, LONG),
    )


def never_analyzed(owner: psycopg.Connection) -> None:
    fill(owner, 1, MANY)
    fill_large(owner)


def analyzed_when_short(owner: psycopg.Connection) -> None:
    fill(owner, 1, 3)
    owner.execute("vacuum analyze")
    fill(owner, 4, MANY)
    fill_large(owner)


def one_large_among_many(owner: psycopg.Connection) -> None:
    fill(owner, 1, MANY)
    fill_large(owner)
    owner.execute("vacuum analyze")


State = Callable[[psycopg.Connection], None]
STATES: Final = [never_analyzed, analyzed_when_short, one_large_among_many]


def rows_read(owner: psycopg.Connection, pool: ConnectionPool[Any]) -> int:
    """How many rows of tables the connections of a pool have looked at so far; it has only one."""
    with pool.connection() as connection:
        connection.execute("select pg_stat_force_next_flush()")
        connection.execute("select")
    owner.execute("select pg_stat_force_next_flush()")
    found = owner.execute(
        "select sum(seq_tup_read + idx_tup_fetch)::bigint from pg_stat_user_tables"
    ).fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("tenants", [[LARGE], [LARGE, UUID(int=9)]], ids=["one log", "several"])
def test_a_unit_reads_what_is_new(database_url: str, state: State, tenants: list[UUID]) -> None:
    ensure_read_models(database_url, MENU)
    read: dict[str, list[int]] = {}
    with psycopg.connect(database_url, autocommit=True) as owner, projection_pool(database_url, 1) as pool:
        state(owner)
        for _ in range(8):
            for model in FOLLOWERS:
                projector = EffectsProjector(pool) if model not in MENU else Projector(pool, model)
                before = rows_read(owner, pool)
                assert projector.unit(tenants).moved == 1
                read.setdefault(model.name, []).append(rows_read(owner, pool) - before)
            owner.execute("delete from effect")
            owner.execute(
                "update projection_checkpoint set position = %s where tenant_id = %s", (LONG, LARGE)
            )
    assert {name: counts for name, counts in read.items() if max(counts) > ENOUGH} == {}


@pytest.mark.parametrize("state", STATES)
def test_how_mail_stands_is_told_without_a_look_at_what_was_sent(database_url: str, state: State) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner, mail_pool(database_url) as pool:
        state(owner)
        pool.resize(1, 1)
        before = rows_read(owner, pool)
        with pool.connection() as connection:
            assert not any_due(connection)
            assert figures(connection).waiting == 0
        assert rows_read(owner, pool) - before < ENOUGH
