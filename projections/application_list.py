"""Who has applied, and where do they stand? One row per application: a candidate's list, a company's list, a job's board."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias, assert_never, get_args
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import class_row
from psycopg.types.json import set_json_loads

from application.recorded import Recorded
from domain.job_application import (
    ApplicationMoved,
    ApplicationReinstated,
    ApplicationRejected,
    ApplicationScreened,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    PipelineStage,
    Stage,
    StageAdvanced,
    plain_source,
    screening_of,
)
from domain.screening import Screening, Verdict
from infrastructure.read_model import Key, ReadModel, Row
from projections.paging import Page, seal, unseal

Handled: TypeAlias = (
    ApplicationSubmitted
    | ApplicationScreened
    | StageAdvanced
    | ApplicationRejected
    | ApplicationReinstated
    | ApplicationWithdrawn
    | ApplicationMoved
)


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
    version=4,
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

# Queries

_screening: Final = msgspec.json.Decoder(Screening).decode
"""The one column of JSON."""


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """An application as the API lists it. Its cover letter is personal data and is kept under `cover_letter_text_id`.

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


class BoardColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a job's board: how many stand there, and the newest of them."""

    stage: Stage
    count: int
    items: list[Application]


_COLUMNS: Final[LiteralString] = """
    application_id as id, job_id, tenant_id as company_id, candidate_id, stage, reached, skills, experience_years,
    expected_salary, currency, cover_letter_text_id, resume_id, source, moved_from, moved_to, screening,
    requirements_revision, applied_at, stage_since, version"""


Sort: TypeAlias = Literal["newest", "score"]

_ORDER: Final[dict[Sort, LiteralString]] = {
    "newest": "applied_at desc, application_id desc",
    "score": "score desc, applied_at desc, application_id desc",
}
_AFTER: Final[dict[Sort, LiteralString]] = {
    "newest": "(applied_at, application_id) < (%(after_time)s, %(after_id)s)",
    "score": "(score, applied_at, application_id) < (%(after_score)s, %(after_time)s, %(after_id)s)",
}


LOOKED: Final = 3_000
"""A page that an index cannot answer (`q`, `source`, `verdict`) is looked for among so many applications in its order. It may
then hold fewer items than its limit, or none, and have a next page all the same, which goes on where this one ended."""

_LONGEST: Final[LiteralString] = "201"
"""A row more than the longest page has. Other pages stop there, and say so in the statement: for a limit that PostgreSQL
cannot see it would plan every single time."""


class ApplicationFilters(msgspec.Struct, frozen=True, kw_only=True):
    """What narrows a list of applications; what is not given does not.

    `q`: every word of it occurs in a skill, in the source, or, for staff, in the candidate's name.
    """

    job_id: UUID | None = None
    stage: Stage | None = None
    source: str | None = None
    verdict: Verdict | None = None
    q: str | None = None


_ALL: Final = ApplicationFilters()


async def of_candidate(
    connection: AsyncConnection[Any],
    candidate_id: UUID,
    filters: ApplicationFilters = _ALL,
    *,
    sort: Sort = "newest",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Application]:
    """A candidate's own applications at all companies. Raises `ValueError` for a cursor that is not of this order."""
    return await _listed(
        connection,
        "candidate_id = %(owner)s",
        "",
        candidate_id,
        filters,
        sort=sort,
        cursor=cursor,
        limit=limit,
    )


async def of_company(
    connection: AsyncConnection[Any],
    company_id: UUID,
    filters: ApplicationFilters = _ALL,
    *,
    sort: Sort = "newest",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Application]:
    """A company's applications. Raises `ValueError` for a cursor that is not of this order."""
    name: LiteralString = "|| ' ' || coalesce((select name from account where account_id = candidate_id), '')"
    return await _listed(
        connection,
        "tenant_id = %(owner)s",
        name,
        company_id,
        filters,
        sort=sort,
        cursor=cursor,
        limit=limit,
    )


