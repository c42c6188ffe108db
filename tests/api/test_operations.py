"""Health and metrics."""

import asyncio
import re
import time
from pathlib import Path
from typing import LiteralString

import httpx
import psycopg
import pytest

from tests.api.conftest import settings
from tests.api.people import Json, System, done, refused, running
from tests.api.scraping import scraped
from tests.faults.proxy import proxy

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_ready_system_says_so_with_each_check(system: System) -> None:
    body = done(await system.nobody.get("/health/ready"))
    assert body["status"] == "ready"
    assert {name: check["ok"] for name, check in body["checks"].items()} == dict.fromkeys(
        ("database", "broker", "migrations", "read_models", "mail", "tenant_walls"), True
    )
    assert await system.nobody.sees("/health/live") == {"status": "alive"}


async def test_a_process_goes_on_when_a_newer_version_has_migrated_the_database(system: System) -> None:
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        ours = connection.execute("select version_num from schema_migration").fetchone()
        try:
            connection.execute("update schema_migration set version_num = '9999'")
            body = await becoming(system, "the database is of a newer version of Hirelog")
        finally:
            connection.execute("update schema_migration set version_num = %s", ours)
    assert body["status"] == "ready"


@pytest.mark.parametrize(
    "lacking",
    ["alter view rm_application_list rename column stage to step", "drop view rm_application_list"],
)
async def test_a_read_model_of_another_version_that_lacks_what_is_asked_for_is_503(
    database_url: str, redis_url: str, lacking: LiteralString
) -> None:
    async with running(settings(database_url, redis_url)) as system:
        admin = await system.company()
        job = await admin.posts_job()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(lacking)
        refused(await admin.get("/applications"), 503, "database_unavailable")
        await admin.sees(f"/jobs/{job['id']}")


async def test_a_database_that_was_not_migrated_yet_is_503(database_url: str, redis_url: str) -> None:
    async with running(settings(database_url, redis_url)) as system:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("alter function letter_box(text) rename to not_made_yet")
        login = {"email": "ada@example.com", "password": "a long passphrase"}
        refused(await system.nobody.post("/auth/login", login), 503, "database_unavailable")


async def becoming(system: System, migrations: str) -> Json:
    """What readiness says once it says this about migrations, which is a second later at most."""
    async with asyncio.timeout(5):
        while True:
            body = done(await system.nobody.get("/health/ready"))
            if body["checks"]["migrations"]["detail"] == migrations:
                return body
            await asyncio.sleep(0.02)


async def test_requests_are_counted_by_route_method_and_status_without_ids(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    before = await scraped(system)
    await admin.get(f"/jobs/{job['id']}")
    await system.nobody.post(f"/jobs/{job['id']}/close")
    await system.nobody.get(f"/nothing/{job['id']}")
    await system.nobody.send("BREW", "/jobs")
    after = await scraped(system)

    def more(name: str, labels: str) -> float:
        return after.get((name, labels), 0) - before.get((name, labels), 0)

    assert more("hirelog_http_requests_total", "GET,/jobs/{job_id},200") == 1
    assert more("hirelog_http_requests_total", "POST,/jobs/{job_id}/close,401") == 1
    assert more("hirelog_http_requests_total", "GET,unknown,404") == 1
    assert (
        sum(more("hirelog_http_requests_total", f"other,{route},405") for route in ("/jobs", "unknown")) == 1
    )
    assert more("hirelog_http_request_seconds_count", "GET,/jobs/{job_id}") == 1
    identifier = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
    assert not [labels for _, labels in after if identifier.search(labels)]


async def test_the_writer_and_the_lag_of_each_read_model_are_told(system: System) -> None:
    await system.project()
    before = await scraped(system)
    admin = await system.company()
    for _ in range(3):
        await admin.posts_job()
    after = await scraped(system)
    appends = "hirelog_appends_total", ""
    assert after[appends] - before[appends] == 4
    assert after["hirelog_append_batches_total", ""] > before["hirelog_append_batches_total", ""]
    assert after["hirelog_append_queue_length", ""] == 0
    for model in ("job_listing", "application_list", "job_dashboard"):
        assert before["hirelog_projection_events_behind", model] == 0
        assert after["hirelog_projection_events_behind", model] == 7
        assert after["hirelog_projection_tenants_behind", model] == 1
        assert after["hirelog_projection_lag_seconds", model] > 0
        assert after["hirelog_projection_outdated", model] == 0
    await system.project()
    assert (await scraped(system))["hirelog_projection_events_behind", "job_listing"] == 0


async def test_a_flood_of_probes_and_scrapers_asks_the_database_once_a_second(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with proxy(database_url, tmp_path) as (between, url):
        chosen = settings(url, redis_url)
        async with running(chosen) as system:
            before, started = between.connections, time.monotonic()
            for answers in await asyncio.gather(*(probed(system) for _ in range(40))):
                assert [answer.status_code for answer in answers] == [200, 200]
            seconds = 1 + int(time.monotonic() - started)
            # Of its own one for what is migrated and one for how read models and mail stand; the pool may grow.
            assert 2 <= between.connections - before <= 2 * seconds + chosen.database_pool_size


async def probed(system: System) -> list[httpx.Response]:
    return [await system.nobody.get(path) for path in ("/health/ready", "/metrics")]
