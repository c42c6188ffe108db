"""Events of two jobs in, counters and conversion out."""

from uuid import UUID, uuid4

import psycopg
from msgspec.structs import replace

from domain.identifiers import derived_id
from domain.job_view import JobViewed
from projections.job_dashboard import JOB_DASHBOARD, Dashboard, of_company
from tests.domain.builders import (
    POSTING,
    archived,
    closed,
    created,
    edited,
    filled,
    published,
    reopened,
    submitted,
)
from tests.read_models import World, new_id, new_tenant, world


def see(world: World, job_id: UUID, times: int) -> None:
    for _ in range(times):
        viewer = uuid4()
        view = derived_id(job_id, "view", job_id, viewer)
        world.append(view, JobViewed(job_id=job_id, viewer_id=viewer))


def apply(world: World, job_id: UUID, times: int) -> None:
    for _ in range(times):
        candidate = uuid4()
        world.append(
            derived_id(job_id, "application", job_id, candidate),
            submitted(job_id, candidate),
        )


async def ask(
    world: World, company: UUID, job_ids: list[UUID] | None = None, top: int | None = None
) -> Dashboard:
    async with await psycopg.AsyncConnection.connect(world.database_url) as connection:
        return await of_company(connection, company, job_ids=job_ids, top=top)


async def test_counts_views_applications_and_hires_of_each_job(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        baker, smith = new_id(company), new_id(company)
        here.append(baker, created(), published())
        here.append(smith, created(posting=replace(POSTING, title="Smith")), published())
        see(here, baker, 3)
        see(here, smith, 1)
        apply(here, baker, 2)
        here.append(baker, filled(), closed(), edited(replace(POSTING, title="Master baker")))
        here.project(JOB_DASHBOARD)

        dashboard = await ask(here, company)

    first, second = dashboard.items
    assert (first.title, first.status, first.views, first.applications, first.hires) == (
        "Master baker",
        "closed",
        3,
        2,
        1,
    )
    assert first.conversion_rate == 66.67
    assert (second.title, second.status, second.views, second.applications) == ("Smith", "open", 1, 0)
    assert second.conversion_rate == 0.0
    assert (dashboard.totals.jobs, dashboard.totals.views, dashboard.totals.applications) == (2, 4, 2)
    assert dashboard.totals.conversion_rate == 50.0


async def test_conversion_is_unknown_without_views(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        job_id = new_id(company)
        here.append(job_id, created(), published())
        apply(here, job_id, 1)
        here.project(JOB_DASHBOARD)
        dashboard = await ask(here, company)
    assert dashboard.items[0].conversion_rate is None
    assert dashboard.totals.conversion_rate is None


async def test_a_chosen_job_narrows_totals_and_top_cuts_items_only(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        jobs = [new_id(company) for _ in range(3)]
        for number, job_id in enumerate(jobs):
            here.append(job_id, created(), published())
            see(here, job_id, 1)
            apply(here, job_id, number)
        here.project(JOB_DASHBOARD)
        chosen = await ask(here, company, job_ids=jobs[:2])
        first = await ask(here, company, top=1)
        nothing = await ask(here, company, job_ids=[])
    assert {item.job_id for item in chosen.items} == set(jobs[:2])
    assert (chosen.totals.jobs, chosen.totals.applications) == (2, 1)
    assert [item.job_id for item in first.items] == [jobs[2]]
    assert first.totals.applications == 3
    assert (nothing.items, nothing.totals.jobs) == ([], 0)


async def test_jobs_and_totals_are_of_one_moment(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        here.append(new_id(company), created())
        here.project(JOB_DASHBOARD)
        async with await psycopg.AsyncConnection.connect(here.database_url, autocommit=True) as connection:
            with here.changing("update rm_job_dashboard__1 set views = views + 1"):
                for _ in range(200):
                    dashboard = await of_company(connection, company)
                    assert dashboard.items[0].views == dashboard.totals.views


async def test_another_company_sees_nothing_of_it(database_url: str) -> None:
    with world(database_url) as here:
        company, other = new_tenant(), new_tenant()
        job_id = new_id(company)
        here.append(job_id, created(), published())
        here.append(new_id(other), created())
        here.project(JOB_DASHBOARD)
        dashboard = await ask(here, other)
        by_id = await ask(here, other, job_ids=[job_id])
    assert [item.status for item in dashboard.items] == ["draft"]
    assert by_id.items == []


def test_status_follows_the_life_of_a_job(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        reopened_one, archived_one = new_id(company), new_id(company)
        here.append(reopened_one, created(), published(), closed(), reopened())
        here.append(archived_one, created(), published(), closed(), archived())
        here.project(JOB_DASHBOARD)
        found = here.execute("select job_id, status from rm_job_dashboard")
    assert dict(found) == {reopened_one: "open", archived_one: "archived"}
