"""The map of the write side: command type -> decider, stream, who may issue it, and what else it decides."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.actor import STAFF, ActingRole, Actor
from application.entity import AnyDecider, Entity
from application.refusals import Forbidden, NotFound, Refused
from application.work import Work
from domain import identifiers
from domain.assessment import ASSESSMENT, AddComment, RemoveComment, SubmitScorecard
from domain.decision import Command, Rejected
from domain.job import (
    JOB,
    AdmitApplication,
    ArchiveJob,
    CloseJob,
    CreateJob,
    EditJob,
    FillOpening,
    Job,
    PublishJob,
    ReopenJob,
)
from domain.job_application import (
    JOB_APPLICATION,
    PIPELINE,
    AdvanceStage,
    JobApplication,
    MoveApplication,
    ReinstateApplication,
    RejectApplication,
    SubmitApplication,
    WithdrawApplication,
)
from domain.job_view import JOB_VIEW, RecordView
from domain.membership import (
    MEMBERSHIP,
    AcceptInvitation,
    AddMember,
    ChangeMemberRole,
    EraseMember,
    FoundCompany,
    LeaveCompany,
    Membership,
    RemoveMember,
)
from domain.screening import aliases_among, screen


def application_id(job_id: UUID, candidate_id: UUID) -> UUID:
    """The one application of a candidate for a job: applying twice is a version conflict on its stream."""
    return identifiers.derived_id(identifiers.tenant_of(job_id), "application", job_id, candidate_id)


def view_id(job_id: UUID, viewer_id: UUID) -> UUID:
    return identifiers.derived_id(identifiers.tenant_of(job_id), "view", job_id, viewer_id)


def assessment_id(application: UUID) -> UUID:
    """Where the comments and scorecards about an application are."""
    return identifiers.derived_id(identifiers.tenant_of(application), "assessment", application)


def membership_id(company_id: UUID) -> UUID:
    return identifiers.derived_id(company_id, "membership")


CarryOut = Callable[[Any, Work], Awaitable[None]]
Authorize = Callable[[Actor, Any], None]


def anybody(actor: Actor, entity: Entity[Any]) -> None:
    """The role alone decides."""


def own_job(actor: Actor, entity: Entity[Job]) -> None:
    """A hiring manager may change the jobs that they created."""
    if actor.role == "hiring_manager" and entity.version and entity.state.created_by != actor.account_id:
        raise Forbidden("A hiring manager may change only the jobs that they created.")


def own_application(actor: Actor, entity: Entity[JobApplication]) -> None:
    """A candidate sees and withdraws their own; that of another is as unknown as none."""
    if entity.state.candidate_id != actor.account_id:
        raise NotFound


def anothers_application(actor: Actor, entity: Entity[JobApplication]) -> None:
    """Staff who applied before they joined decide nothing about themselves."""
    _check_is_anothers(entity.state, actor.account_id)


def _check_is_anothers(application: JobApplication, account_id: UUID) -> None:
    if application.candidate_id == account_id:
        raise Refused(Rejected("own_application", "Nobody decides or judges about their own application."))


def still_admin(actor: Actor, entity: Entity[Membership]) -> None:
    """Who is no admin any more changes no member, even while their token still says so."""
    if actor.role != "operator" and entity.state.roles.get(actor.account_id) != "admin":
        raise Forbidden("Only an admin may change members.")


async def submit(command: SubmitApplication, work: Work) -> None:
    """Apply: the job must take applications, and be unchanged when the application is written. It is screened at once."""
    application = await work.read(JOB_APPLICATION, command.application_id)
    job = await work.read(JOB, command.job_id)
    _check_was_open(job.entity)
    if application.state.job_id is None:
        job.decide(AdmitApplication(job_id=command.job_id))
    requirements = job.state.requirements
    names = (*command.claims.skills, *requirements.skills, *requirements.must_have_skills)
    aliases = aliases_among(names, work.vocabulary)
    complete = replace(
        command,
        requirements_revision=job.state.requirements_revision,
        screening=screen(requirements, command.claims, aliases),
        aliases=aliases,
    )
    application.decide(complete)


async def advance(command: AdvanceStage, work: Work) -> None:
    """Move on; hiring fills one opening of the job in the same append."""
    application = await work.read(JOB_APPLICATION, command.application_id)
    before: JobApplication = application.state
    after: JobApplication = application.decide(command)
    if after.stage == "hired" and before.stage != "hired" and after.job_id is not None:
        job = await work.read(JOB, after.job_id)
        job.decide(FillOpening(job_id=after.job_id, application_id=command.application_id))


async def move(command: MoveApplication, work: Work) -> None:
    """Consider the candidate for another of the company's jobs: what they sent goes there, in the same append."""
    if (
        identifiers.tenant_of(command.to_job_id) != work.tenant_id
        or command.to_job_id == command.application_id
    ):
        raise NotFound
    application = await work.read(JOB_APPLICATION, command.application_id)
    sent: JobApplication = application.state
    application.decide(command)
    job = await work.read(JOB, command.to_job_id)
    job.decide(AdmitApplication(job_id=command.to_job_id))
    if sent.candidate_id is None:
        raise NotFound
    again = SubmitApplication(
        application_id=command.to_application_id,
        job_id=command.to_job_id,
        candidate_id=sent.candidate_id,
        claims=sent.claims,
        cover_letter_text_id=sent.cover_letter_text_id,
        resume_id=sent.resume_id,
        source=sent.source,
        moved_from=command.application_id,
    )
    await submit(again, work)


