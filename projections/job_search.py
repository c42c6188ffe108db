"""Browsing jobs: filters, search by words, and three orders; only ever open jobs, unless staff ask for their own."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias
from uuid import UUID

import msgspec
from msgspec.structs import replace
from psycopg import AsyncConnection, AsyncCursor

from domain.job import Status
from domain.skills import BUILT_IN
from domain.unicode_text import composed
from infrastructure.database.containing import containing
from infrastructure.database.tenant_walls import opaque_to_planner
from projections.job_listing import Job
from projections.job_words import Replacements, Spellings, Words, corrections, words
from projections.paging import Page, decode_cursor, encode_cursor

Sort: TypeAlias = Literal["newest", "salary", "relevance"]
Place: TypeAlias = tuple[datetime] | tuple[int] | tuple[float, datetime]

RANKED: Final = 200
"""Relevance is judged among so many of the newest jobs that have the words in title and skills and, where those are fewer,
so many of the newest that have them anywhere: a common word costs no more than a rare one."""

RARE: Final = 4_000
RECENT: Final = 5_000
"""Words that more than `RARE` jobs seem to have are looked for in descriptions of this many of the newest jobs only."""

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
_SEALED: Final[dict[Sort, Any]] = {
    "newest": tuple[tuple[datetime], Replacements, bool],
    "salary": tuple[tuple[int], Replacements, bool],
    "relevance": tuple[tuple[float, datetime], Replacements, bool],
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
_RANK: Final[LiteralString] = f"ts_rank('{{0.1, 0.1, 0.4, 1}}', words, {_ASKED})::float8"


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
    Raises `InvalidCursor` for one that is not of this order.
    """
    asked = Asked(words(composed(filters.q), spellings)) if filters.q and filters.q.strip() else None
    order: Sort = sort or "relevance"
    if order == "relevance" and asked is None:
        order = "newest"
    conditions = _conditions(filters, staff, spellings)
    search = _Search(connection, conditions, order, limit)
    after: Sequence[object] = ()
    if cursor is not None:
        (place, corrected, common), after_id = decode_cursor(cursor, order, _SEALED[order])
        asked = asked and replace(asked, corrected=corrected, common=common)
        after = (*place, after_id)
    async with by_words(connection) if asked or conditions.others else nullcontext():
        if asked is None or after:
            found = await search.jobs(asked, after)
        else:
            asked, found = await search.first_jobs(asked)
    items = [job for job, _ in found[:limit]]
    if len(found) <= limit:
        return Page(items)
    reading = (asked.corrected, asked.common) if asked else ((), False)
    return Page(items, encode_cursor(order, (found[limit - 1][1], *reading), items[-1].id))


@asynccontextmanager
async def by_words(connection: AsyncConnection[Any]) -> AsyncGenerator[None]:
    """Let PostgreSQL use the index of words, which only a bitmap reads: the API's connections do without (`api_pool`)."""
    async with connection.transaction():
        await connection.execute("select set_config('enable_bitmapscan', 'on', true)")
        yield


class Asked(msgspec.Struct, frozen=True):
    """A `q`, the words that stand in for mistyped ones, and whether it seems to be `common`. A cursor keeps the last two."""

    words: Words
    corrected: Replacements = ()
    common: bool = False


class _Conditions(msgspec.Struct):
    """SQL conditions on a job, without those of `q`, and their parameters; `whose` are those on its company and status."""

    whose: list[LiteralString] = []
    others: list[LiteralString] = []
    parameters: dict[str, Any] = {}

    def add(self, condition: LiteralString, **parameters: object) -> None:
        self.others.append(condition)
        self.parameters.update(parameters)

    def add_whose(self, condition: LiteralString, **parameters: object) -> None:
        self.whose.append(condition)
        self.parameters.update(parameters)


