"""Lists: stable order, every item once, whatever is written meanwhile; and queries that wait for a position."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from domain.identifiers import tenant_id
from tests.api.people import Json, Person, Query, System, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def walk_while_writing(
    system: System, reader: Person, path: str, write: Callable[[], Awaitable[None]], **query: Query
) -> list[Json]:
    """All pages, with something written and projected between any two."""
    seen: list[Json] = []
    async for items in reader.pages(path, **query):
        seen += items
        await write()
        await system.project()
    return seen


@pytest.mark.parametrize("limit", [1, 3, 200])
@pytest.mark.parametrize("sort", ["newest", "salary", "relevance"])
async def test_every_job_is_listed_once_while_others_are_posted(
    system: System, limit: int, sort: str
) -> None:
    admin = await system.company()
    before = [
        await admin.posts_job(title=f"Baker {n}", salary_max=1000 * (n % 3), currency="EUR") for n in range(7)
    ]
    await system.project()
    left = 10

    async def post() -> None:
        nonlocal left
        if left:
            left -= 1
            await admin.posts_job(title="Baker new", salary_max=500, currency="EUR")

    query: dict[str, Query] = {"company_id": admin.company_id, "sort": sort, "limit": limit, "q": "baker"}
    seen = await walk_while_writing(system, system.nobody, "/jobs", post, **query)
    ids = [job["id"] for job in seen]
    assert len(ids) == len(set(ids))
    assert {job["id"] for job in before} <= set(ids)


async def test_every_application_is_listed_once_while_others_apply(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    candidates = [await system.candidate() for _ in range(12)]
    before = [await cy.applies(job) for cy in candidates[:7]]
    await system.project()
    waiting = candidates[7:]

    async def apply() -> None:
        if waiting:
            await waiting.pop().applies(job)

    seen = await walk_while_writing(system, admin, "/applications", apply, limit=2)
    assert [item["id"] for item in seen] == [application["id"] for application in reversed(before)]


async def test_a_page_has_at_most_so_many_items_and_the_last_has_no_next(system: System) -> None:
    admin = await system.company()
    for _ in range(4):
        await admin.posts_job()
    await system.project()
    mine = {"company_id": admin.company_id}
    page = await admin.sees("/jobs", limit=2, **mine)
    assert len(page["items"]) == 2
    last = await admin.sees("/jobs", limit=2, cursor=page["next"], **mine)
    assert (len(last["items"]), last["next"]) == (2, None)
    assert (await admin.sees("/jobs", limit=4, **mine))["next"] is None


async def test_a_cursor_belongs_to_its_order(system: System) -> None:
    admin = await system.company()
    for _ in range(2):
        await admin.posts_job()
    await system.project()
    mine = {"company_id": admin.company_id}
    page = await admin.sees("/jobs", limit=1, **mine)
    refused(await admin.get("/jobs", limit=1, sort="salary", cursor=page["next"], **mine), 400)


async def test_a_cursor_of_another_company_shows_nothing_of_it(system: System) -> None:
    admin, other = await system.company(), await system.company()
    for _ in range(3):
        await admin.posts_job(status="draft")
    await system.project()
    page = await admin.sees("/jobs", limit=1, status="draft")
    assert await other.all("/jobs", limit=1, status="draft") == []
    stolen = await other.sees("/jobs", limit=1, status="draft", cursor=page["next"])
    assert stolen["items"] == []


async def test_a_query_waits_for_the_position_it_names(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    waiting = [
        asyncio.create_task(admin.get(path, min_position=job["position"]))
        for path in ("/applications", "/dashboard/jobs", f"/jobs/{job['id']}/board", "/jobs")
    ]
    await asyncio.sleep(0)
    await system.project()
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 4
    at_once = await system.nobody.get("/jobs", min_position=job["position"], company_id=admin.company_id)
    assert [item["id"] for item in at_once.json()["items"]] == [job["id"]]


async def test_position_0_is_where_every_read_model_is(system: System) -> None:
    admin = await system.company()
    assert (await admin.sees("/applications", min_position=0))["items"] == []
    nowhere: dict[str, Query] = {"company_id": "00000000-0000-8000-8000-000000000000", "min_position": 0}
    assert (await system.nobody.sees("/jobs", **nowhere))["items"] == []


async def test_a_candidate_waits_for_the_position_in_the_log_of_the_job(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    await system.project()
    query = {"job_id": application["job_id"], "min_position": application["position"]}
    assert [item["id"] for item in await cy.all("/applications", **query)] == [application["id"]]
    (error,) = refused(await cy.get("/applications", min_position=1), 400, "invalid")["errors"]
    assert (error["field"], error["reason"].startswith("needs a company_id or job_id")) == (
        "min_position",
        True,
    )


async def test_nobody_outside_a_company_learns_how_far_its_log_goes(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    await system.project()
    for position in (1, application["position"], application["position"] + 1, 10**9):
        for company_id in (admin.company_id, str(tenant_id(uuid4()))):
            query: dict[str, Query] = {"company_id": company_id, "min_position": position}
            assert (await system.nobody.get("/jobs", **query)).status_code == 200
            assert (await cy.get("/jobs", **query)).status_code == 200
        own: dict[str, Query] = {"job_id": application["job_id"], "min_position": position}
        assert (await cy.get("/applications", **own)).status_code == 200
