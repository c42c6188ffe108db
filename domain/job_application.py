"""A candidate's application for a job: submitted, advanced stage by stage, rejected, reinstated, withdrawn, moved."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.decision import Command, Decider, Decision, Event, Rejected
from domain.screening import Criterion, Screening, Verdict

PipelineStage: TypeAlias = Literal["applied", "screening", "interview", "offer", "hired"]
Stage: TypeAlias = Literal["applied", "screening", "interview", "offer", "hired", "rejected", "withdrawn"]

PIPELINE: Final[tuple[PipelineStage, ...]] = ("applied", "screening", "interview", "offer", "hired")


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate says of themselves. The salary is in whole units of `currency` (ISO 4217) a year."""

    skills: tuple[str, ...] = ()
    experience_years: int | None = None
    expected_salary: int | None = None
    currency: str | None = None


# Events. Free text about a person lives outside the log; `*_text_id` points to it.


class ApplicationSubmitted(Event, frozen=True):
    job_id: UUID
    candidate_id: UUID
    claims: Claims
    requirements_revision: int
    cover_letter_text_id: UUID | None = None
    resume_id: UUID | None = None
    source: str | None = None
    moved_from: UUID | None = None


class ApplicationScreened(Event, frozen=True):
    """The verdict on the claims; with that revision of the job's requirements and these aliases (normalized spelling -> name of
    the skill) anyone can come to it again."""

    verdict: Verdict
    score: int
    criteria: tuple[Criterion, ...]
    policy_version: int
    requirements_revision: int
    aliases: Mapping[str, str] = {}


class StageAdvanced(Event, frozen=True):
    from_stage: PipelineStage
    to_stage: PipelineStage
    note_text_id: UUID | None = None


class ApplicationRejected(Event, frozen=True):
    from_stage: PipelineStage
    reason_text_id: UUID | None = None


class ApplicationReinstated(Event, frozen=True):
    to_stage: PipelineStage


class ApplicationWithdrawn(Event, frozen=True):
    from_stage: PipelineStage


class ApplicationMoved(Event, frozen=True):
    """The company considers the candidate for another of its jobs instead: it goes on as `to_application_id`."""

    from_stage: PipelineStage
    to_job_id: UUID
    to_application_id: UUID
    note_text_id: UUID | None = None


JobApplicationEvent: TypeAlias = (
    ApplicationSubmitted
    | ApplicationScreened
    | StageAdvanced
    | ApplicationRejected
    | ApplicationReinstated
    | ApplicationWithdrawn
    | ApplicationMoved
)


# State


class JobApplication(msgspec.Struct, frozen=True, kw_only=True):
    """An application as its events make it; `job_id` is None before it was submitted.

    `reached` is the pipeline stage it stands at, or stood at when it was rejected or withdrawn. One that was moved to another
    job is `withdrawn` from this one, by the company: `moved_to` is the application that goes on, there `moved_from` is this.
    """

    job_id: UUID | None = None
    candidate_id: UUID | None = None
    claims: Claims = Claims()
    requirements_revision: int = 1
    cover_letter_text_id: UUID | None = None
    resume_id: UUID | None = None
    source: str | None = None
    moved_from: UUID | None = None
    moved_to: UUID | None = None
    screening: Screening | None = None
    stage: Stage = "applied"
    reached: PipelineStage = "applied"


def evolve(state: JobApplication, event: JobApplicationEvent) -> JobApplication:
    match event:
        case ApplicationSubmitted():
            return JobApplication(
                job_id=event.job_id,
                candidate_id=event.candidate_id,
                claims=event.claims,
                requirements_revision=event.requirements_revision,
                cover_letter_text_id=event.cover_letter_text_id,
                resume_id=event.resume_id,
                source=event.source,
                moved_from=event.moved_from,
            )
        case ApplicationScreened():
            return replace(state, screening=screening_of(event))
        case StageAdvanced(to_stage=stage) | ApplicationReinstated(to_stage=stage):
            return replace(state, stage=stage, reached=stage)
        case ApplicationRejected():
            return replace(state, stage="rejected")
        case ApplicationWithdrawn():
            return replace(state, stage="withdrawn")
        case ApplicationMoved(to_application_id=moved_to):
            return replace(state, stage="withdrawn", moved_to=moved_to)
        case _:
            assert_never(event)


def screening_of(event: ApplicationScreened) -> Screening:
    """What the event says that was found."""
    return Screening(
        verdict=event.verdict,
        score=event.score,
        criteria=event.criteria,
        policy_version=event.policy_version,
    )


# Commands


class SubmitApplication(Command, frozen=True):
    """`screening` is the verdict on the claims by that revision of the job's requirements, with `aliases` of skills."""

    application_id: UUID
    job_id: UUID
    candidate_id: UUID
    claims: Claims
    requirements_revision: int = 1
    cover_letter_text_id: UUID | None = None
    resume_id: UUID | None = None
    source: str | None = None
    moved_from: UUID | None = None
    screening: Screening | None = None
    aliases: Mapping[str, str] = {}


class AdvanceStage(Command, frozen=True):
    application_id: UUID
    to_stage: PipelineStage
    note_text_id: UUID | None = None


class RejectApplication(Command, frozen=True):
    application_id: UUID
    reason_text_id: UUID | None = None


class ReinstateApplication(Command, frozen=True):
    application_id: UUID


class WithdrawApplication(Command, frozen=True):
    application_id: UUID


