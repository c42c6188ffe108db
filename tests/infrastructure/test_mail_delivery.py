"""Delivery against a provider on this machine: what is sent, tried again, held, given up or never sent."""

import asyncio
import contextlib
import threading
from typing import Any, get_args
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from application.commands import membership_id
from application.effects import AccountKind
from domain.job_application import ApplicationRejected, StageAdvanced
from domain.membership import MemberJoined, MemberLeft
from infrastructure.mail import account_mail
from infrastructure.mail import outcomes as mail_outcomes
from infrastructure.mail import queue as mail_queue
from infrastructure.mail.administration import figures, mails, send_again
from infrastructure.mail.context import effect_mail
from infrastructure.mail.delivery import ATTEMPTS, LONGEST_PAUSE_SECONDS, pause_seconds
from infrastructure.mail.links import MailLinks
from infrastructure.mail.templates import KEYS
from tests.database_failures import read_only
from tests.mail_servers import Answer
from tests.mail_world import SETTINGS, MailWorld
from tests.read_models import new_tenant


def failing(times: int, answer: Answer, then: Answer | None = None) -> Any:
    left = iter(range(times))
    return lambda _request: answer if next(left, None) is not None else then or Answer()


def test_each_mail_is_sent_once_with_what_is_known_when_it_is_sent(mail_world: MailWorld) -> None:
    application_id = mail_world.apply()
    mail_world.append(application_id, StageAdvanced(from_stage="applied", to_stage="screening"))
    mail_world.store_effects()
    mail_world.execute("update account set name = 'Cleo Changed' where account_id = %s", mail_world.candidate)
    for _ in range(2):
        mail_world.deliver()
    assert [outcome[:3] for outcome in mail_world.outcomes()] == [
        ("application_received", "sent", 1),
        ("new_application", "sent", 1),
        ("stage_changed", "sent", 1),
    ]
    assert mail_world.to() == ["cleo@example.com", "cleo@example.com", "rita@example.com"]
    assert "Cleo Changed" in mail_world.provider.requests[0]["content"][0]["value"]
    assert len(set(mail_world.provider.mail_ids)) == 3


async def test_the_outcomes_are_told_by_position(mail_world: MailWorld) -> None:
    application_id = mail_world.apply()
    mail_world.append(application_id, ApplicationRejected(from_stage="applied"))
    mail_world.store_effects()
    recruiter = "rita@example.com"
    mail_world.provider.answer = lambda mail: (
        Answer() if recruiter in str(mail["personalizations"]) else Answer(500)
    )
    mail_world.deliver()
    async with (
        AsyncConnectionPool(mail_world.database_url, min_size=1) as pool,
        pool.connection() as connection,
    ):
        outcomes = await mail_outcomes.of_positions(connection, mail_world.tenant, [1, 3, 4])
        assert await mail_outcomes.of_positions(connection, new_tenant(), [3]) == {}
    assert [(one.kind, one.to, one.status, one.reason) for one in outcomes[3]] == [
        ("application_received", "candidate", "retrying", "SendGrid answered 500: the reason"),
        ("new_application", "recruiter", "sent", None),
    ]
    assert [one.status for one in outcomes[4]] == ["retrying"]
    assert outcomes.keys() == {3, 4}
    assert all(one.at is not None for mails in outcomes.values() for one in mails)


def test_a_failure_is_tried_again_ever_more_rarely_and_given_up_at_last(mail_world: MailWorld) -> None:
    mail_world.apply(mail_world.account("Bob", "bob@example.com"))
    mail_world.store_effects()
    mail_world.execute("update effect set mail_status = 'switched_off', mail_due_at = null where number = 1")
    mail_world.provider.answer = lambda _request: Answer(503)
    waits: list[float] = []
    for attempt in range(1, ATTEMPTS + 1):
        mail_world.deliver()
        ((_, status, attempts, _),) = mail_world.outcomes()[:1]
        assert (status, attempts) == ("retrying" if attempt < ATTEMPTS else "given_up", attempt)
        found = mail_world.execute(
            "select extract(epoch from mail_due_at - now())::float8 from effect where number = 0"
        )
        waits += [seconds for (seconds,) in found if seconds is not None]
        mail_world.time_passes()
    mail_world.deliver()
    assert len(mail_world.provider.requests) == ATTEMPTS == len(waits) + 1
    assert waits[0] == pytest.approx(60, rel=0.3)
    assert waits[-1] == pytest.approx(LONGEST_PAUSE_SECONDS, rel=0.3)
    assert len(set(mail_world.provider.mail_ids)) == 1

    mail_world.provider.answer = lambda _request: Answer()
    with mail_world.pool.connection() as connection:
        (listed,) = mails(connection, "given_up")
        assert (listed.email, listed.reason) == (
            "bob@example.com",
            "SendGrid answered 503: the reason (after 12 attempts)",
        )
        assert send_again(connection, uuid4()) == 0
        assert send_again(connection, listed.mail_id) == 1
    mail_world.deliver()
    assert mail_world.outcomes()[0][1:] == ("sent", 1, None)
    assert mail_world.provider.mail_ids[-1] == str(listed.mail_id)


