"""Browsing jobs: filters, search by words, and three orders; only ever open jobs, unless staff ask for their own."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection, AsyncCursor

from domain.job import Status
from domain.skills import BUILT_IN
from projections.job_listing import Job
from projections.job_words import Replacements, Spellings, Words, corrections, words
from projections.paging import Page, seal, unseal

Sort: TypeAlias = Literal["newest", "salary", "relevance"]
Place: TypeAlias = tuple[datetime] | tuple[int] | tuple[float, datetime]

RANKED: Final = 400
"""Relevance is judged among so many of the newest jobs that have the words in title and skills and, where those are fewer,
so many of the newest that have them anywhere: so a common word costs no more than a rare one."""

SPELLINGS: Final = Spellings(BUILT_IN)

_FEW: Final = 3
_SKILL_NAMES: Final[tuple[LiteralString, ...]] = (
    *("skill1", "skill2", "skill3", "skill4", "skill5", "skill6", "skill7", "skill8", "skill9", "skill10"),
    *(
        "skill11",
        "skill12",
        "skill13",
        "skill14",
        "skill15",
        "skill16",
        "skill17",
        "skill18",
        "skill19",
        "skill20",
    ),
)
_ORDER: Final[dict[Sort, tuple[LiteralString, ...]]] = {
    "newest": ("listed_at", "job_id"),
    "salary": ("salary_top", "job_id"),
    "relevance": ("rank", "listed_at", "job_id"),
}
_PLACE: Final[dict[Sort, Any]] = {
    "newest": tuple[tuple[datetime], Replacements],
    "salary": tuple[tuple[int], Replacements],
    "relevance": tuple[tuple[float, datetime], Replacements],
}
_COLUMNS: Final[LiteralString] = """
    job.job_id as id, job.tenant_id as company_id, coalesce(company.name, '') as company_name, job.title,
    job.description, job.location, job.remote, job.employment_type, job.skills, job.min_experience_years,
    job.salary_min, job.salary_max, job.currency, job.openings, job.status, job.created_by, job.created_at,
    job.published_at, job.version"""
_ASKED: Final[LiteralString] = "job_query(%(q)s, %(names)s::text[], %(others)s::text[])"
_AS_WRITTEN: Final[LiteralString] = (
    "job_query(%(q)s, %(names_as_written)s::text[], %(others_as_written)s::text[])"
)
_RANK: Final[LiteralString] = (
    f"(words @@ {_AS_WRITTEN})::int + ts_rank('{{0.1, 0.1, 0.4, 1}}', words, {_ASKED})::float8"
)


class JobFilters(msgspec.Struct, frozen=True, kw_only=True):
    """What narrows a list of jobs; what is not given does not.

    `q`: words, "phrases", -words that must not occur, `or`. `skills`: all of (at most 20 of) them, in any spelling. `location`: a part
    of it. `company_id` narrows to one company's open jobs.
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


async def browse(
    connection: AsyncConnection[Any],
    filters: JobFilters,
    *,
    staff: StaffView | None = None,
    sort: Sort | None = None,
    cursor: str | None = None,
    limit: int = 50,
    spellings: Spellings = SPELLINGS,
) -> Page[Job]:
    """Open jobs of all companies, or with `staff` the jobs of one company in any status.

    Without `sort`, those come first that answer `q` best or, without `q`, the newest. `salary` compares the upper ends of
    the ranges as numbers, whatever their currency. Words that hardly any job has are taken for mistyped ones.
    Raises `ValueError` for a cursor that is not of this order.
    """
    asked = words(filters.q, spellings) if filters.q and filters.q.strip() else None
    order: Sort = sort or "relevance"
    if order == "relevance" and asked is None:
        order = "newest"
    search = _Search(_conditions(filters, staff, spellings), order, limit)
    if cursor is not None:
        (place, corrected), after_id = unseal(cursor, order, _PLACE[order])
        found = await search.jobs(connection, asked, corrected, (*place, after_id))
    else:
        corrected = ()
        found = await search.jobs(connection, asked, (), ())
        few = _FEW if order == "relevance" else 1
        if asked is not None and len(found) < min(few, limit + 1):
            corrected = await corrections(connection, asked.text)
            if corrected:
                found = await search.jobs(connection, asked, corrected, ())
    items = [job for job, _ in found[:limit]]
    following = seal(order, (found[limit - 1][1], corrected), items[-1].id) if len(found) > limit else None
    return Page(items, following)


class _Conditions(msgspec.Struct):
    """SQL conditions on a job, without those of `q`, and their parameters."""

    all: list[LiteralString] = []
    parameters: dict[str, Any] = {}

    def add(self, condition: LiteralString, **parameters: object) -> None:
        self.all.append(condition)
        self.parameters.update(parameters)


