"""Events of several jobs in; what everybody, and what a company, finds out."""

from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec.structs import replace

from domain.job import Posting, Requirements
from projections.job_listing import JOB_LISTING, Job
from projections.job_search import JobFilters, Sort, StaffView, browse
from projections.paging import encode_cursor
from tests.domain.builders import (
    ANN,
    BOB,
    POSTING,
    REQUIREMENTS,
    archived,
    closed,
    created,
    edited,
    filled,
    openings_changed,
    published,
    reopened,
    revised,
)
from tests.read_models import World, at, new_id, new_tenant, world


def post(world: World, company: UUID, posting: Posting, requirements: Requirements = REQUIREMENTS) -> UUID:
    job_id = new_id(company)
    world.append(job_id, created(posting=posting, requirements=requirements), published())
    return job_id


async def find(
    world: World,
    *,
    staff: StaffView | None = None,
    sort: Sort = "newest",
    limit: int = 50,
    **filters: Any,
) -> list[Job]:
    """All pages, each of `limit` jobs."""
    found: list[Job] = []
    cursor: str | None = None
    async with await psycopg.AsyncConnection.connect(world.database_url) as connection:
        while True:
            page = await browse(
                connection, JobFilters(**filters), staff=staff, sort=sort, cursor=cursor, limit=limit
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                return found


async def test_a_row_follows_every_event_of_its_job(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        job_id, other = new_id(company), new_id(company)
        here.append(job_id, created(openings=2), published())
        here.append(other, created())
        here.append(
            job_id,
            edited(replace(POSTING, title="Pastry cook", remote=True)),
            revised(2, replace(REQUIREMENTS, skills=("Pastry",), salary_max=None)),
            openings_changed(3),
            filled(),
            closed(),
            reopened(),
        )
        here.execute("insert into company values (%s, 'Crumb & Co', %s)", company, ANN)
        here.project(JOB_LISTING)
        (job,) = await find(here)
        own = await find(here, staff=StaffView(company_id=company))
    assert (job.id, job.company_id, job.company_name, job.title) == (
        job_id,
        company,
        "Crumb & Co",
        "Pastry cook",
    )
    assert (job.remote, job.skills, job.salary_min, job.salary_max) == (True, ["Pastry"], 30_000, None)
    assert (job.openings, job.status, job.created_by, job.version) == (3, "open", ANN, 8)
    assert (job.created_at, job.published_at) == (at(1), at(2))
    assert {(mine.id, mine.status, mine.published_at) for mine in own} == {
        (job_id, "open", at(2)),
        (other, "draft", None),
    }


async def test_only_open_jobs_are_found_by_everybody_and_staff_find_their_own(database_url: str) -> None:
    with world(database_url) as here:
        company, other = new_tenant(), new_tenant()
        draft, shut, shelved = new_id(company), new_id(company), new_id(company)
        here.append(draft, created())
        here.append(shut, created(), published(), closed())
        here.append(shelved, created(), published(), closed(), archived())
        opened = post(here, company, POSTING)
        elsewhere = post(here, other, POSTING)
        here.project(JOB_LISTING)
        assert {job.id for job in await find(here)} == {opened, elsewhere}
        assert [job.id for job in await find(here, company_id=other)] == [elsewhere]
        staff = StaffView(company_id=company, status="closed")
        assert [job.id for job in await find(here, staff=staff)] == [shut]
        assert await find(here, staff=StaffView(company_id=company, created_by=BOB)) == []
        mine = await find(here, staff=StaffView(company_id=company, created_by=ANN))
        assert {job.id for job in mine} == {draft, shut, shelved, opened}
        assert await find(here, staff=StaffView(company_id=company), company_id=other) == []


async def test_each_filter_narrows(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        python = post(
            here,
            company,
            Posting(title="Engineer", description="Event logs", location="Berlin 100%", remote=True),
            Requirements(
                skills=("Python", "SQL"),
                min_experience_years=5,
                salary_min=60_000,
                salary_max=90_000,
                currency="EUR",
            ),
        )
        baker = post(here, company, POSTING)
        here.project(JOB_LISTING)
        cases: list[tuple[dict[str, Any], list[UUID]]] = [
            ({"q": "event ENGINEER"}, [python]),
            ({"q": "sql"}, [python]),
            ({"q": "event baker"}, []),
            ({"q": "  "}, [baker, python]),
            ({"skills": ("pYTHON", "sql")}, [python]),
            ({"skills": ("python", "baking")}, []),
            ({"location": "lyo"}, [baker]),
            ({"location": "100%"}, [python]),
            ({"location": "%"}, [python]),
            ({"location": "_yon"}, []),
            ({"remote": True}, [python]),
            ({"remote": False}, [baker]),
            ({"salary_at_least": 50_000}, [python]),
            ({"salary_at_least": 40_000}, [baker, python]),
            ({"experience_at_most": 2}, [baker]),
            ({"experience_at_most": 5, "q": "bread"}, [baker]),
        ]
        for filters, expected in cases:
            found = {job.id for job in await find(here, **filters)}
            assert found == set(expected), filters


@pytest.mark.parametrize("sort", ["newest", "salary", "relevance"])
async def test_paging_meets_every_job_once_in_order(database_url: str, sort: Sort) -> None:
    with world(database_url) as here:
        salaries = [None, 50_000, 70_000, 50_000, None, 90_000, 10_000]
        for salary in salaries:
            post(
                here,
                new_tenant(),
                replace(POSTING, description="bread " * (1 + (salary or 0) // 20_000)),
                Requirements(salary_max=salary, currency="EUR" if salary else None),
            )
        here.project(JOB_LISTING)
        paged = await find(here, sort=sort, limit=2, q="bread")
        at_once = await find(here, sort=sort, q="bread")
    assert [job.id for job in paged] == [job.id for job in at_once]
    assert len({job.id for job in paged}) == len(salaries)
    if sort == "salary":
        assert [job.salary_max for job in paged] == [90_000, 70_000, 50_000, 50_000, 10_000, None, None]
    if sort == "relevance":
        assert paged[0].salary_max == 90_000


async def test_relevance_puts_a_title_before_a_description(database_url: str) -> None:
    with world(database_url) as here:
        described = post(here, new_tenant(), Posting(title="Driver", description="brings the baker home"))
        titled = post(here, new_tenant(), Posting(title="Baker"))
        here.project(JOB_LISTING)
        assert [job.id for job in await find(here, q="baker", sort="relevance")] == [titled, described]


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "WyJuZXdlc3QiXQ", encode_cursor("salary", 5, ANN), "\U0001f600"]
)
async def test_a_tampered_cursor_or_one_of_another_order_is_refused(database_url: str, cursor: str) -> None:
    with world(database_url):
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            with pytest.raises(ValueError, match="cursor"):
                await browse(connection, JobFilters(), cursor=cursor)