async def comment(command: AddComment | RemoveComment, work: Work) -> None:
    """Comment on an application, or take that back, wherever the application stands."""
    await _application_of(command.application_id, command.author_id, work)
    assessment = await work.read(ASSESSMENT, assessment_id(command.application_id))
    assessment.decide(command)


async def score(command: SubmitScorecard, work: Work) -> None:
    """Score an application at a stage that it has come to."""
    application = await _application_of(command.application_id, command.author_id, work)
    reached = PIPELINE[: PIPELINE.index(application.reached) + 1]
    assessment = await work.read(ASSESSMENT, assessment_id(command.application_id))
    assessment.decide(replace(command, reached=reached))


async def _application_of(application_id: UUID, author_id: UUID, work: Work) -> JobApplication:
    application: JobApplication = (await work.read(JOB_APPLICATION, application_id)).state
    if application.job_id is None:
        raise NotFound
    _check_is_anothers(application, author_id)
    return application


async def view(command: RecordView, work: Work) -> None:
    """See a job for the first time; only an open job is seen."""
    view = await work.read(JOB_VIEW, view_id(command.job_id, command.viewer_id))
    if view.state.seen:
        return
    job = await work.read(JOB, command.job_id)
    _check_was_open(job.entity)
    job.decide(AdmitApplication(job_id=command.job_id))
    view.decide(command)


def _check_was_open(job: Entity[Job]) -> None:
    """To candidates, a job that was never published is as unknown as none, put away or not."""
    if "JobPublished" not in job.first_at:
        raise NotFound


class CommandSpec(msgspec.Struct, frozen=True):
    """How one type of command is carried out.

    `roles` may issue it; `authorize(actor, entity)` raises for those who may not do it to this entity; `carry_out` is given for
    commands that read or write more than their own stream; `creates` that the stream is most probably new.
    """

    decider: AnyDecider
    stream_id: Callable[[Any], UUID]
    roles: frozenset[ActingRole]
    authorize: Authorize = anybody
    carry_out: CarryOut | None = None
    creates: bool = False


_Roles: TypeAlias = frozenset[ActingRole]
_CANDIDATE: Final[_Roles] = frozenset({"candidate"})
_RECRUITING: Final[_Roles] = frozenset({"recruiter", "admin"})
_HIRING: Final[_Roles] = frozenset({"recruiter", "hiring_manager", "admin"})
_STAFF: Final[_Roles] = frozenset(STAFF)
_OPERATOR: Final[_Roles] = frozenset({"operator"})
_ADMIN_OR_OPERATOR: Final[_Roles] = frozenset({"admin", "operator"})


def _job(command: Any) -> UUID:
    job_id: UUID = command.job_id
    return job_id


def _application(command: Any) -> UUID:
    application: UUID = command.application_id
    return application


def _view(command: RecordView) -> UUID:
    return view_id(command.job_id, command.viewer_id)


def _assessment(command: AddComment | RemoveComment | SubmitScorecard) -> UUID:
    return assessment_id(command.application_id)


def _membership(command: Any) -> UUID:
    return membership_id(command.company_id)


COMMANDS: Final[dict[type[Command], CommandSpec]] = {
    CreateJob: CommandSpec(JOB, _job, _HIRING, creates=True),
    EditJob: CommandSpec(JOB, _job, _HIRING, own_job),
    PublishJob: CommandSpec(JOB, _job, _HIRING, own_job),
    CloseJob: CommandSpec(JOB, _job, _HIRING | _OPERATOR, own_job),
    ReopenJob: CommandSpec(JOB, _job, _HIRING, own_job),
    ArchiveJob: CommandSpec(JOB, _job, _HIRING, own_job),
    RecordView: CommandSpec(JOB_VIEW, _view, _CANDIDATE, carry_out=view),
    SubmitApplication: CommandSpec(JOB_APPLICATION, _application, _CANDIDATE, carry_out=submit, creates=True),
    AdvanceStage: CommandSpec(
        JOB_APPLICATION, _application, _RECRUITING, anothers_application, carry_out=advance
    ),
    RejectApplication: CommandSpec(JOB_APPLICATION, _application, _RECRUITING, anothers_application),
    ReinstateApplication: CommandSpec(JOB_APPLICATION, _application, _RECRUITING, anothers_application),
    WithdrawApplication: CommandSpec(JOB_APPLICATION, _application, _CANDIDATE, own_application),
    MoveApplication: CommandSpec(
        JOB_APPLICATION, _application, _RECRUITING, anothers_application, carry_out=move
    ),
    AddComment: CommandSpec(ASSESSMENT, _assessment, _HIRING, carry_out=comment),
    RemoveComment: CommandSpec(ASSESSMENT, _assessment, _HIRING, carry_out=comment),
    SubmitScorecard: CommandSpec(ASSESSMENT, _assessment, _HIRING, carry_out=score),
    FoundCompany: CommandSpec(MEMBERSHIP, _membership, _CANDIDATE),
    AddMember: CommandSpec(MEMBERSHIP, _membership, _OPERATOR),
    AcceptInvitation: CommandSpec(MEMBERSHIP, _membership, _CANDIDATE),
    ChangeMemberRole: CommandSpec(MEMBERSHIP, _membership, _ADMIN_OR_OPERATOR, still_admin),
    RemoveMember: CommandSpec(MEMBERSHIP, _membership, _ADMIN_OR_OPERATOR, still_admin),
    LeaveCompany: CommandSpec(MEMBERSHIP, _membership, _STAFF),
    EraseMember: CommandSpec(MEMBERSHIP, _membership, _OPERATOR),
}
