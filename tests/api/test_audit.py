"""The company's log over HTTP: in order, gapless, and told as it is."""

import asyncio

import pytest

from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def whole_log(person: Person, limit: int, path: str = "/audit/events") -> list[Json]:
    """Every event of the log, or of a stream, page by page."""
    events: list[Json] = []
    after: str | None = "0"
    while after is not None:
        page = await person.sees(path, after=after, limit=limit)
        assert len(page["items"]) <= limit
        events += page["items"]
        after = page["next"]
    return events


@pytest.mark.parametrize("limit", [1, 7, 200])
async def test_the_log_is_gapless_from_1_to_its_head_in_pages_of_any_size(system: System, limit: int) -> None:
    admin = await system.company()
    jobs = [await admin.posts_job() for _ in range(3)]
    for _ in range(3):
        cy = await system.candidate()
        for job in jobs:
            await cy.views(job)
            await cy.applies(job)
    events = await whole_log(admin, limit)
    head = (await admin.sees("/audit/events", limit=1))["head"]
    assert [event["position"] for event in events] == list(range(1, head + 1))
    assert head == 1 + 3 * 2 + 3 * 3 * 3
    assert [event["recorded_at"] for event in events] == sorted(event["recorded_at"] for event in events)
    assert len({(event["stream_id"], event["version"]) for event in events}) == head


async def test_pages_of_large_events_are_shorter_and_miss_nothing(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    for number in range(60):
        done(await admin.patch(f"/jobs/{job['id']}", {"description": f"{number}" + "\U0001f600" * 19_990}))
    path = f"/audit/streams/{job['id']}"
    events, page = await whole_log(admin, 200), await admin.get("/audit/events", limit=200)
    assert (len(page.json()["items"]) < len(events), len(page.content) < 5 << 20) == (True, True)
    assert [event["position"] for event in events] == list(range(1, 64))
    assert [event["version"] for event in await whole_log(admin, 200, path)] == list(range(1, 63))
    assert [event["version"] for event in await whole_log(admin, 7, path)] == list(range(1, 63))


async def test_a_reader_who_follows_while_others_write_misses_nothing(system: System) -> None:
    admin = await system.company()
    writing = asyncio.gather(*(admin.posts_job() for _ in range(30)))
    seen: list[int] = []
    while not writing.done() or len(seen) < 61:
        page = await admin.sees("/audit/events", after=seen[-1] if seen else 0, limit=4)
        seen += [event["position"] for event in page["items"]]
    await writing
    assert seen == list(range(1, 62))


async def test_an_event_is_told_with_its_actor_its_command_and_its_data(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job, source="a friend")
    submitted, screened = (await admin.sees("/audit/events"))["items"][-2:]
    assert (submitted["type"], submitted["stream_id"], submitted["version"]) == (
        "ApplicationSubmitted",
        application["id"],
        1,
    )
    assert (screened["type"], screened["stream_id"], screened["version"]) == (
        "ApplicationScreened",
        application["id"],
        2,
    )
    assert (screened["actor_id"], screened["position"]) == (cy.id, application["position"])
    assert screened["command_id"] == submitted["command_id"]
    assert (submitted["data"]["job_id"], submitted["data"]["source"]) == (job["id"], "a friend")
    created, published = (await admin.sees(f"/audit/streams/{job['id']}"))["items"]
    assert (created["version"], published["version"]) == (1, 2)
    assert created["command_id"] == published["command_id"]


async def test_a_stream_of_another_company_or_of_none_is_404(system: System) -> None:
    admin, other = await system.company(), await system.company()
    job = await other.posts_job()
    for stream_id in (job["id"], admin.company_id, "00000000-0000-0000-0000-000000000000"):
        refused(await admin.get(f"/audit/streams/{stream_id}"), 404)
        refused(await admin.get(f"/audit/streams/{stream_id}", after=9), 404)


async def test_after_the_last_version_of_a_stream_there_is_nothing_yet(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    for after in (job["version"], 2**62):
        page = await admin.sees(f"/audit/streams/{job['id']}", after=after)
        assert page == {"stream_id": job["id"], "items": [], "next": None}


async def test_a_page_has_fifty_events_unless_told_and_two_hundred_at_most(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    for number in range(50):
        done(await admin.patch(f"/jobs/{job['id']}", {"description": f"{number}"}))
    for path in ("/audit/events", f"/audit/streams/{job['id']}"):
        assert len((await admin.sees(path))["items"]) == 50
        assert len((await admin.sees(path, limit=200))["items"]) > 50
        refused(await admin.get(path, limit=201), 400)


async def test_following_is_not_built_yet_and_says_so(system: System) -> None:
    admin = await system.company()
    (error,) = refused(await admin.get("/audit/events", follow=True), 400, "invalid")["errors"]
    assert (error["field"], error["reason"].partition(":")[0]) == ("follow", "not built yet")
    assert (await admin.sees("/audit/events", follow=False))["head"] == 1


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=" + "9" * 30, "limit=0", "limit=201", "after="]
)
async def test_an_invalid_place_is_400(system: System, query: str) -> None:
    admin = await system.company()
    refused(await admin.send("GET", f"/audit/events?{query}"), 400)


async def test_after_the_head_there_is_nothing_yet(system: System) -> None:
    admin = await system.company()
    page = await admin.sees("/audit/events", after=2**62)
    assert (page["items"], page["next"], page["head"]) == ([], None, 1)
