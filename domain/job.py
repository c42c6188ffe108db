"""A job: drafted, published, closed, reopened, archived; its requirements have revisions, its openings are counted."""

from typing import Literal, TypeAlias, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace
from rpds import HashTrieSet

from domain.decision import Command, Decider, Decision, Event, Rejected
from domain.skills import normalized

Status: TypeAlias = Literal["draft", "open", "closed", "archived"]
EmploymentType: TypeAlias = Literal["full_time", "part_time", "contract", "temporary", "internship", "other"]


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What a job says about itself and nobody is judged by."""

    title: str
    description: str = ""
    location: str = ""
    remote: bool = False
    employment_type: EmploymentType = "full_time"


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """How much each criterion counts, in proportion to those that the job asks for."""

    skills: int = 50
    experience: int = 30
    salary: int = 20


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """What applicants are judged by. Salaries are whole units of `currency` (ISO 4217) a year.

    Who lacks a must-have skill, or scores below `threshold` (0..100), is not qualified. Must-have skills are among `skills`.
    """

    skills: tuple[str, ...] = ()
    min_experience_years: int = 0
    salary_min: int | None = None
    salary_max: int | None = None
    currency: str | None = None
    must_have_skills: tuple[str, ...] = ()
    weights: Weights = Weights()
    threshold: int = 70


# Events


class JobCreated(Event, frozen=True):
    created_by: UUID
    posting: Posting
    requirements: Requirements
    openings: int


class JobPublished(Event, frozen=True):
    pass


class JobClosed(Event, frozen=True):
    pass


class JobReopened(Event, frozen=True):
    pass


class JobArchived(Event, frozen=True):
    pass


class PostingEdited(Event, frozen=True):
    posting: Posting


class RequirementsRevised(Event, frozen=True):
    revision: int
    requirements: Requirements


class OpeningsChanged(Event, frozen=True):
    openings: int


class OpeningFilled(Event, frozen=True):
    application_id: UUID


JobEvent: TypeAlias = (
    JobCreated
    | JobPublished
    | JobClosed
    | JobReopened
    | JobArchived
    | PostingEdited
    | RequirementsRevised
    | OpeningsChanged
    | OpeningFilled
)


# State


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its events make it; `status` is None before it was created."""

    status: Status | None = None
    created_by: UUID | None = None
    posting: Posting = Posting(title="")
    requirements: Requirements = Requirements()
    requirements_revision: int = 1
    openings: int = 0
    filled_by: "HashTrieSet[UUID]" = HashTrieSet()


def evolve(state: Job, event: JobEvent) -> Job:
    match event:
        case JobCreated():
            return Job(
                status="draft",
                created_by=event.created_by,
                posting=event.posting,
                requirements=event.requirements,
                openings=event.openings,
            )
        case JobPublished() | JobReopened():
            return replace(state, status="open")
        case JobClosed():
            return replace(state, status="closed")
        case JobArchived():
            return replace(state, status="archived")
        case PostingEdited():
            return replace(state, posting=event.posting)
        case RequirementsRevised():
            return replace(state, requirements=event.requirements, requirements_revision=event.revision)
        case OpeningsChanged():
            return replace(state, openings=event.openings)
        case OpeningFilled():
            return replace(state, filled_by=state.filled_by.insert(event.application_id))
        case _:
            assert_never(event)


# Commands


class CreateJob(Command, frozen=True):
    job_id: UUID
    created_by: UUID
    posting: Posting
    requirements: Requirements
    openings: int = 1
    publish: bool = False


class EditJob(Command, frozen=True):
    """Only what is given changes."""

    job_id: UUID
    posting: Posting | None = None
    requirements: Requirements | None = None
    openings: int | None = None


class PublishJob(Command, frozen=True):
    job_id: UUID


class CloseJob(Command, frozen=True):
    job_id: UUID


class ReopenJob(Command, frozen=True):
    job_id: UUID


class ArchiveJob(Command, frozen=True):
    job_id: UUID


class AdmitApplication(Command, frozen=True):
    """Asks whether the job takes applications now; changes nothing."""

    job_id: UUID


class FillOpening(Command, frozen=True):
    job_id: UUID
    application_id: UUID


JobCommand: TypeAlias = (
    CreateJob | EditJob | PublishJob | CloseJob | ReopenJob | ArchiveJob | AdmitApplication | FillOpening
)

_NOT_FOUND = Rejected("job_not_found", "There is no such job.")
_ARCHIVED = Rejected("job_archived", "The job is archived.")
_NO_OPENINGS = Rejected("openings_invalid", "A job has at least one opening.")
_FILLED = Rejected("openings_filled", "All openings of the job are filled.")