class MoveApplication(Command, frozen=True):
    """Ends this application; `to_application_id` is the candidate's one for the other job."""

    application_id: UUID
    to_job_id: UUID
    to_application_id: UUID
    note_text_id: UUID | None = None


JobApplicationCommand: TypeAlias = (
    SubmitApplication
    | AdvanceStage
    | RejectApplication
    | ReinstateApplication
    | WithdrawApplication
    | MoveApplication
)

_NOT_FOUND = Rejected("application_not_found", "There is no such application.")
_ALREADY_APPLIED = Rejected("already_applied", "The candidate has applied for this job already.")
_MOVED = Rejected("application_moved", "The application was moved to another job.")
_WITHDRAWN = Rejected("application_withdrawn", "The candidate has withdrawn the application.")
_HIRED = Rejected("already_hired", "The candidate was hired.")


def decide(command: JobApplicationCommand, state: JobApplication) -> Decision[JobApplicationEvent]:
    if isinstance(command, SubmitApplication):
        return _submit(command, state)
    if state.job_id is None:
        return _NOT_FOUND
    if state.moved_to is not None:
        return _MOVED
    match command:
        case AdvanceStage():
            return _advance(command, state)
        case RejectApplication():
            return _reject(command, state)
        case ReinstateApplication():
            return _reinstate(state)
        case WithdrawApplication():
            return _withdraw(state)
        case MoveApplication():
            return _move(command, state)
        case _:
            assert_never(command)


def _submit(command: SubmitApplication, state: JobApplication) -> Decision[JobApplicationEvent]:
    if state.job_id is not None:
        return _ALREADY_APPLIED
    submitted = ApplicationSubmitted(
        job_id=command.job_id,
        candidate_id=command.candidate_id,
        claims=command.claims,
        requirements_revision=command.requirements_revision,
        cover_letter_text_id=command.cover_letter_text_id,
        resume_id=command.resume_id,
        source=plain_source(command.source),
        moved_from=command.moved_from,
    )
    if command.screening is None:
        return [submitted]
    screened = ApplicationScreened(
        verdict=command.screening.verdict,
        score=command.screening.score,
        criteria=command.screening.criteria,
        policy_version=command.screening.policy_version,
        requirements_revision=command.requirements_revision,
        aliases=command.aliases,
    )
    return [submitted, screened]


def plain_source(source: str | None) -> str | None:
    """A source by one spelling: `Job  Board` is `job board`."""
    return (" ".join(source.split()).lower() or None) if source else None


def allowed_stages(state: JobApplication) -> tuple[PipelineStage, ...]:
    """The stages that `AdvanceStage` may name now: the next one, or none."""
    if state.stage != state.reached or state.stage == "hired":
        return ()
    return (PIPELINE[PIPELINE.index(state.reached) + 1],)


def _advance(command: AdvanceStage, state: JobApplication) -> Decision[JobApplicationEvent]:
    if command.to_stage == state.stage:
        return []
    allowed = allowed_stages(state)
    if command.to_stage not in allowed:
        may = f"only {allowed[0]} is next" if allowed else "no stage is next"
        return Rejected("stage_not_allowed", f"From {state.stage}, {may}.", allowed)
    return [
        StageAdvanced(from_stage=state.reached, to_stage=command.to_stage, note_text_id=command.note_text_id)
    ]


def _reject(command: RejectApplication, state: JobApplication) -> Decision[JobApplicationEvent]:
    match state.stage:
        case "rejected":
            return []
        case "hired":
            return _HIRED
        case "withdrawn":
            return _WITHDRAWN
        case "applied" | "screening" | "interview" | "offer":
            return [ApplicationRejected(from_stage=state.reached, reason_text_id=command.reason_text_id)]
        case _:
            assert_never(state.stage)


def _reinstate(state: JobApplication) -> Decision[JobApplicationEvent]:
    if state.stage != "rejected":
        return Rejected("not_rejected", "Only a rejected application can be reinstated.")
    return [ApplicationReinstated(to_stage=state.reached)]


def _withdraw(state: JobApplication) -> Decision[JobApplicationEvent]:
    match state.stage:
        case "withdrawn":
            return []
        case "hired":
            return _HIRED
        case "rejected":
            return Rejected("application_rejected", "A rejected application cannot be withdrawn.")
        case "applied" | "screening" | "interview" | "offer":
            return [ApplicationWithdrawn(from_stage=state.reached)]
        case _:
            assert_never(state.stage)


def _move(command: MoveApplication, state: JobApplication) -> Decision[JobApplicationEvent]:
    if command.to_job_id == state.job_id:
        return _ALREADY_APPLIED
    match state.stage:
        case "rejected":
            return Rejected(
                "application_rejected",
                "A rejected application is reinstated before it is moved.",
                ("reinstate",),
            )
        case "hired":
            return _HIRED
        case "withdrawn":
            return _WITHDRAWN
        case "applied" | "screening" | "interview" | "offer":
            moved = ApplicationMoved(
                from_stage=state.reached,
                to_job_id=command.to_job_id,
                to_application_id=command.to_application_id,
                note_text_id=command.note_text_id,
            )
            return [moved]
        case _:
            assert_never(state.stage)


JOB_APPLICATION: Decider[JobApplicationCommand, JobApplication, JobApplicationEvent] = Decider(
    name="job_application",
    initial=JobApplication(),
    decide=decide,
    evolve=evolve,
    event_type=JobApplicationEvent,
)
