"""Staff and candidates of one company who issue commands through one process's handler."""

import itertools
from uuid import UUID, uuid4

from application.actor import Actor, Role
from application.commands import application_id
from application.entity import Entity
from application.handle import CommandHandler, Metadata, Outcome, command_id
from application.ports import EventLog
from application.recorded import Append, Appended, StoredEvent
from application.work import EntityCache
from domain.decision import Command
from domain.identifiers import random_id, tenant_id
from domain.job import CloseJob, CreateJob, EditJob, Job, Posting, PublishJob, ReopenJob, Requirements
from domain.job_application import (
    AdvanceStage,
    Claims,
    JobApplication,
    PipelineStage,
    ReinstateApplication,
    RejectApplication,
    SubmitApplication,
    WithdrawApplication,
)

_numbers = itertools.count(1)


class Through:
    """A log that hands everything on to another."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @property
    def generation(self) -> int:
        return self._log.generation

    async def append(self, append: Append) -> Appended:
        return await self._log.append(append)

    async def load(
        self, tenant_id: UUID, stream_id: UUID, *, after_version: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        return await self._log.load(tenant_id, stream_id, after_version=after_version, limit=limit)

    async def read(self, tenant_id: UUID, *, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        return await self._log.read(tenant_id, after=after, limit=limit)


class CommandClient:
    """Who issues commands in one process: a log and a handler with a cache of its own. `beside()` is another process on the same log."""

    def __init__(
        self, log: EventLog, company_id: UUID | None = None, cache: EntityCache | None = None
    ) -> None:
        self.log = log
        self.company_id = company_id or tenant_id(uuid4())
        self.recruiter = self.staff("recruiter")
        self._handler = CommandHandler(log, cache)

    def beside(self, log: EventLog | None = None) -> "CommandClient":
        other = CommandClient(log or self.log, self.company_id)
        other.recruiter = self.recruiter
        return other

    def staff(self, role: Role) -> Actor:
        return Actor(uuid4(), role, self.company_id)

    async def issue(
        self,
        command: Command,
        actor: Actor | None = None,
        *,
        version: int | None = None,
        key: str | None = None,
        body: bytes = b"",
    ) -> Outcome[object]:
        """Carry out a command for `actor` (the recruiter); `version` is the If-Match, `key` the Idempotency-Key."""
        who = actor or self.recruiter
        request = repr(command).encode() + body
        how = Metadata(who, command_id(who, key, request), version, repeatable=key is not None)
        return await self._handler.handle(command, how)

    async def open_job(self, openings: int = 1, by: Actor | None = None) -> UUID:
        """The id of a new job, created and published: from the second command on its entity is remembered."""
        who = by or self.recruiter
        job_id = await self.draft(openings, who)
        await self.issue(publish(job_id), who)
        return job_id

    async def draft(self, openings: int = 1, by: Actor | None = None) -> UUID:
        """The id of a new job that is not published."""
        who = by or self.recruiter
        job_id = random_id(self.company_id, uuid4())
        create = CreateJob(
            job_id=job_id,
            created_by=who.account_id,
            posting=Posting(title=f"Job {next(_numbers)}"),
            requirements=Requirements(skills=("baking",)),
            openings=openings,
        )
        await self.issue(create, who)
        return job_id

    async def applied(self, job_id: UUID, who: Actor | None = None) -> UUID:
        """The id of a new application."""
        who = who or candidate()
        await self.issue(apply(job_id, who), who)
        return application_id(job_id, who.account_id)

    async def at_offer(self, job_id: UUID) -> UUID:
        """The id of a new application that has come to the offer."""
        application = await self.applied(job_id)
        stages: tuple[PipelineStage, ...] = ("screening", "interview", "offer")
        for stage in stages:
            await self.issue(advance(application, stage))
        return application

    async def types(self, stream_id: UUID) -> list[str]:
        """The events of a stream, by name."""
        return [stored.type for stored in await self.log.load(self.company_id, stream_id)]


def candidate() -> Actor:
    return Actor(uuid4(), "candidate")


def apply(job_id: UUID, who: Actor, source: str | None = None) -> SubmitApplication:
    return SubmitApplication(
        application_id=application_id(job_id, who.account_id),
        job_id=job_id,
        candidate_id=who.account_id,
        claims=Claims(skills=("baking",)),
        source=source,
    )


def advance(application: UUID, stage: PipelineStage) -> AdvanceStage:
    return AdvanceStage(application_id=application, to_stage=stage)


def reject(application: UUID) -> RejectApplication:
    return RejectApplication(application_id=application)


def reinstate(application: UUID) -> ReinstateApplication:
    return ReinstateApplication(application_id=application)


def withdraw(application: UUID) -> WithdrawApplication:
    return WithdrawApplication(application_id=application)


def close(job_id: UUID) -> CloseJob:
    return CloseJob(job_id=job_id)


def publish(job_id: UUID) -> PublishJob:
    return PublishJob(job_id=job_id)


def reopen(job_id: UUID) -> ReopenJob:
    return ReopenJob(job_id=job_id)


def rename(job_id: UUID, title: str) -> EditJob:
    return EditJob(job_id=job_id, posting=Posting(title=title))


def widen(job_id: UUID, openings: int) -> EditJob:
    return EditJob(job_id=job_id, openings=openings)


def job_of(outcome: Outcome[object]) -> Entity[Job]:
    assert isinstance(outcome.entity.state, Job)
    return outcome.entity  # type: ignore[return-value]


def application_of(outcome: Outcome[object]) -> Entity[JobApplication]:
    assert isinstance(outcome.entity.state, JobApplication)
    return outcome.entity  # type: ignore[return-value]
