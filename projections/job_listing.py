"""Which jobs are there? One row per job; open ones are browsed by everybody, the others by their company."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace
from psycopg import AsyncConnection, AsyncCursor

from application.recorded import Recorded
from domain.job import (
    EmploymentType,
    JobArchived,
    JobClosed,
    JobCreated,
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
from infrastructure.read_model import Key, ReadModel, Row
from projections.paging import Page, seal, unseal

Handled: TypeAlias = (
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


class JobRow(Row, frozen=True, kw_only=True):
    """`listed_at` is when it was published, or created as long as it was not; `salary_top` is 0 when unknown."""

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
        "skill_keys": tuple(skill.lower() for skill in requirements.skills),
        "skill_words": " ".join(requirements.skills),
        "min_experience_years": requirements.min_experience_years,
        "salary_min": requirements.salary_min,
        "salary_max": requirements.salary_max,
        "salary_top": requirements.salary_max or requirements.salary_min or 0,
        "currency": requirements.currency,
    }


JOB_LISTING: Final = ReadModel(
    name="job_listing",
    version=1,
    row=JobRow,
    key=("job_id",),
    handled=Handled,
    keys=keys,
    evolve=evolve,
    generated=(
        """words tsvector not null generated always as (
            setweight(to_tsvector('simple', left(title, 2000)), 'A')
            || setweight(to_tsvector('simple', left(skill_words, 20000)), 'B')
            || setweight(to_tsvector('simple', left(description, 100000)), 'C')) stored""",
    ),
    indexes=(
        "create index on {table} (listed_at desc, job_id desc) where status = 'open'",
        "create index on {table} (salary_top desc, job_id desc) where status = 'open'",
        "create index on {table} (tenant_id, listed_at desc, job_id desc)",
        "create index on {table} using gin (words) where status = 'open'",
        "create index on {table} using gin (skill_keys) where status = 'open'",
    ),
)

# Queries

Sort: TypeAlias = Literal["newest", "salary", "relevance"]

RELEVANCE_CANDIDATES: Final = 1000
"""Relevance is judged among this many of the newest matches, so that a common word costs no more than a rare one."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the API shows it."""

    id: UUID
    company_id: UUID
    company_name: str
    title: str
    description: str
    location: str
    remote: bool
    employment_type: str
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


class JobFilters(msgspec.Struct, frozen=True, kw_only=True):
    """What narrows a list of jobs; what is not given does not.

    `q`: every word occurs in title, skills or description. `skills`: all of them, in any case. `location`: a part of it.
    `company_id` narrows to one company's open jobs.
    """

    q: str | None = None
    skills: tuple[str, ...] = ()
    location: str | None = None
    remote: bool | None = None
    company_id: UUID | None = None
    salary_at_least: int | None = None
    experience_at_most: int | None = None


class StaffView(msgspec.Struct, frozen=True, kw_only=True):
    """What staff may ask beyond everybody's list: their own company's jobs, in a `status` (None: any).

    `created_by` narrows to those that this person made.
    """

    company_id: UUID
    status: Status | None = None
    created_by: UUID | None = None


_COLUMNS: Final[LiteralString] = """
    job.job_id as id, job.tenant_id as company_id, coalesce(company.name, '') as company_name, job.title,
    job.description, job.location, job.remote, job.employment_type, job.skills, job.min_experience_years,
    job.salary_min, job.salary_max, job.currency, job.openings, job.status, job.created_by, job.created_at,
    job.published_at, job.version"""

_ORDER: Final[dict[Sort, LiteralString]] = {
    "newest": "listed_at",
    "salary": "salary_top",
    "relevance": "rank",
}
_PLACE: Final[dict[Sort, type]] = {"newest": datetime, "salary": int, "relevance": float}


def _placed(cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], tuple[Job, object]]:
    """Rows as jobs, each with its place in the order, which is the last column."""
    names = [column.name for column in cursor.description or ()][:-1]
    return lambda values: (Job(**dict(zip(names, values, strict=False))), values[-1])


async def browse(
    connection: AsyncConnection[Any],
    filters: JobFilters,
    *,
    staff: StaffView | None = None,
    sort: Sort = "newest",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Job]:
    """Open jobs of all companies, or with `staff` the jobs of one company in any status.

    `salary` compares the upper ends of the ranges as numbers, whatever their currency. `relevance` without `q` is `newest`.
    Raises `ValueError` for a cursor that is not of this order.
    """
    if sort == "relevance" and not (filters.q and filters.q.strip()):
        sort = "newest"
    conditions, parameters = _conditions(filters, staff)
    after: LiteralString = ""
    if cursor is not None:
        parameters["place"], parameters["after_id"] = unseal(cursor, sort, _PLACE[sort])
        after = f"where (job.{_ORDER[sort]}, job.job_id) < (%(place)s, %(after_id)s)"
    source: LiteralString = f"(select * from rm_job_listing where {' and '.join(conditions)})"
    if sort == "relevance":
        source = f"""(select *, ts_rank(words, plainto_tsquery('simple', %(q)s))::float8 as rank
                      from (select * from {source} as matching order by listed_at desc, job_id desc
                            limit %(candidates)s) as candidate)"""
    statement: LiteralString = f"""
        select {_COLUMNS}, job.place
        from (select job.*, job.{_ORDER[sort]} as place from {source} as job {after}
              order by job.{_ORDER[sort]} desc, job.job_id desc limit %(limit)s) as job
        left join company on company.company_id = job.tenant_id
        order by job.place desc, job.job_id desc"""
    async with connection.cursor(row_factory=_placed) as reader:
        await reader.execute(
            statement, {**parameters, "limit": limit + 1, "candidates": RELEVANCE_CANDIDATES}
        )
        found = await reader.fetchall()
    items = [job for job, _ in found[:limit]]
    following = seal(sort, found[limit - 1][1], items[-1].id) if len(found) > limit else None
    return Page(items, following)


def _conditions(filters: JobFilters, staff: StaffView | None) -> tuple[list[LiteralString], dict[str, Any]]:
    conditions: list[LiteralString] = []
    parameters: dict[str, Any] = {}
    if staff is None or staff.status == "open":
        conditions.append("status = 'open'")
    elif staff.status is not None:
        conditions.append("status = %(status)s")
        parameters["status"] = staff.status
    if staff is not None:
        conditions.append("tenant_id = %(own_company)s")
        parameters["own_company"] = staff.company_id
        if staff.created_by is not None:
            conditions.append("created_by = %(created_by)s")
            parameters["created_by"] = staff.created_by
    if filters.q and filters.q.strip():
        conditions.append("words @@ plainto_tsquery('simple', %(q)s)")
        parameters["q"] = filters.q
    if filters.skills:
        conditions.append("skill_keys @> %(skills)s::text[]")
        parameters["skills"] = [skill.lower() for skill in filters.skills]
    if filters.location:
        conditions.append("location ilike %(location)s")
        parameters["location"] = f"%{_literally(filters.location)}%"
    if filters.remote is not None:
        conditions.append("remote = %(remote)s")
        parameters["remote"] = filters.remote
    if filters.company_id is not None:
        conditions.append("tenant_id = %(company_id)s")
        parameters["company_id"] = filters.company_id
    if filters.salary_at_least is not None:
        conditions.append("salary_top >= %(salary_at_least)s")
        parameters["salary_at_least"] = filters.salary_at_least
    if filters.experience_at_most is not None:
        conditions.append("min_experience_years <= %(experience_at_most)s")
        parameters["experience_at_most"] = filters.experience_at_most
    return conditions or ["true"], parameters


def _literally(text: str) -> str:
    """`text` for a LIKE pattern in which it means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
