"""Every error is a problem: unknown paths, wrong methods, faults of ours, and servers that are away."""

import asyncio
import io
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from litestar import get, post
from litestar.params import JSONBody
from msgspec.structs import replace
from psycopg import errors, sql

from api.app import create_app
from application.recorded import LogUnavailable
from infrastructure.servers.embedded import Servers
from infrastructure.settings import Settings
from tests.api.conftest import settings
from tests.api.people import System, problem, refused, running

session = pytest.mark.asyncio(loop_scope="session")

PERSONAL: Final = "Dr. Jane Roe, born 1970"


@session
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT"])
async def test_an_unknown_path_is_404(system: System, method: str) -> None:
    refused(
        await system.nobody.send(method, "/nothing/here", {} if method == "POST" else None), 404, "not_found"
    )


@session
@pytest.mark.parametrize("method", ["DELETE", "PUT", "TRACE", "BREW"])
async def test_a_method_that_a_path_has_not_is_405_and_says_which_it_has(system: System, method: str) -> None:
    answer = await system.nobody.send(method, "/jobs")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@session
async def test_options_says_what_may_be_done_to_anybody(system: System) -> None:
    answer = await system.nobody.send("OPTIONS", "/auth/login")
    assert answer.status_code == 204
    assert "POST" in answer.headers["allow"]
    answer = await system.nobody.send("OPTIONS", "/company/members/00000000-0000-8000-8000-000000000000")
    assert answer.headers["allow"] == "DELETE, OPTIONS, PATCH"
    answer = await system.nobody.send("OPTIONS", "/jobs")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@get("/fault", allow="anyone")
async def fault() -> None:
    raise ZeroDivisionError(PERSONAL[:0])


@get("/row", allow="anyone")
async def row() -> None:
    """A refusal of PostgreSQL quotes the row."""
    raise errors.NotNullViolation(f"Failing row contains ({PERSONAL})")


@post("/local", allow="anyone")
async def local(data: JSONBody[dict[str, str]]) -> None:
    letter = data["letter"]
    raise RuntimeError("no" * (len(letter) > 0))


@get("/away", allow="anyone")
async def away() -> None:
    raise psycopg.OperationalError('connection to server at "db.internal" failed')


@get("/full", allow="anyone")
async def full() -> None:
    raise LogUnavailable('connection to server at "db.internal" failed')


async def ask(method: str, path: str, body: Any = None) -> httpx.Response:
    app = create_app(Settings(), [fault, row, local, away, full])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:  # type: ignore[arg-type]
        return await client.request(method, path, json=body)


@pytest.mark.parametrize(("method", "path"), [("GET", "/fault"), ("GET", "/row"), ("POST", "/local")])
async def test_a_fault_of_ours_is_500_and_is_logged_without_what_people_wrote(
    logged: io.StringIO, method: str, path: str
) -> None:
    answer = await ask(method, path, {"letter": PERSONAL} if method == "POST" else None)
    refused(answer, 500, "internal_server_error")
    assert "Error" not in answer.json()["detail"]
    log = logged.getvalue()
    assert "test_problems.py" in log
    assert path in log
    assert PERSONAL not in log


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("path", ["/away", "/full"])
async def test_without_a_database_it_is_503_and_nothing_is_told_of_where_it_is(path: str) -> None:
    answer = await ask("GET", path)
    refused(answer, 503)
    assert "db.internal" not in answer.text


async def test_every_call_without_a_database_is_503(
    servers: Servers, administration: psycopg.Connection, database_url: str
) -> None:
    name = urlsplit(database_url).path.removeprefix("/")
    async with running(settings(database_url, servers.redis_url)) as system:
        admin = await system.company()
        job = await admin.posts_job()
        administration.execute(
            sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name))
        )
        administration.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
        )
        for answer in (
            await admin.get(f"/jobs/{job['id']}"),
            await admin.get("/audit/events"),
        ):
            assert problem(answer)["status"] == 503
        ready = await system.client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["status"] == "unavailable"
        assert ready.headers["retry-after"]
        assert (await system.client.get("/health/live")).status_code == 200
        metrics = await system.client.get("/metrics")
        assert metrics.status_code == 200
        assert "hirelog_http_requests_total" in metrics.text
        administration.execute(
            sql.SQL("alter database {} with allow_connections true").format(sql.Identifier(name))
        )
        async with asyncio.timeout(10):
            while (await admin.get(f"/jobs/{job['id']}")).status_code != 200:  # noqa: ASYNC110 (it says nobody when it is back)
                await asyncio.sleep(0.05)


async def test_a_read_model_that_does_not_come_in_time_is_503(servers: Servers, database_url: str) -> None:
    impatient = replace(settings(database_url, servers.redis_url), min_position_wait_seconds=0.02)
    async with running(impatient) as system:
        admin = await system.company()
        job = await admin.posts_job()
        for path in (
            "/applications",
            "/dashboard/jobs",
            "/dashboard/chart",
            f"/jobs/{job['id']}/board",
            "/jobs",
        ):
            refused(await admin.get(path, min_position=job["position"]), 503, "read_model_behind")
        await system.project()
        assert (await admin.get("/applications", min_position=job["position"])).status_code == 200
        refused(await admin.get("/applications", min_position=job["position"] + 1), 503, "read_model_behind")
