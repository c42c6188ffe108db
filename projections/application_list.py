"""Who has applied, and where do they stand? One row per application, of lists and boards."""

from datetime import datetime
from typing import Final, TypeAlias, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.recorded import Recorded
from domain.job_application import (
    ApplicationMoved,
    ApplicationReinstated,
    ApplicationRejected,
    ApplicationScreened,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    JobApplicationEvent,
    PipelineStage,
    Stage,
    StageAdvanced,
    plain_source,
    screening_of,
)
from domain.screening import Screening, Verdict
from infrastructure.read_models.read_model import Key, ReadModel, Row

Handled: TypeAlias = JobApplicationEvent


class ApplicationRow(Row, frozen=True, kw_only=True):
    """`reached` is the pipeline stage it stands at, or stood at when it was rejected or withdrawn.

    `verdict` and `score` repeat those of `screening` to be searched and ordered by; -1 comes after every score.
    """

    application_id: UUID
    job_id: UUID
    candidate_id: UUID
    stage: Stage
    reached: PipelineStage
    skills: tuple[str, ...]
    experience_years: int | None
    expected_salary: int | None
    currency: str | None
    cover_letter_text_id: UUID | None
    resume_id: UUID | None
    source: str | None
    moved_from: UUID | None
    moved_to: UUID | None = None
    screening: Screening | None = None
    verdict: Verdict | None = None
    score: int = -1
    requirements_revision: int
    applied_at: datetime
    stage_since: datetime
    version: int


def keys(recorded: Recorded[Handled]) -> tuple[Key, ...]:
    return ((recorded.stream_id,),)


def evolve(row: ApplicationRow | None, recorded: Recorded[Handled]) -> ApplicationRow | None:
    event, version, at = recorded.event, recorded.version, recorded.recorded_at
    if isinstance(event, ApplicationSubmitted):
        return _submitted(event, recorded)
    if row is None:
        return None
    match event:
        case ApplicationScreened(verdict=verdict, score=score):
            found = screening_of(event)
            return replace(row, screening=found, verdict=verdict, score=score, version=version)
        case StageAdvanced(to_stage=stage) | ApplicationReinstated(to_stage=stage):
            return replace(row, stage=stage, reached=stage, stage_since=at, version=version)
        case ApplicationRejected():
            return replace(row, stage="rejected", stage_since=at, version=version)
        case ApplicationWithdrawn():
            return replace(row, stage="withdrawn", stage_since=at, version=version)
        case ApplicationMoved(to_application_id=moved_to):
            return replace(row, stage="withdrawn", moved_to=moved_to, stage_since=at, version=version)
        case _:
            assert_never(event)


def _submitted(event: ApplicationSubmitted, recorded: Recorded[Handled]) -> ApplicationRow:
    return ApplicationRow(
        tenant_id=recorded.tenant_id,
        application_id=recorded.stream_id,
        job_id=event.job_id,
        candidate_id=event.candidate_id,
        stage="applied",
        reached="applied",
        skills=event.claims.skills,
        experience_years=event.claims.experience_years,
        expected_salary=event.claims.expected_salary,
        currency=event.claims.currency,
        cover_letter_text_id=event.cover_letter_text_id,
        resume_id=event.resume_id,
        source=plain_source(event.source),
        moved_from=event.moved_from,
        requirements_revision=event.requirements_revision,
        applied_at=recorded.recorded_at,
        stage_since=recorded.recorded_at,
        version=recorded.version,
    )


# A board counts from the index alone: it has what the wall between tenants asks about, `candidate_id`, too.
APPLICATION_LIST: Final = ReadModel(
    name="application_list",
    version=5,
    row=ApplicationRow,
    key=("application_id",),
    handled=Handled,
    keys=keys,
    evolve=evolve,
    person="candidate_id",
    indexes=(
        "create index on {table} (tenant_id, applied_at desc, application_id desc)",
        "create index on {table} (tenant_id, score desc, applied_at desc, application_id desc)",
        "create index on {table} (tenant_id, job_id, applied_at desc, application_id desc)",
        """create index on {table} (tenant_id, job_id, stage, applied_at desc, application_id desc)
            include (candidate_id)""",
        "create index on {table} (candidate_id, applied_at desc, application_id desc)",
        "create index on {table} (tenant_id, resume_id) where resume_id is not null",
    ),
)


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """An application as the API lists it. Its cover letter is personal data: kept under `cover_letter_text_id`, null once it is forgotten.

    One that the company moved to another of its jobs is `withdrawn` here and goes on as `moved_to`; there `moved_from` is this.
    """

    id: UUID
    job_id: UUID
    company_id: UUID
    candidate_id: UUID
    stage: Stage
    reached: PipelineStage
    skills: list[str]
    experience_years: int | None
    expected_salary: int | None
    currency: str | None
    cover_letter: str | None
    cover_letter_text_id: UUID | None
    resume_id: UUID | None
    source: str | None
    moved_from: UUID | None = None
    moved_to: UUID | None = None
    screening: Screening | None = None
    requirements_revision: int
    applied_at: datetime
    stage_since: datetime
    version: int
