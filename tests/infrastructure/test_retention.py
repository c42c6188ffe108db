"""The scheduler deletes what was kept long enough, and nothing before its time."""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from infrastructure.database.connection_pools import projection_pool
from infrastructure.personal_data.retention import delete_expired
from tests.patience import PATIENCE
from tests.programs import environment, program

ROWS: Final = """
insert into account (account_id, email, name, password_hash)
values ('00000000-0000-0000-0000-000000000001', 'cy@example.com', 'Cy', 'a hash');
insert into company (company_id, name, founder_id)
values ('00000000-0000-0000-0000-000000000002', 'Acme', '00000000-0000-0000-0000-000000000001');

insert into session (session_id, account_id, client, expires_at, ended_at)
select gen_random_uuid(), account_id, client, now() + expires::interval, now() + ended::interval
from account, (values ('gone', '50 days', '-31 days'), ('gone', '-31 days', null),
                      ('kept', '50 days', '-29 days'), ('kept', '-29 days', null), ('kept', '1 day', null))
    as given (client, expires, ended);
insert into refresh_token (token_hash, session_id, expires_at)
select uuid_send(session_id), session_id, expires_at from session;

insert into one_use_code (code_hash, kind, account_id, email, issued_at, expires_at)
select uuid_send(gen_random_uuid()), 'email_confirmation', account_id, given.email, now() + issued::interval,
       now() + expires::interval
from account, (values ('gone', '-61 minutes', '-61 minutes'), ('gone', '-25 hours', '-1 hour'),
                      ('kept', '-59 minutes', '-59 minutes'), ('kept', '-23 hours', '1 hour'))
    as given (email, issued, expires);

insert into invitation (tenant_id, invitation_id, email, role, code_hash, command_id, inviter_id, created_at,
                        expires_at, accepted_at)
select company_id, gen_random_uuid(), given.email, 'recruiter', '', gen_random_uuid(), founder_id,
       now() + created::interval, now(), now()
from company, (values ('gone', '-61 days'), ('kept', '-59 days')) as given (email, created);

insert into request_key (account_id, key_hash, request_hash, created_at)
select account_id, given.key::bytea, '', now() + created::interval
from account, (values ('gone', '-169 hours'), ('kept', '-167 hours')) as given (key, created);

insert into account_mail (kind, email, created_at, mail_status, mail_due_at, mail_done_at)
select 'welcome', given.email, now() - interval '70 days', status, now() + due::interval, now() + done::interval
from (values ('gone', 'sent', null, '-61 days'), ('gone', 'given_up', null, '-61 days'),
             ('kept', 'sent', null, '-59 days'), ('kept', 'retrying', '1 hour', null))
    as given (email, status, due, done);
"""
LEFT: Final = """
select array_agg(client order by client) from session union all
select array_agg(client order by client) from refresh_token join session using (session_id) union all
select array_agg(email order by email) from one_use_code union all
select array_agg(email order by email) from invitation union all
select array_agg(encode(key_hash, 'escape') order by key_hash) from request_key union all
select array_agg(email order by email) from account_mail
"""


def test_the_scheduler_deletes_what_was_kept_long_enough(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    for name, days in (("gone.eml", 61), (".gone.eml.1", 61), ("kept.eml", 59)):
        (outbox / name).touch()
        aged(outbox / name, days)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(ROWS)
        before = connection.execute(LEFT).fetchall()
        with program("schedule", environment(database_url, redis_url, HIRELOG_HOME=str(tmp_path))):
            until_one_is_left(outbox, connection)
        left = connection.execute(LEFT).fetchall()
    assert [[word for word in words if word == "kept"] for (words,) in before] == [words for (words,) in left]
    assert [path.name for path in outbox.iterdir()] == ["kept.eml"]


def test_the_scheduler_goes_on_beside_a_database_of_another_version(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(ROWS)
        connection.execute("alter table personal_text rename column unnamed_at to other")
        with program("schedule", environment(database_url, redis_url, HIRELOG_HOME=str(tmp_path))):
            for _ in range(2):
                until_none(connection, "select from one_use_code where email = 'gone'")
                connection.execute("update one_use_code set email = 'gone', expires_at = issued_at")
                connection.execute("update one_use_code set issued_at = now() - interval '61 minutes'")


def test_what_is_no_old_mail_keeps_no_old_mail_in_the_outbox(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "nowhere")
    for number in range(50):
        (tmp_path / f"{number}.eml").touch()
    for path in tmp_path.iterdir():
        aged(path, 61)
    with closing(projection_pool(database_url, 1)) as pool:
        delete_expired(pool, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def aged(path: Path, days: int) -> None:
    then = time.time() - days * 86_400
    os.utime(path, (then, then), follow_symlinks=False)


def until_one_is_left(outbox: Path, connection: psycopg.Connection[Any]) -> None:
    """Files go last."""
    deadline = time.monotonic() + PATIENCE
    while len(list(outbox.iterdir())) > 1:
        assert time.monotonic() < deadline
        connection.execute("select pg_sleep(0.01)")


def until_none(connection: psycopg.Connection[Any], query: LiteralString) -> None:
    deadline = time.monotonic() + PATIENCE
    while connection.execute(query).rowcount:
        assert time.monotonic() < deadline, query
        connection.execute("select pg_sleep(0.01)")