class _Search:
    """One list of jobs in its order, page by page."""

    def __init__(self, conditions: _Conditions, order: Sort, limit: int) -> None:
        self._conditions = conditions
        self._order = _ORDER[order]
        self._limit = limit

    async def jobs(
        self,
        connection: AsyncConnection[Any],
        asked: Words | None,
        corrected: Replacements,
        after: Sequence[object],
    ) -> list[tuple[Job, Place]]:
        """Jobs that stand behind the place `after`, each with its own place; one more than the limit if there are more."""
        columns: LiteralString = ", ".join(self._order)
        places: list[LiteralString] = ["%(place0)s", "%(place1)s", "%(place2)s"]
        behind: LiteralString = f"where ({columns}) < ({', '.join(places[: len(after)])})" if after else ""
        descending: LiteralString = ", ".join([f"found.{column} desc" for column in self._order])
        place: LiteralString = ", ".join([f"found.{column}" for column in self._order])
        statement: LiteralString = f"""
            select {_COLUMNS}, {place}
            from (select tenant_id, {columns} from {self._source(asked, corrected)} {behind}
                  order by {descending} limit %(limit)s) as found
            join rm_job_listing as job using (tenant_id, job_id)
            left join company on company.company_id = job.tenant_id
            order by {descending}"""
        parameters = {
            **self._conditions.parameters,
            **(asked.parameters(corrected) if asked else {}),
            **{f"place{number}": value for number, value in enumerate(after)},
            "limit": self._limit + 1,
            "ranked": RANKED,
        }
        async with connection.cursor(row_factory=self._placed) as reader:
            # Planned for these very words: a plan for any words would be a bad one for common or for rare ones.
            await reader.execute(statement, parameters, prepare=False)
            return await reader.fetchall()

    def _source(self, asked: Words | None, corrected: Replacements) -> LiteralString:
        if asked is None:
            return f"(select * from rm_job_listing where {self._where()}) as found"
        if self._order is not _ORDER["relevance"]:
            return f"(select * from rm_job_listing where {self._where('words')}) as found"
        newest: LiteralString = "order by listed_at desc, job_id desc limit %(ranked)s"
        written: LiteralString = ""
        if corrected:
            written = f"""union (select tenant_id, job_id from rm_job_listing
                where {self._where("words", _AS_WRITTEN)} limit %(ranked)s)"""
        return f"""(
            with entitled as materialized (
                select tenant_id, job_id from rm_job_listing where {self._where("head")} {newest}),
            described as materialized (
                select tenant_id, job_id from rm_job_listing
                where (select count(*) from entitled) < %(ranked)s and {self._where("words")} {newest})
            select tenant_id, job_id, listed_at, {_RANK} as rank
            from (select * from entitled union select * from described {written}) as candidate
            join rm_job_listing using (tenant_id, job_id)) as found"""

    def _where(self, vector: LiteralString | None = None, query: LiteralString = _ASKED) -> LiteralString:
        of_q: list[LiteralString] = [] if vector is None else [f"{vector} @@ {query}"]
        return " and ".join([*self._conditions.all, *of_q] or ["true"])

    def _placed(self, cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], tuple[Job, Place]]:
        """Rows as jobs, each with its place, which is in the last columns (the id, which a job has, left out)."""
        count = len(self._order)
        names = [column.name for column in cursor.description or ()][:-count]
        return lambda values: (Job(**dict(zip(names, values, strict=False))), tuple(values[-count:-1]))


def _conditions(filters: JobFilters, staff: StaffView | None, spellings: Spellings) -> _Conditions:
    found = _Conditions()
    if staff is None or staff.status == "open":
        found.add("status = 'open'")
    elif staff.status is not None:
        found.add("status = %(status)s", status=staff.status)
    if staff is not None:
        found.add("tenant_id = %(own_company)s", own_company=staff.company_id)
        if staff.created_by is not None:
            found.add("created_by = %(created_by)s", created_by=staff.created_by)
    for name, skill in zip(_SKILL_NAMES, dict.fromkeys(filters.skills), strict=False):
        found.add(f"skill_keys && %({name})s::text[]", **{name: spellings.of(skill)})
    if filters.location:
        found.add("location ilike %(location)s", location=f"%{_literally(filters.location)}%")
    if filters.remote is not None:
        found.add("remote = %(remote)s", remote=filters.remote)
    if filters.company_id is not None:
        found.add("tenant_id = %(company_id)s", company_id=filters.company_id)
    if filters.salary_at_least is not None:
        found.add("salary_top >= %(salary_at_least)s", salary_at_least=filters.salary_at_least)
    if filters.experience_at_most is not None:
        found.add(
            "min_experience_years <= %(experience_at_most)s", experience_at_most=filters.experience_at_most
        )
    return found


def _literally(text: str) -> str:
    """`text` for a LIKE pattern in which it means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
