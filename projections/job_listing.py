"""Which jobs are there? One row per job; open ones are browsed by everybody, the others by their company."""

from datetime import datetime
from typing import Any, Final, TypeAlias, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.recorded import Recorded
from domain.job import (
    EmploymentType,
    JobArchived,
    JobClosed,
    JobCreated,
    JobEvent,
    JobPublished,
    JobReopened,
    OpeningFilled,
    OpeningsChanged,
    Posting,
    PostingEdited,
    Requirements,
    RequirementsRevised,
    Status,
)
from infrastructure.read_models.read_model import Key, ReadModel, Row
from projections.job_words import skill_keys

Handled: TypeAlias = JobEvent


class JobRow(Row, frozen=True, kw_only=True):
    """`listed_at` is when it was published, or created as long as it was not; `salary_top` is 0 when unknown. `version` is that of
    the job, so every event of a job is handled."""

    job_id: UUID
    title: str
    description: str
    location: str
    remote: bool
    employment_type: EmploymentType
    skills: tuple[str, ...]
    skill_keys: tuple[str, ...]
    skill_words: str
    min_experience_years: int
    salary_min: int | None
    salary_max: int | None
    salary_top: int
    currency: str | None
    openings: int
    filled: int
    status: Status
    created_by: UUID
    created_at: datetime
    published_at: datetime | None
    listed_at: datetime
    version: int


def keys(recorded: Recorded[Handled]) -> tuple[Key, ...]:
    return ((recorded.stream_id,),)


def evolve(row: JobRow | None, recorded: Recorded[Handled]) -> JobRow | None:
    event, version, at = recorded.event, recorded.version, recorded.recorded_at
    if isinstance(event, JobCreated):
        return _created(event, recorded)
    if row is None:
        return None
    match event:
        case JobPublished():
            return replace(row, status="open", published_at=at, listed_at=at, version=version)
        case JobReopened():
            return replace(row, status="open", version=version)
        case JobClosed():
            return replace(row, status="closed", version=version)
        case JobArchived():
            return replace(row, status="archived", version=version)
        case PostingEdited():
            return replace(row, **_posting(event.posting), version=version)
        case RequirementsRevised():
            return replace(row, **_requirements(event.requirements), version=version)
        case OpeningsChanged():
            return replace(row, openings=event.openings, version=version)
        case OpeningFilled():
            return replace(row, filled=row.filled + 1, version=version)
        case _:
            assert_never(event)


def _created(event: JobCreated, recorded: Recorded[Handled]) -> JobRow:
    return JobRow(
        tenant_id=recorded.tenant_id,
        job_id=recorded.stream_id,
        openings=event.openings,
        filled=0,
        status="draft",
        created_by=event.created_by,
        created_at=recorded.recorded_at,
        published_at=None,
        listed_at=recorded.recorded_at,
        version=recorded.version,
        **_posting(event.posting),
        **_requirements(event.requirements),
    )


def _posting(posting: Posting) -> dict[str, Any]:
    return {
        "title": posting.title,
        "description": posting.description,
        "location": posting.location,
        "remote": posting.remote,
        "employment_type": posting.employment_type,
    }


def _requirements(requirements: Requirements) -> dict[str, Any]:
    return {
        "skills": requirements.skills,
        "skill_keys": skill_keys(requirements.skills),
        "skill_words": " ".join(requirements.skills),
        "min_experience_years": requirements.min_experience_years,
        "salary_min": requirements.salary_min,
        "salary_max": requirements.salary_max,
        "salary_top": requirements.salary_max or requirements.salary_min or 0,
        "currency": requirements.currency,
    }


JOB_LISTING: Final = ReadModel(
    name="job_listing",
    version=2,
    row=JobRow,
    key=("job_id",),
    handled=Handled,
    keys=keys,
    evolve=evolve,
    public="status = 'open'",
    generated=(
        """head tsvector not null generated always as (
            setweight(job_words(left(title, 2000)), 'A')
            || setweight(job_words(left(skill_words, 20000)), 'B')) stored""",
        """words tsvector not null generated always as (
            setweight(job_words(left(title, 2000)), 'A')
            || setweight(job_words(left(skill_words, 20000)), 'B')
            || setweight(job_words(left(description, 100000)), 'C')) stored""",
    ),
    indexes=(
        "create index on {table} (listed_at desc, job_id desc) where status = 'open'",
        "create index on {table} (salary_top desc, job_id desc) where status = 'open'",
        "create index on {table} (tenant_id, listed_at desc, job_id desc)",
        "create index on {table} using gin (head, words, skill_keys, location gin_trgm_ops) where status = 'open'",
        """insert into search_word
            select distinct used from {table}, search_words(title || ' ' || skill_words) as used where status = 'open'
            on conflict do nothing""",
        """create trigger words_of_new after insert on {table} referencing new table as changed
            for each statement execute function keep_search_words()""",
        """create trigger words_of_changed after update on {table} referencing new table as changed
            for each statement execute function keep_search_words()""",
    ),
)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the API shows it."""

    id: UUID
    company_id: UUID
    company_name: str
    title: str
    description: str
    location: str
    remote: bool
    employment_type: EmploymentType
    skills: list[str]
    min_experience_years: int
    salary_min: int | None
    salary_max: int | None
    currency: str | None
    openings: int
    status: Status
    created_by: UUID
    created_at: datetime
    published_at: datetime | None
    version: int