async def _listed(
    connection: AsyncConnection[Any],
    whose: LiteralString,
    searched_too: LiteralString,
    owner: UUID,
    filters: ApplicationFilters,
    *,
    sort: Sort,
    cursor: str | None,
    limit: int,
) -> Page[Application]:
    given = {name: value for name, value in asdict(filters).items() if value is not None}
    conditions: list[LiteralString] = [whose]
    conditions += [condition for name, condition in _INDEXED.items() if name in given]
    judged = [condition for name, condition in _JUDGED.items() if name in given]
    parameters: dict[str, Any] = {**given, "owner": owner, "looked": LOOKED, "limit": limit + 1}
    if words := (filters.q or "").split():
        judged.append(
            f"""array_to_string(skills, ' ') || ' ' || coalesce(source, '') {searched_too}
                ilike all (%(words)s::text[])"""
        )
        parameters["words"] = [f"%{_literally(word)}%" for word in words]
    if cursor is not None:
        parameters |= _place(cursor, sort)
        conditions.append(_AFTER[sort])
    rows: LiteralString = f"rm_application_list where {' and '.join(conditions)} order by {_ORDER[sort]}"
    matching: LiteralString = " and ".join(judged)
    found_by: LiteralString = (
        f"""({matching}) is true, place = %(looked)s
            from (select *, row_number() over (order by {_ORDER[sort]}) as place from {rows} limit %(looked)s) as looked_at
            where ({matching}) or place = %(looked)s"""
        if judged
        else f"true, false from (select * from {rows} limit {_LONGEST}) as listed"
    )
    statement: LiteralString = f"""
        select {_COLUMNS}, {found_by} order by {_ORDER[sort]} limit %(limit)s"""
    # What else is asked is planned for these very values: it depends on how large the job, how rare the stage is.
    is_kept = not given or (given.keys() == {"job_id"} and sort == "newest")
    async with connection.cursor(row_factory=_looked_at) as reader:
        set_json_loads(_screening, reader)
        await reader.execute(statement, parameters, prepare=None if is_kept else False)
        found = await reader.fetchall()
    seen = found[:limit]
    items = [application for application, matches, _ in seen if matches]
    if len(found) <= limit and not any(ends for _, _, ends in seen):
        return Page(items)
    return Page(items, _cursor(sort, seen[-1][0]))


def _looked_at(cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], tuple[Application, bool, bool]]:
    """Rows as applications, whether each is an item of the page, and whether it is the last that is looked at."""
    names = [column.name for column in cursor.description or ()][:-2]
    return lambda values: (Application(**dict(zip(names, values, strict=False))), *values[-2:])


_INDEXED: Final[dict[str, LiteralString]] = {"job_id": "job_id = %(job_id)s", "stage": "stage = %(stage)s"}
_JUDGED: Final[dict[str, LiteralString]] = {
    "source": "source = %(source)s",
    "verdict": "verdict = %(verdict)s",
}


def _cursor(sort: Sort, last: Application) -> str:
    if sort == "newest":
        return seal(sort, last.applied_at, last.id)
    return seal(sort, (-1 if last.screening is None else last.screening.score, last.applied_at), last.id)


def _place(cursor: str, sort: Sort) -> dict[str, object]:
    if sort == "newest":
        time, after_id = unseal(cursor, sort, datetime)
        return {"after_time": time, "after_id": after_id}
    (score, time), after_id = unseal(cursor, sort, tuple[int, datetime])
    return {"after_score": score, "after_time": time, "after_id": after_id}


def _literally(text: str) -> str:
    """`text` for a LIKE pattern in which it means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def board(
    connection: AsyncConnection[Any], company_id: UUID, job_id: UUID, *, per_stage: int = 50
) -> list[BoardColumn]:
    """A job's applications by stage, every stage present, in pipeline order; the newest `per_stage` of each."""
    stages: list[Stage] = list(get_args(Stage))
    parameters = {"tenant_id": company_id, "job_id": job_id, "stages": stages, "limit": per_stage}
    async with connection.cursor() as counter:
        await counter.execute(
            """select stage, count(*) from rm_application_list
               where tenant_id = %(tenant_id)s and job_id = %(job_id)s group by stage""",
            parameters,
        )
        counts: dict[str, int] = dict(await counter.fetchall())
    async with connection.cursor(row_factory=class_row(Application)) as reader:
        set_json_loads(_screening, reader)
        await reader.execute(
            f"""select {_COLUMNS} from unnest(%(stages)s::text[]) as wanted (stage_name)
                cross join lateral (
                    select * from rm_application_list
                    where tenant_id = %(tenant_id)s and job_id = %(job_id)s and stage = wanted.stage_name
                    order by applied_at desc, application_id desc limit %(limit)s) as application""",
            parameters,
        )
        found = await reader.fetchall()
    return [
        BoardColumn(
            stage=stage, count=counts.get(stage, 0), items=[item for item in found if item.stage == stage]
        )
        for stage in stages
    ]
