"""Delivery against a provider on this machine: what is sent, tried again, held, given up or never sent, and how fast."""

import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from application.commands import membership_id
from application.effects import AccountKind
from domain.job import JobCreated
from domain.job_application import ApplicationRejected, ApplicationSubmitted, StageAdvanced
from domain.membership import MemberJoined, MemberLeft
from infrastructure import account_mail, mail_outcomes, mail_queue
from infrastructure.effects_projector import EffectsProjector
from infrastructure.mail_delivery import ATTEMPTS, LONGEST_PAUSE_SECONDS, Deliverer, pause_seconds
from infrastructure.mail_ledger import figures, mails, send_again
from infrastructure.mail_links import MailLinks
from infrastructure.mail_message import sender
from infrastructure.mail_sendgrid import SendGrid
from infrastructure.settings import Settings
from tests.domain.builders import CLAIMS, POSTING, created
from tests.mail_servers import PATIENCE, Answer, SendGridServer, sendgrid_server
from tests.read_models import World, new_id, new_tenant, world

SETTINGS = Settings(secret_key="x" * 40)


class PostOffice(World):
    """A company with a job and candidates, and a provider for its mail."""

    provider: SendGridServer

    def begin(self, provider: SendGridServer) -> None:
        self.provider = provider
        self.tenant = new_tenant()
        self.execute("update account set email = 'former-' || email")
        self.recruiter = self.account("Rita Recruiter", "rita@example.com", self.tenant)
        self.candidate = self.account("Cleo Candidate", "cleo@example.com")
        self.append(
            membership_id(self.tenant),
            MemberJoined(account_id=self.recruiter, role="recruiter"),
            tenant=self.tenant,
        )
        self.job_id = new_id(self.tenant)
        self.append(
            self.job_id,
            JobCreated(
                created_by=self.recruiter, posting=POSTING, requirements=created().requirements, openings=1
            ),
        )

    def account(self, name: str, email: str, company_id: UUID | None = None) -> UUID:
        account_id = uuid4()
        if company_id is not None:
            self.execute("insert into company values (%s, 'Example Works', %s)", company_id, account_id)
        self.execute(
            "insert into account (account_id, email, name, password_hash, company_id) values (%s, %s, %s, '', %s)",
            account_id,
            email,
            name,
            company_id,
        )
        return account_id

    def apply(self, candidate: UUID | None = None) -> UUID:
        application_id = new_id(self.job_id)
        self.append(
            application_id,
            ApplicationSubmitted(
                job_id=self.job_id,
                candidate_id=candidate or self.candidate,
                claims=CLAIMS,
                requirements_revision=1,
            ),
        )
        return application_id

    def store_effects(self) -> None:
        EffectsProjector(self.pool, interval_seconds=0).drain()

    def deliverer(self, key: str | None = None, **settings: Any) -> Deliverer:
        transport = SendGrid(key or self.provider.key, self.provider.url, timeout=1.0)
        settings.setdefault("per_second", 1_000)
        return Deliverer(
            self.pool, transport, sender("Hirelog <jobs@mail.example.com>"), MailLinks(SETTINGS), **settings
        )

    @contextmanager
    def delivering(self, count: int = 1, **settings: Any) -> Generator[None]:
        """So many deliverers at work, woken once; they finish what they send."""
        with ExitStack() as stack:
            for _ in range(count):
                deliverer = self.deliverer(**settings)
                stack.enter_context(deliverer.running())
                deliverer.wake()
            yield

    def deliver(self, **settings: Any) -> None:
        """Deliver until nothing is due."""
        with self.delivering(**settings):
            self.until(
                "select count(*) = 0 from effect where mail_due_at <= now() or mail_status = 'sending'"
            )
            self.until(
                "select count(*) = 0 from account_mail where mail_due_at <= now() or mail_status = 'sending'"
            )

    def until(self, question: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.execute(question) != [(True,)]:
            assert time.monotonic() < deadline, self.outcomes()
            threading.Event().wait(0.005)

    def outcomes(self) -> list[tuple[Any, ...]]:
        """Kind, status, attempts and reason of the mail of each effect."""
        return self.execute(
            "select kind, mail_status, mail_attempts, mail_reason from effect order by position, number"
        )

    def time_passes(self) -> None:
        """Whatever is to be done later is due now: retries, leases, holds."""
        self.execute("update effect set mail_due_at = now() - interval '1 s' where mail_due_at is not null")
        self.execute(
            "update account_mail set mail_due_at = now() - interval '1 s' where mail_due_at is not null"
        )
        self.execute("update mail_pace set next_at = now(), held_until = now()")

    def to(self) -> list[str]:
        """The addresses to which mail arrived, sorted."""
        return sorted(request["personalizations"][0]["to"][0]["email"] for request in self.provider.requests)


@pytest.fixture
def office(database_url: str) -> Generator[PostOffice]:
    with world(database_url) as here, sendgrid_server() as provider:
        office = PostOffice(here.database_url, here.pool, here.models)
        office.begin(provider)
        yield office


def failing(times: int, answer: Answer, then: Answer | None = None) -> Any:
    left = iter(range(times))
    return lambda _request: answer if next(left, None) is not None else then or Answer()


def test_each_mail_is_sent_once_with_what_is_known_when_it_is_sent(office: PostOffice) -> None:
    application_id = office.apply()
    office.append(application_id, StageAdvanced(from_stage="applied", to_stage="screening"))
    office.store_effects()
    office.execute("update account set name = 'Cleo Changed' where account_id = %s", office.candidate)
    for _ in range(2):
        office.deliver()
    assert [outcome[:3] for outcome in office.outcomes()] == [
        ("application_received", "sent", 1),
        ("new_application", "sent", 1),
        ("stage_changed", "sent", 1),
    ]
    assert office.to() == ["cleo@example.com", "cleo@example.com", "rita@example.com"]
    assert "Cleo Changed" in office.provider.requests[0]["content"][0]["value"]
    assert len(set(office.provider.mail_ids)) == 3


async def test_the_outcomes_are_told_by_position(office: PostOffice) -> None:
    application_id = office.apply()
    office.append(application_id, ApplicationRejected(from_stage="applied"))
    office.store_effects()
    office.provider.answer = failing(1, Answer(500))
    office.deliver(per_second=20)
    async with AsyncConnectionPool(office.database_url, min_size=1) as pool, pool.connection() as connection:
        outcomes = await mail_outcomes.of_positions(connection, office.tenant, [1, 3, 4])
        assert await mail_outcomes.of_positions(connection, new_tenant(), [3]) == {}
    assert [(one.kind, one.to, one.status, one.reason) for one in outcomes[3]] == [
        ("application_received", "candidate", "retrying", "SendGrid answered 500: the reason"),
        ("new_application", "recruiter", "sent", None),
    ]
    assert [one.status for one in outcomes[4]] == ["sent"]
    assert outcomes.keys() == {3, 4}
    assert all(one.at is not None for mails in outcomes.values() for one in mails)


def test_a_failure_is_tried_again_ever_more_rarely_and_given_up_at_last(office: PostOffice) -> None:
    office.apply(office.account("Bob", "bob@example.com"))
    office.store_effects()
    office.execute("update effect set mail_status = 'switched_off', mail_due_at = null where number = 1")
    office.provider.answer = lambda _request: Answer(503)
    waits: list[float] = []
    for attempt in range(1, ATTEMPTS + 1):
        office.deliver()
        ((_, status, attempts, _),) = office.outcomes()[:1]
        assert (status, attempts) == ("retrying" if attempt < ATTEMPTS else "given_up", attempt)
        found = office.execute(
            "select extract(epoch from mail_due_at - now())::float8 from effect where number = 0"
        )
        waits += [seconds for (seconds,) in found if seconds is not None]
        office.time_passes()
    office.deliver()
    assert len(office.provider.requests) == ATTEMPTS == len(waits) + 1
    assert waits[0] == pytest.approx(60, rel=0.3)
    assert waits[-1] == pytest.approx(LONGEST_PAUSE_SECONDS, rel=0.3)
    assert len(set(office.provider.mail_ids)) == 1

    office.provider.answer = lambda _request: Answer()
    with office.pool.connection() as connection:
        (listed,) = mails(connection, "given_up")
        assert (listed.email, listed.reason) == (
            "bob@example.com",
            "SendGrid answered 503: the reason (after 12 attempts)",
        )
        assert send_again(connection, uuid4()) == 0
        assert send_again(connection, listed.mail_id) == 1
    office.deliver()
    assert office.outcomes()[0][1:] == ("sent", 1, None)
    assert office.provider.mail_ids[-1] == str(listed.mail_id)


def test_the_pauses_are_some_36_hours_in_all_and_never_the_same() -> None:
    pauses = [pause_seconds(attempt) for attempt in range(1, ATTEMPTS)]
    assert 27 < sum(pauses) / 3600 < 45
    assert len({pause_seconds(1) for _ in range(10)}) > 1


def test_what_is_refused_for_good_is_not_tried_again(office: PostOffice) -> None:
    office.apply()
    office.store_effects()
    office.provider.answer = lambda _request: Answer(400)
    office.deliver()
    office.time_passes()
    office.deliver()
    assert [outcome[1:] for outcome in office.outcomes()] == [
        ("given_up", 1, "SendGrid answered 400: the reason")
    ] * 2


def test_too_many_requests_hold_all_mail_as_long_as_the_provider_says_and_cost_no_attempt(
    office: PostOffice,
) -> None:
    office.apply()
    office.store_effects()
    office.provider.answer = failing(1, Answer(429, {"Retry-After": "120"}))
    with office.delivering(per_second=10):
        office.until("select held_reason is not null from mail_pace")
        ((seconds,),) = office.execute("select extract(epoch from held_until - now())::float8 from mail_pace")
        office.until("select count(*) = 0 from effect where mail_status = 'sending'")
        office.apply()
        office.store_effects()
    assert seconds == pytest.approx(120, abs=5)
    held = len(office.provider.requests)
    assert held <= 2, "what was under way, and nothing after it"
    with office.pool.connection() as connection:
        assert not mail_queue.any_due(connection)
        assert figures(connection).held_reason == "SendGrid answered 429: the reason"

    office.time_passes()
    with office.delivering():
        office.until("select held_reason is null from mail_pace")
    office.time_passes()
    office.deliver()
    assert {outcome[1:3] for outcome in office.outcomes()} == {("sent", 1)}
    assert len(office.provider.requests) == 4 + 1


def test_a_key_that_is_refused_loses_no_mail(office: PostOffice) -> None:
    office.apply()
    office.store_effects()
    office.provider.key = "SG.another"
    for _ in range(ATTEMPTS + 2):
        deliverer = office.deliverer(key="SG.test")
        with deliverer.running():
            count = len(office.provider.requests)
            deliverer.wake()
            office.provider.wait_for(count + 1)
        office.time_passes()
    assert {outcome[1:3] for outcome in office.outcomes()} == {("queued", 0)}


def test_nobody_is_told_about_or_as_somebody_who_was_erased_or_left_or_does_not_want_it(
    office: PostOffice,
) -> None:
    other = office.account("Dora", "dora@example.com")
    office.apply(other)
    office.apply()
    office.execute(
        "insert into notification_preference values (%s, 'application_received', false, true)",
        office.candidate,
    )
    office.execute("delete from account where account_id = %s", other)
    office.store_effects()
    office.deliver()
    assert [outcome[:2] for outcome in office.outcomes()] == [
        ("application_received", "switched_off"),
        ("new_application", "switched_off"),
        ("application_received", "switched_off"),
        ("new_application", "sent"),
    ]
    office.append(
        membership_id(office.tenant),
        MemberLeft(account_id=office.recruiter),
        tenant=office.tenant,
    )
    office.apply()
    office.store_effects()
    office.deliver()
    assert [outcome[1] for outcome in office.outcomes()[4:]] == ["switched_off", "switched_off"]
    assert office.to() == ["rita@example.com"]


async def queue_for(
    office: PostOffice, kind: AccountKind, account_id: UUID | None, **parameters: str
) -> None:
    async with await psycopg.AsyncConnection.connect(office.database_url) as connection:
        await account_mail.queue(
            connection, kind, account_id=account_id, email="new@example.com", parameters=parameters
        )


async def test_mail_about_accounts_goes_first_and_its_code_is_erased(office: PostOffice) -> None:
    office.apply()
    office.store_effects()
    await queue_for(office, "password_reset", office.candidate, name="Cleo", code="one-use-code")
    await queue_for(office, "welcome", uuid4(), name="Gone")
    with office.pool.connection() as connection:
        (first,) = mail_queue.claim(connection, limit=1, per_second=1_000).mails
        mail_queue.give_back(connection, first)
    assert first.kind == "password_reset"
    office.deliver()
    (request,) = (one for one in office.provider.requests if one["subject"] == "Set a new password")
    assert request["personalizations"][0]["to"] == [{"email": "new@example.com", "name": "Cleo"}]
    assert "one-use-code" in request["content"][0]["value"]
    found = office.execute("select kind, mail_status, parameters from account_mail order by kind")
    assert found == [("password_reset", "sent", None), ("welcome", "switched_off", None)]


async def test_a_given_up_code_is_gone_but_a_welcome_can_be_sent_again(office: PostOffice) -> None:
    await queue_for(
        office, "invitation", None, company="C", role="recruiter", code="one-use-code", inviter="R"
    )
    await queue_for(office, "welcome", office.candidate, name="Cleo")
    office.provider.answer = lambda _request: Answer(400)
    office.deliver()
    office.provider.answer = lambda _request: Answer()
    assert office.execute("select count(*) from account_mail where parameters::text like '%%one-use%%'") == [
        (0,)
    ]
    with office.pool.connection() as connection:
        assert send_again(connection) == 1
    office.deliver()
    found = office.execute("select kind, mail_status from account_mail order by kind")
    assert found == [("invitation", "given_up"), ("welcome", "sent")]


def test_several_deliverers_send_no_mail_twice_and_keep_the_pace_together(office: PostOffice) -> None:
    for _ in range(20):
        office.apply()
    office.store_effects()
    began = time.monotonic()
    with office.delivering(3, per_second=80):
        office.provider.wait_for(40)
    seconds = time.monotonic() - began
    assert seconds > (40 - 3 * 8) / 80
    office.until("select bool_and(mail_status = 'sent') from effect")
    assert len(set(office.provider.mail_ids)) == len(office.provider.mail_ids) == 40
    with office.pool.connection() as connection:
        assert (figures(connection).waiting, figures(connection).sent) == (0, 40)


def test_connections_that_break_lose_no_mail_and_end_no_deliverer(office: PostOffice) -> None:
    for _ in range(10):
        office.apply()
    office.store_effects()
    deliverer = office.deliverer(per_second=100)
    with deliverer.running():
        for count in (3, 8):
            deliverer.wake()
            office.provider.wait_for(count)
            office.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        until_sent = threading.Event()
        while not until_sent.wait(0.05):
            office.time_passes()
            deliverer.wake()
            if office.execute("select bool_and(mail_status = 'sent') from effect") == [(True,)]:
                until_sent.set()
    assert set(office.provider.mail_ids) == {
        str(one) for (one,) in office.execute("select mail_id from effect")
    }


def test_a_provider_that_takes_long_keeps_its_mail(office: PostOffice) -> None:
    office.apply()
    office.store_effects()
    office.provider.answer = lambda _request: Answer(hang=True)
    with office.delivering(lease_seconds=0.3), office.delivering(lease_seconds=0.3):
        office.provider.wait_for(2)
        office.until("select count(*) = 2 and bool_and(mail_status = 'retrying') from effect")
    assert len(office.provider.requests) == 2, "a lease of 0.3 s was renewed for a second"


def test_a_mail_that_is_still_being_sent_is_not_sent_beside_itself(office: PostOffice) -> None:
    office.apply()
    office.store_effects()
    office.provider.answer = lambda _request: Answer(hang=True)
    deliverer = office.deliverer()
    with deliverer.running():
        deliverer.wake()
        office.provider.wait_for(2)
        office.time_passes()
        deliverer.wake()
        office.until("select bool_and(mail_attempts = 2) from effect")
    assert len(office.provider.requests) == 2


def test_a_mail_that_ends_every_process_is_given_up(office: PostOffice) -> None:
    office.apply()
    office.store_effects()
    office.execute("update effect set mail_status = 'sending', mail_attempts = %s", ATTEMPTS)
    office.time_passes()
    office.deliver()
    assert {outcome[1] for outcome in office.outcomes()} == {"given_up"}
    assert office.provider.requests == []


def test_a_company_with_many_mails_does_not_hold_up_the_others(office: PostOffice) -> None:
    for _ in range(10):
        office.apply()
    first = office.tenant
    office.store_effects()
    office.candidate = office.account("Other", "other@example.com")
    office.tenant = new_tenant()
    office.recruiter = office.account("Ole", "ole@example.com", office.tenant)
    office.job_id = new_id(office.tenant)
    office.append(
        office.job_id,
        JobCreated(
            created_by=office.recruiter, posting=POSTING, requirements=created().requirements, openings=1
        ),
    )
    office.apply()
    office.store_effects()
    with office.pool.connection() as connection:
        claimed = mail_queue.claim(connection, limit=4, per_second=10)
    tenants = [due.tenant_id for due in claimed.mails if isinstance(due, mail_queue.DueEffect)]
    assert sorted(tenants) == sorted([first, first, office.tenant, office.tenant])
