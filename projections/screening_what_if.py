"""What would another screening policy make of a job's applications? Asked of `application_list`; stores nothing."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from domain.job import Requirements
from domain.job_application import Claims, Stage
from domain.screening import Screening, Verdict, aliases_among, screen
from domain.skills import Vocabulary
from projections.paging import Page, decode_cursor, encode_cursor

_CHUNK: Final = 200
"""Applications that are judged in one go, in about 5 ms; then others have their turn on the event loop."""

_JUDGED: Final[LiteralString] = """
select application_id, candidate_id, stage, applied_at, skills, experience_years, expected_salary, currency, verdict, score
from rm_application_list where tenant_id = %(company_id)s and job_id = %(job_id)s
order by applied_at desc, application_id desc
"""
_SORT: Final = "changed"


class Judged(msgspec.Struct, frozen=True):
    """A verdict with its score."""

    verdict: Verdict
    score: int


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """An application whose verdict would be another; `before` is null where it was never screened."""

    id: UUID
    candidate_id: UUID
    stage: Stage
    before: Judged | None
    after: Judged


class Counts(msgspec.Struct, kw_only=True):
    """How many have which verdict; `average_score` is rounded down, null without any score."""

    qualified: int = 0
    not_qualified: int = 0
    not_screened: int = 0
    average_score: int | None = None


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Verdicts as they are and as they would be. `changed` holds those that would change, newest application first, page by
    page; the counts are of all applications of the job, in any stage."""

    applications: int
    before: Counts
    after: Counts
    becoming_qualified: int
    becoming_not_qualified: int
    changed: Page[Changed]


_Place: TypeAlias = tuple[datetime, UUID]


async def what_if(
    connection: AsyncConnection[Any],
    company_id: UUID,
    job_id: UUID,
    requirements: Requirements,
    vocabulary: Vocabulary,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> WhatIf:
    """Judge all applications of a job by these requirements, of one moment, in bounded memory.

    The skills' aliases are those of today's vocabulary. Raises `InvalidCursor`.
    """
    tally = _Tally(
        requirements, vocabulary, None if cursor is None else decode_cursor(cursor, _SORT, datetime), limit
    )
    async with connection.transaction(), connection.cursor(name="what_if") as reader:
        await reader.execute(_JUDGED, {"company_id": company_id, "job_id": job_id})
        while rows := await reader.fetchmany(_CHUNK):
            tally.add(rows)
            await asyncio.sleep(0)
    return tally.answer()


class _Tally:
    """The counts so far, and the page of changes that was asked for."""

    def __init__(
        self, requirements: Requirements, vocabulary: Vocabulary, after: _Place | None, limit: int
    ) -> None:
        self._requirements = requirements
        self._vocabulary = vocabulary
        self._aliases = aliases_among((*requirements.skills, *requirements.must_have_skills), vocabulary)
        self._after = after
        self._limit = limit
        self._before, self._now = Counts(), Counts()
        self._sums = [0, 0]
        self._becoming = {"qualified": 0, "not_qualified": 0}
        self._changed: list[Changed] = []
        self._places: list[datetime] = []

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for application_id, candidate_id, stage, applied_at, *claimed, verdict, score in rows:
            claims = Claims(
                skills=tuple(claimed[0]),
                experience_years=claimed[1],
                expected_salary=claimed[2],
                currency=claimed[3],
            )
            found = self._screen(claims)
            before = None if verdict is None else Judged(verdict, score)
            self._count(before, found)
            if verdict == found.verdict:
                continue
            self._becoming[found.verdict] += 1
            place = (applied_at, application_id)
            if len(self._changed) <= self._limit and (self._after is None or place < self._after):
                self._places.append(applied_at)
                self._changed.append(
                    Changed(
                        id=application_id,
                        candidate_id=candidate_id,
                        stage=stage,
                        before=before,
                        after=Judged(found.verdict, found.score),
                    )
                )

    def _screen(self, claims: Claims) -> Screening:
        aliases = {**self._aliases, **aliases_among(claims.skills, self._vocabulary)}
        return screen(self._requirements, claims, aliases)

    def _count(self, before: Judged | None, now: Screening) -> None:
        if before is None:
            self._before.not_screened += 1
        else:
            self._sums[0] += before.score
            _add(self._before, before.verdict)
        self._sums[1] += now.score
        _add(self._now, now.verdict)

    def answer(self) -> WhatIf:
        page = self._changed[: self._limit]
        more = len(self._changed) > self._limit
        for counts, total in zip((self._before, self._now), self._sums, strict=True):
            screened = counts.qualified + counts.not_qualified
            counts.average_score = total // screened if screened else None
        return WhatIf(
            applications=self._now.qualified + self._now.not_qualified,
            before=self._before,
            after=self._now,
            becoming_qualified=self._becoming["qualified"],
            becoming_not_qualified=self._becoming["not_qualified"],
            changed=Page(
                page, encode_cursor(_SORT, self._places[len(page) - 1], page[-1].id) if more else None
            ),
        )


def _add(counts: Counts, verdict: Verdict) -> None:
    if verdict == "qualified":
        counts.qualified += 1
    else:
        counts.not_qualified += 1
