"""The queue of due mail: no mail twice, one pace, leases that are renewed, turns, and connections that break."""

import threading
import time

import psycopg
import pytest

from infrastructure.mail import queue as mail_queue
from infrastructure.mail.administration import figures
from infrastructure.mail.delivery import ATTEMPTS
from tests.domain.builders import created
from tests.mail_servers import Answer
from tests.mail_world import MailWorld
from tests.read_models import new_id, new_tenant


def test_several_deliverers_send_no_mail_twice_and_keep_the_pace_together(mail_world: MailWorld) -> None:
    for _ in range(20):
        mail_world.apply()
    mail_world.store_effects()
    began = time.monotonic()
    with mail_world.delivering(3, per_second=80):
        mail_world.provider.wait_for(40)
    seconds = time.monotonic() - began
    assert seconds > (40 - 3 * 8) / 80
    mail_world.until("select bool_and(mail_status = 'sent') from effect")
    assert len(set(mail_world.provider.mail_ids)) == len(mail_world.provider.mail_ids) == 40
    with mail_world.pool.connection() as connection:
        assert (figures(connection).waiting, figures(connection).sent) == (0, 40)


def test_connections_that_break_lose_no_mail_and_end_no_deliverer(mail_world: MailWorld) -> None:
    for _ in range(10):
        mail_world.apply()
    mail_world.store_effects()
    deliverer = mail_world.deliverer(per_second=100)
    with psycopg.connect(mail_world.database_url, autocommit=True) as own, deliverer.running():
        for count in (3, 8):
            deliverer.wake()
            mail_world.provider.wait_for(count)
            own.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        while own.execute("select bool_and(mail_status = 'sent') from effect").fetchone() != (True,):
            for (mail_id,) in own.execute(
                "select mail_id from effect where mail_due_at is not null"
            ).fetchall():
                own.execute(
                    "update effect set mail_due_at = now() where mail_id = %s and mail_due_at is not null",
                    [mail_id],
                )
            deliverer.wake()
            threading.Event().wait(0.05)
        stored = own.execute("select mail_id::text from effect").fetchall()
    assert {(one,) for one in mail_world.provider.mail_ids} == set(stored)


def test_mail_that_somebody_else_is_changing_is_passed_over(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    with psycopg.connect(mail_world.database_url) as reader, mail_world.pool.connection() as connection:
        reader.execute("update effect set read_at = now() where number = 0")
        connection.execute("set lock_timeout = '1s'")
        claimed = mail_queue.claim(connection, limit=10, per_second=100)
        assert len(claimed.mails) == 1
        reader.commit()
    with mail_world.pool.connection() as connection:
        assert [due.mail_id for due in claimed.mails] == [
            mail_id
            for (mail_id,) in connection.execute("select mail_id from effect where mail_status = 'sending'")
        ]


def test_a_clock_that_was_a_day_ahead_does_not_keep_mail_back_for_a_day(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    with mail_world.pool.connection() as connection:
        for ahead, longest in (("held_until", 3600), ("next_at", 5)):
            mail_world.execute(f"update mail_pace set {ahead} = now() + interval '1 day'")
            for _ in range(2):
                claimed = mail_queue.claim(connection, limit=1, per_second=1_000)
                assert not claimed.mails
                assert claimed.seconds is not None
                assert longest - 5 < claimed.seconds <= longest
            mail_world.execute("update mail_pace set held_until = now(), next_at = now()")
        assert len(mail_queue.claim(connection, limit=1, per_second=1_000).mails) == 1


def test_mail_is_put_off_for_as_long_as_a_slow_pace_takes(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    with mail_world.pool.connection() as connection:
        for mails in (1, 0):
            claimed = mail_queue.claim(connection, limit=1, per_second=0.01)
            assert len(claimed.mails) == mails
            assert claimed.seconds == pytest.approx(100, abs=5)


def test_mail_goes_out_although_nobody_tells_the_deliverer(mail_world: MailWorld) -> None:
    with mail_world.deliverer(idle_seconds=0.05).running():
        mail_world.apply()
        mail_world.store_effects()
        mail_world.until("select count(*) = 2 and bool_and(mail_status = 'sent') from effect")


def test_a_provider_that_takes_long_keeps_its_mail(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.provider.answer = lambda _request: Answer(hang=True)
    with mail_world.delivering(2, lease_seconds=0.3, timeout=1.0):
        mail_world.provider.wait_for(2)
        mail_world.until("select count(*) = 2 and bool_and(mail_status = 'retrying') from effect")
    assert len(mail_world.provider.requests) == 2, "a lease of 0.3 s was renewed for a second"


def test_a_mail_that_is_still_being_sent_is_not_sent_beside_itself(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.provider.answer = lambda _request: Answer(hang=True)
    deliverer = mail_world.deliverer(timeout=1.0)
    with deliverer.running():
        deliverer.wake()
        mail_world.provider.wait_for(2)
        mail_world.time_passes()
        deliverer.wake()
        mail_world.until("select bool_and(mail_attempts = 2) from effect")
    assert len(mail_world.provider.requests) == 2


def test_a_mail_that_ends_every_process_is_given_up(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.execute("update effect set mail_status = 'sending', mail_attempts = %s", ATTEMPTS)
    mail_world.time_passes()
    mail_world.deliver()
    assert {outcome[1] for outcome in mail_world.outcomes()} == {"given_up"}
    assert mail_world.provider.requests == []


def test_a_company_with_many_mails_does_not_hold_up_the_others(mail_world: MailWorld) -> None:
    mail_world.apply()
    first = mail_world.tenant
    mail_world.store_effects()
    mail_world.execute(
        """insert into effect (tenant_id, position, number, kind, recipient, account_id, application_id, job_id, candidate_id,
                               created_at, mail_id)
           select tenant_id, position + further, number, kind, recipient, account_id, application_id, job_id, candidate_id,
                  created_at, gen_random_uuid()
           from effect, generate_series(1000, 3000) as further"""
    )
    mail_world.candidate = mail_world.account("Other", "other@example.com")
    mail_world.tenant = new_tenant()
    mail_world.recruiter = mail_world.account("Ole", "ole@example.com", mail_world.tenant)
    mail_world.job_id = new_id(mail_world.tenant)
    mail_world.append(mail_world.job_id, created(created_by=mail_world.recruiter))
    mail_world.apply()
    mail_world.store_effects()
    with mail_world.pool.connection() as connection:
        claimed = mail_queue.claim(connection, limit=4, per_second=10)
    tenants = [due.tenant_id for due in claimed.mails if isinstance(due, mail_queue.DueEffect)]
    assert sorted(tenants) == sorted([first, first, mail_world.tenant, mail_world.tenant])