def decide(command: JobCommand, state: Job) -> Decision[JobEvent]:
    if isinstance(command, CreateJob):
        return _create(command, state)
    if state.status is None:
        return _NOT_FOUND
    match command:
        case EditJob():
            return _edit(command, state)
        case PublishJob():
            return _publish(state.status)
        case CloseJob():
            return _close(state.status)
        case ReopenJob():
            return _reopen(state.status, state)
        case ArchiveJob():
            return _archive(state.status)
        case AdmitApplication():
            return (
                []
                if state.status == "open"
                else Rejected("job_not_open", "The job takes no applications now.")
            )
        case FillOpening():
            return _fill(command, state)
        case _:
            assert_never(command)


def _create(command: CreateJob, state: Job) -> Decision[JobEvent]:
    if state.status is not None:
        return Rejected("job_exists", "The job was created before.")
    if command.openings < 1:
        return _NO_OPENINGS
    if (invalid := refusal(command.requirements)) is not None:
        return invalid
    created = JobCreated(
        created_by=command.created_by,
        posting=command.posting,
        requirements=completed(command.requirements),
        openings=command.openings,
    )
    return [created, JobPublished()] if command.publish else [created]


def _edit(command: EditJob, state: Job) -> Decision[JobEvent]:
    if state.status == "archived":
        return _ARCHIVED
    events: list[JobEvent] = []
    if command.posting is not None and command.posting != state.posting:
        events.append(PostingEdited(posting=command.posting))
    if command.requirements is not None and (wanted := completed(command.requirements)) != state.requirements:
        if (invalid := refusal(wanted)) is not None:
            return invalid
        revision = state.requirements_revision + 1
        events.append(RequirementsRevised(revision=revision, requirements=wanted))
    if command.openings is not None and command.openings != state.openings:
        if command.openings < 1:
            return _NO_OPENINGS
        if command.openings < len(state.filled_by):
            return Rejected("openings_below_filled", f"{len(state.filled_by)} openings are filled already.")
        events.append(OpeningsChanged(openings=command.openings))
    return events


def completed(requirements: Requirements) -> Requirements:
    """With every must-have skill among the skills."""
    known = {normalized(skill) for skill in requirements.skills}
    further = tuple(skill for skill in requirements.must_have_skills if normalized(skill) not in known)
    return replace(requirements, skills=requirements.skills + further) if further else requirements


def refusal(requirements: Requirements) -> Rejected | None:
    """Why nobody can be judged by these; None when they can."""
    low, high = requirements.salary_min, requirements.salary_max
    if low is not None and high is not None and low > high:
        return Rejected("salary_range_invalid", "salary_min is above salary_max.")
    if (low is not None or high is not None) and requirements.currency is None:
        return Rejected("currency_missing", "A salary needs a currency.")
    weights = (requirements.weights.skills, requirements.weights.experience, requirements.weights.salary)
    if min(weights) < 0 or not any(weights):
        return Rejected("weights_invalid", "A weight is 0 or more, and one of them is more than 0.")
    if not 0 <= requirements.threshold <= 100:
        return Rejected("threshold_invalid", "The threshold is from 0 to 100.")
    return None


def _publish(status: Status) -> Decision[JobEvent]:
    match status:
        case "open":
            return []
        case "draft":
            return [JobPublished()]
        case "archived":
            return _ARCHIVED
        case "closed":
            return Rejected("job_closed", "A closed job is reopened, not published.", ("reopen",))
        case _:
            assert_never(status)


def _close(status: Status) -> Decision[JobEvent]:
    match status:
        case "closed":
            return []
        case "open":
            return [JobClosed()]
        case "archived":
            return _ARCHIVED
        case "draft":
            return Rejected("job_not_open", "Only an open job can be closed.")
        case _:
            assert_never(status)


def _reopen(status: Status, state: Job) -> Decision[JobEvent]:
    match status:
        case "open":
            return []
        case "closed":
            return _FILLED if len(state.filled_by) >= state.openings else [JobReopened()]
        case "archived":
            return _ARCHIVED
        case "draft":
            return Rejected("job_not_closed", "Only a closed job can be reopened; a draft is published.")
        case _:
            assert_never(status)


def _archive(status: Status) -> Decision[JobEvent]:
    match status:
        case "archived":
            return []
        case "open":
            return Rejected("job_open", "An open job is closed before it is archived.", ("close",))
        case "draft" | "closed":
            return [JobArchived()]
        case _:
            assert_never(status)


def _fill(command: FillOpening, state: Job) -> Decision[JobEvent]:
    if command.application_id in state.filled_by:
        return []
    if len(state.filled_by) >= state.openings:
        return _FILLED
    return [OpeningFilled(application_id=command.application_id)]


JOB: Decider[JobCommand, Job, JobEvent] = Decider(
    name="job", initial=Job(), decide=decide, evolve=evolve, event_type=JobEvent
)