def test_mail_goes_out_after_the_database_took_no_writes_for_a_while(
    administration: psycopg.Connection, mail_world: MailWorld
) -> None:
    mail_world.apply()
    mail_world.store_effects()
    with read_only(administration, mail_world.database_url), contextlib.ExitStack() as stack:
        for _ in range(mail_world.pool.max_size):
            stack.enter_context(mail_world.pool.connection())
    mail_world.deliver(idle_seconds=0.01)
    assert {status for _, status, _, _ in mail_world.outcomes()} == {"sent"}


def test_the_pauses_are_some_36_hours_in_all_and_never_the_same() -> None:
    pauses = [pause_seconds(attempt) for attempt in range(1, ATTEMPTS)]
    assert 27 < sum(pauses) / 3600 < 45
    assert len({pause_seconds(1) for _ in range(10)}) > 1


def test_a_fault_that_nobody_foresaw_does_not_end_the_deliverer(
    mail_world: MailWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_world.apply()
    mail_world.store_effects()
    connection, failed = mail_world.pool.connection, threading.Event()

    def failing_once() -> Any:
        if failed.is_set() or threading.current_thread().name != "mail":
            return connection()
        failed.set()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(mail_world.pool, "connection", failing_once)
    mail_world.deliver(idle_seconds=0.05)
    assert failed.is_set()
    assert {status for _, status, *_ in mail_world.outcomes()} == {"sent"}


def test_what_is_refused_for_good_is_not_tried_again(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.provider.answer = lambda _request: Answer(400)
    mail_world.deliver()
    mail_world.time_passes()
    mail_world.deliver()
    assert [outcome[1:] for outcome in mail_world.outcomes()] == [
        ("given_up", 1, "SendGrid answered 400: the reason")
    ] * 2


def test_whatever_a_provider_says_the_outcome_is_recorded(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.provider.answer = lambda _request: Answer(400, said="no \0 \x1b[31m\nuser")
    mail_world.deliver()
    assert [outcome[1:] for outcome in mail_world.outcomes()] == [
        ("given_up", 1, "SendGrid answered 400: no [31m user")
    ] * 2


def test_too_many_requests_hold_all_mail_as_long_as_the_provider_says_and_cost_no_attempt(
    mail_world: MailWorld,
) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.provider.answer = failing(1, Answer(429, {"Retry-After": "120"}))
    with mail_world.delivering(per_second=10):
        mail_world.until("select held_reason is not null from mail_pace")
        ((seconds,),) = mail_world.execute(
            "select extract(epoch from held_until - now())::float8 from mail_pace"
        )
        mail_world.until("select count(*) = 0 from effect where mail_status = 'sending'")
        mail_world.apply()
        mail_world.store_effects()
    assert seconds == pytest.approx(120, abs=5)
    held = len(mail_world.provider.requests)
    assert held <= 2, "what was under way, and nothing after it"
    with mail_world.pool.connection() as connection:
        assert not mail_queue.any_due(connection)
        assert figures(connection).held_reason == "SendGrid answered 429: the reason"

    mail_world.time_passes()
    with mail_world.delivering():
        mail_world.until("select held_reason is null from mail_pace")
    mail_world.time_passes()
    mail_world.deliver()
    assert {outcome[1:3] for outcome in mail_world.outcomes()} == {("sent", 1)}
    assert len(mail_world.provider.requests) == 4 + 1


def test_a_key_that_is_refused_loses_no_mail(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.provider.key = "SG.another"
    for _ in range(ATTEMPTS + 2):
        deliverer = mail_world.deliverer(key="SG.test")
        with deliverer.running():
            count = len(mail_world.provider.requests)
            deliverer.wake()
            mail_world.provider.wait_for(count + 1)
        mail_world.time_passes()
    assert {outcome[1:3] for outcome in mail_world.outcomes()} == {("queued", 0)}


def test_nobody_is_told_about_or_as_somebody_who_was_erased_or_left_or_does_not_want_it(
    mail_world: MailWorld,
) -> None:
    other = mail_world.account("Dora", "dora@example.com")
    mail_world.apply(other)
    mail_world.apply()
    mail_world.execute(
        "insert into notification_preference values (%s, 'application_received', false, true)",
        mail_world.candidate,
    )
    mail_world.execute("delete from account where account_id = %s", other)
    mail_world.store_effects()
    mail_world.deliver()
    assert [outcome[:2] for outcome in mail_world.outcomes()] == [
        ("application_received", "switched_off"),
        ("new_application", "switched_off"),
        ("application_received", "switched_off"),
        ("new_application", "sent"),
    ]
    mail_world.append(
        membership_id(mail_world.tenant),
        MemberLeft(account_id=mail_world.recruiter),
        tenant=mail_world.tenant,
    )
    mail_world.apply()
    mail_world.store_effects()
    mail_world.deliver()
    assert [outcome[1] for outcome in mail_world.outcomes()[4:]] == ["switched_off", "switched_off"]
    assert mail_world.to() == ["rita@example.com"]


async def queue_for(
    mail_world: MailWorld,
    kind: AccountKind,
    account_id: UUID | None,
    email: str = "new@example.com",
    **parameters: str,
) -> None:
    async with await psycopg.AsyncConnection.connect(mail_world.database_url) as connection:
        await account_mail.queue(connection, kind, account_id=account_id, email=email, parameters=parameters)


def test_of_other_members_nothing_is_taken_apart_for_a_mail(mail_world: MailWorld) -> None:
    mail_world.apply()
    others = [MemberJoined(account_id=uuid4(), role="auditor") for _ in range(20)]
    mail_world.append(membership_id(mail_world.tenant), *others, tenant=mail_world.tenant)
    mail_world.store_effects()
    ((position, number),) = mail_world.execute(
        "select position, number from effect where kind = 'new_application'"
    )
    with mail_world.pool.connection() as connection, connection.transaction():
        connection.execute("set local track_functions = 'pl'")
        found = effect_mail(connection, mail_world.tenant, position, number, MailLinks(SETTINGS))
        parsed = connection.execute(
            "select calls from pg_stat_xact_user_functions where funcname = 'json_or_null'"
        ).fetchone()
    assert found is not None
    assert parsed == (3,), "what is said, the job's title, and how the recipient joined"


async def test_mail_about_accounts_goes_first_and_its_code_is_erased(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    await queue_for(mail_world, "password_reset", mail_world.candidate, name="Cleo", code="one-use-code")
    gone = mail_world.account("Gone", "gone@example.com")
    await queue_for(mail_world, "welcome", gone, name="Gone")
    mail_world.execute("delete from account where account_id = %s", gone)
    await queue_for(mail_world, "password_changed", gone, name="Gone")
    with mail_world.pool.connection() as connection:
        (first,) = mail_queue.claim(connection, limit=1, per_second=1_000).mails
        mail_queue.give_back(connection, first)
    assert first.kind == "password_reset"
    mail_world.deliver()
    (request,) = (one for one in mail_world.provider.requests if one["subject"] == "Set a new password")
    assert request["personalizations"][0]["to"] == [{"email": "new@example.com", "name": "Cleo"}]
    assert "one-use-code" in request["content"][0]["value"]
    found = mail_world.execute("select kind, mail_status, parameters from account_mail order by kind")
    assert found == [("password_reset", "sent", None), ("welcome", "switched_off", None)]


async def test_a_given_up_code_is_gone_but_a_welcome_can_be_sent_again(mail_world: MailWorld) -> None:
    await queue_for(
        mail_world, "invitation", None, company="C", role="recruiter", code="one-use-code", inviter="R"
    )
    await queue_for(mail_world, "welcome", mail_world.candidate, name="Cleo")
    mail_world.provider.answer = lambda _request: Answer(400)
    mail_world.deliver()
    mail_world.provider.answer = lambda _request: Answer()
    assert mail_world.execute(
        "select count(*) from account_mail where parameters::text like '%%one-use%%'"
    ) == [(0,)]
    with mail_world.pool.connection() as connection:
        assert send_again(connection) == 1
    mail_world.deliver()
    found = mail_world.execute("select kind, mail_status from account_mail order by kind")
    assert found == [("invitation", "given_up"), ("welcome", "sent")]


@pytest.mark.parametrize("kind", get_args(AccountKind))
async def test_an_address_gets_a_few_mails_of_a_kind_in_an_hour_whoever_causes_them(
    mail_world: MailWorld, kind: AccountKind
) -> None:
    people = [mail_world.account(name, f"{name}@example.com") for name in ("ann", "bo", "cy")]
    for email in ("new@example.com", "NEW@example.com") * 2:
        for account_id in people:
            await queue_for(mail_world, kind, account_id, email, **words(kind))
    other: AccountKind = "sessions_ended" if kind == "welcome" else "welcome"
    await queue_for(mail_world, other, people[0], **words(other))
    await queue_for(mail_world, kind, people[0], "other@example.com", **words(kind))
    mail_world.deliver()
    assert mail_world.to() == ["NEW@example.com"] * 2 + ["new@example.com"] * 4 + ["other@example.com"]
    withheld = mail_world.execute(
        "select distinct parameters, mail_due_at, mail_reason from account_mail where mail_status = 'switched_off'"
    )
    assert withheld == [(None, None, "too many of this kind in an hour")]
    mail_world.execute("update account_mail set created_at = created_at - interval '1 hour'")
    await queue_for(mail_world, kind, people[0], **words(kind))
    mail_world.deliver()
    assert len(mail_world.to()) == 8


def words(kind: AccountKind) -> dict[str, str]:
    return dict.fromkeys(set(KEYS[kind]) - {"url"}, "x")


async def test_those_who_cause_mail_at_once_do_not_exceed_the_limit_together(mail_world: MailWorld) -> None:
    await asyncio.gather(*(queue_for(mail_world, "invitation", None, code="x") for _ in range(12)))
    found = mail_world.execute(
        "select mail_status, count(*) from account_mail group by mail_status order by 1"
    )
    assert found == [("queued", account_mail.HOURLY), ("switched_off", 12 - account_mail.HOURLY)]
