"""A company that has mail to send, and a provider on this machine that takes it; the fixture is `mail_world`."""

import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID, uuid4

from application.commands import membership_id
from domain.membership import MemberJoined
from infrastructure.mail.delivery import Deliverer
from infrastructure.mail.effects_projector import EffectsProjector
from infrastructure.mail.links import MailLinks
from infrastructure.mail.message import sender
from infrastructure.mail.sendgrid import SendGrid
from infrastructure.settings import Settings
from tests.domain.builders import created, submitted
from tests.mail_servers import SendGridServer
from tests.patience import PATIENCE
from tests.read_models import World, new_id, new_tenant

SETTINGS = Settings(secret_key="x" * 40)


class MailWorld(World):
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
        self.append(self.job_id, created(created_by=self.recruiter))

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
        self.append(application_id, submitted(self.job_id, candidate or self.candidate))
        return application_id

    def store_effects(self) -> None:
        EffectsProjector(self.pool).drain()

    def deliverer(self, key: str | None = None, *, timeout: float = 10.0, **settings: Any) -> Deliverer:
        transport = SendGrid(key or self.provider.key, self.provider.url, timeout=timeout)
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