class _Search:
    """One list of jobs in its order, page by page."""

    def __init__(
        self, connection: AsyncConnection[Any], conditions: _Conditions, order: Sort, limit: int
    ) -> None:
        self._connection = connection
        self._conditions = conditions
        self._by_relevance = order == "relevance"
        self._order = _ORDER[order]
        self._limit = limit

    async def first_jobs(self, asked: Asked) -> tuple[Asked, list[tuple[Job, Place]]]:
        """The first jobs; if there are too few, those that corrected words find as well. And how `q` was read for it."""
        asked = await self._weighed(asked)
        found = await self.jobs(asked)
        if len(found) >= min(_FEW if self._by_relevance else 1, self._limit + 1):
            return asked, found
        corrected = await corrections(self._connection, asked.words.text)
        if not corrected:
            return asked, found
        asked = await self._weighed(replace(asked, corrected=corrected))
        return asked, await self.jobs(asked)

    async def jobs(self, asked: Asked | None, after: Sequence[object] = ()) -> list[tuple[Job, Place]]:
        """Jobs that stand behind the place `after`, each with its own place; one more than the limit if there are more."""
        columns: LiteralString = ", ".join(self._order)
        places: list[LiteralString] = ["%(place0)s", "%(place1)s", "%(place2)s"]
        behind: LiteralString = f"where ({columns}) < ({', '.join(places[: len(after)])})" if after else ""
        descending: LiteralString = ", ".join([f"found.{column} desc" for column in self._order])
        place = self._places("found")
        listed: LiteralString = f"from {self._source(asked)} {behind} order by {descending} limit %(limit)s"
        # Ranking drags no long texts along; a plain list reads each row once.
        rows: LiteralString = (
            f"(select found.* {listed}) as job cross join lateral (select {self._places('job')}) as found"
            if asked is None
            else f"(select tenant_id, {columns} {listed}) as found join rm_job_listing as job using (tenant_id, job_id)"
        )
        statement: LiteralString = f"""
            select {_COLUMNS}, {place}
            from {rows}
            left join lateral (select name from company where company_id = job.tenant_id limit 1) as company on true
            order by {descending}"""
        parameters = {
            **self._parameters(asked),
            **{f"place{number}": value for number, value in enumerate(after)},
            "limit": self._limit + 1,
            "ranked": RANKED,
            "recent": RECENT,
        }
        async with self._connection.cursor(row_factory=self._placed) as reader:
            # Planned for these very words: a plan for any words would be a bad one for common or for rare ones.
            await reader.execute(statement, parameters, prepare=None if asked is None else False)
            return await reader.fetchall()

    async def _weighed(self, asked: Asked) -> Asked:
        """`asked` with what PostgreSQL's statistics say about how many jobs it would find."""
        if not self._by_relevance:
            return asked
        statement: LiteralString = (
            f"explain (format json) select from rm_job_listing where {self._where('words')}"
        )
        explained = await self._connection.execute(statement, self._parameters(asked), prepare=False)
        row = await explained.fetchone()
        return replace(asked, common=row is not None and row[0][0]["Plan"]["Plan Rows"] > RARE)

    def _source(self, asked: Asked | None) -> LiteralString:
        if asked is None:
            return f"(select * from rm_job_listing where {self._where()}) as found"
        if not self._by_relevance:
            return f"(select * from rm_job_listing where {self._where('words')}) as found"
        whose: LiteralString = " and ".join(self._conditions.whose) or "true"
        newest: LiteralString = "order by listed_at desc, job_id desc"
        # Reading the newest jobs one by one is slow for rare words, reading the index of words for common ones; the sum
        # keeps PostgreSQL, which takes the long texts for cheap, from the former.
        described: LiteralString = (
            f"""(select * from rm_job_listing where {whose} {newest} limit %(recent)s) as recent
                where {self._where("words")} and (select count(*) from entitled) < %(ranked)s {newest}"""
            if asked.common
            else f"""rm_job_listing where {self._where("words")} and (select count(*) from entitled) < %(ranked)s
                order by listed_at + interval '0' desc, job_id desc"""
        )
        as_written: LiteralString = "0"
        written: LiteralString = ""
        if asked.corrected:
            as_written = f"(words @@ {_AS_WRITTEN})::int"
            written = f"""union (select tenant_id, job_id from rm_job_listing
                where {self._where("words", _AS_WRITTEN)} limit %(ranked)s)"""
        return f"""(
            with entitled as materialized (
                select tenant_id, job_id from rm_job_listing where {self._where("head")} {newest} limit %(ranked)s),
            described as materialized (select tenant_id, job_id from {described} limit %(ranked)s)
            select tenant_id, job_id, listed_at, {as_written} + {_RANK} as rank
            from (select * from entitled union select * from described {written}) as candidate
            join rm_job_listing using (tenant_id, job_id)) as found"""

    def _places(self, table: LiteralString) -> LiteralString:
        return ", ".join([f"{table}.{column}" for column in self._order])

    def _where(self, vector: LiteralString | None = None, query: LiteralString = _ASKED) -> LiteralString:
        of_q: list[LiteralString] = [] if vector is None else [f"{vector} @@ {query}"]
        return " and ".join([*self._conditions.whose, *self._conditions.others, *of_q] or ["true"])

    def _parameters(self, asked: Asked | None) -> dict[str, Any]:
        of_q = asked.words.parameters(asked.corrected) if asked else {}
        return {**self._conditions.parameters, **of_q}

    def _placed(self, cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], tuple[Job, Place]]:
        """Rows as jobs, each with its place, which is in the last columns (the id, which a job has, left out)."""
        count = len(self._order)
        names = [column.name for column in cursor.description or ()][:-count]
        return lambda values: (Job(**dict(zip(names, values, strict=False))), tuple(values[-count:-1]))


def _conditions(filters: JobFilters, staff: StaffView | None, spellings: Spellings) -> _Conditions:
    found = _Conditions()
    if staff is not None and staff.status not in {None, "open"}:
        found.add_whose("status = %(status)s", status=staff.status)
    if staff is not None:
        found.add_whose("tenant_id = %(own_company)s", own_company=staff.company_id)
        if staff.created_by is not None:
            found.add_whose("created_by = %(created_by)s", created_by=staff.created_by)
    for name, skill in zip(_SKILL_NAMES, dict.fromkeys(filters.skills), strict=False):
        found.add(f"skill_keys && %({name})s::text[]", **{name: spellings.of(skill)})
    if filters.location:
        found.add("location ilike %(location)s", location=containing(filters.location))
    if filters.remote is not None:
        found.add("remote = %(remote)s", remote=filters.remote)
    if filters.company_id is not None:
        found.add_whose("tenant_id = %(company_id)s", company_id=filters.company_id)
    if filters.salary_at_least is not None:
        found.add("salary_top >= %(salary_at_least)s", salary_at_least=filters.salary_at_least)
    if filters.experience_at_most is not None:
        found.add(
            "min_experience_years <= %(experience_at_most)s", experience_at_most=filters.experience_at_most
        )
    if staff is None or staff.status == "open":
        # A company's jobs are not looked for among all that are open: the index of those is not for this.
        is_plain = found.whose and not found.others and not filters.q
        found.add_whose(opaque_to_planner("status = 'open'") if is_plain else "status = 'open'")
    return found
