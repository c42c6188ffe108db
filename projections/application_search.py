"""Browsing applications: a candidate's list, a company's list, a job's board."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias, get_args
from uuid import UUID

import msgspec
from msgspec.structs import asdict
from psycopg import AsyncConnection, AsyncCursor
from psycopg.types.json import set_json_loads

from domain.job_application import Stage
from domain.screening import Screening, Verdict
from infrastructure.database.containing import containing
from projections.application_list import Application
from projections.paging import Page, decode_cursor, encode_cursor

_screening: Final = msgspec.json.Decoder(Screening).decode
"""The one column of JSON."""


class BoardColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a job's board: how many stand there, and the newest of them."""

    stage: Stage
    count: int
    items: list[Application]


_COLUMNS: Final[LiteralString] = """
    application_id as id, job_id, tenant_id as company_id, candidate_id, stage, reached, skills, experience_years,
    expected_salary, currency, cover_letter_text_id, resume_id, source, moved_from, moved_to, screening,
    requirements_revision, applied_at, stage_since, version,
    case when cover_letter_text_id is not null then (
        select content ->> 'cover_letter' from personal_text
        where tenant_id = listed.tenant_id and text_id = listed.cover_letter_text_id) end as cover_letter"""
"""Of `listed`. A cover letter is read where it can be forgotten."""


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
    conditions: list[LiteralString] = [whose, *(_INDEXED[name] for name in _INDEXED if name in given)]
    judged: list[LiteralString] = [_JUDGED[name] for name in _JUDGED if name in given]
    parameters: dict[str, Any] = {**given, "owner": owner, "looked": LOOKED, "limit": limit + 1}
    if words := (filters.q or "").split():
        judged.append(
            f"""array_to_string(skills, ' ') || ' ' || coalesce(source, '') {searched_too}
                ilike all (%(words)s::text[])"""
        )
        parameters["words"] = [containing(word) for word in words]
    if cursor is not None:
        parameters |= _place(cursor, sort)
        conditions.append(_AFTER[sort])
    rows: LiteralString = f"rm_application_list where {' and '.join(conditions)} order by {_ORDER[sort]}"
    matching: LiteralString = " and ".join(judged)
    found_by: LiteralString = (
        f"""({matching}) is true, place = %(looked)s
            from (select *, row_number() over (order by {_ORDER[sort]}) as place from {rows} limit %(looked)s) as listed
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
        return encode_cursor(sort, last.applied_at, last.id)
    return encode_cursor(
        sort, (-1 if last.screening is None else last.screening.score, last.applied_at), last.id
    )


def _place(cursor: str, sort: Sort) -> dict[str, object]:
    if sort == "newest":
        time, after_id = decode_cursor(cursor, sort, datetime)
        return {"after_time": time, "after_id": after_id}
    (score, time), after_id = decode_cursor(cursor, sort, tuple[int, datetime])
    return {"after_score": score, "after_time": time, "after_id": after_id}


async def board(
    connection: AsyncConnection[Any], company_id: UUID, job_id: UUID, *, per_stage: int = 50
) -> list[BoardColumn]:
    """A job's applications by stage, every stage present, in pipeline order; the newest `per_stage` of each. All of one moment."""
    standing: LiteralString = "tenant_id = %(tenant_id)s and job_id = %(job_id)s and stage = wanted.stage"
    found = await connection.execute(
        f"""select json_agg(board_column)::text from (
                select stage,
                       (select count(*) from rm_application_list where {standing}) as count,
                       (select coalesce(json_agg(item), '[]') from (
                            select {_COLUMNS} from rm_application_list as listed where {standing}
                            order by applied_at desc, application_id desc limit %(limit)s) as item) as items
                from unnest(%(stages)s::text[]) with ordinality as wanted (stage, place)
                order by place) as board_column""",
        {
            "tenant_id": company_id,
            "job_id": job_id,
            "stages": list(get_args(Stage)),
            "limit": per_stage,
        },
    )
    ((columns,),) = await found.fetchall()
    return msgspec.json.decode(columns, type=list[BoardColumn])
