"""What every answer tells a browser, and which pages of others may ask."""

from typing import Any, cast

import httpx
import pytest
from msgspec.structs import replace

from api.app import create_app
from infrastructure.settings import Settings
from tests.api.conftest import settings
from tests.api.people import System, refused, running

session = pytest.mark.asyncio(loop_scope="session")

ORIGIN = "https://careers.example.com"


@session
@pytest.mark.parametrize("path", ["/jobs", "/nothing/here", "/auth/me", "/health/live", "/metrics"])
async def test_no_browser_guesses_stores_or_frames_an_answer(system: System, path: str) -> None:
    headers = (await system.nobody.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "set-cookie" not in headers
    assert "server" not in headers


@session
async def test_a_page_keeps_its_own_policy(system: System) -> None:
    headers = (await system.nobody.get("/docs")).headers
    assert headers.get_list("content-security-policy") == [headers["content-security-policy"]]
    assert "script-src 'self'" in headers["content-security-policy"]


@session
async def test_every_request_has_a_name_of_its_own(system: System) -> None:
    names = {(await system.nobody.get(path)).headers["x-request-id"] for path in ("/jobs", "/jobs", "/none")}
    assert len(names) == 3


@session
async def test_pages_of_other_origins_may_not_ask_unless_they_are_named(system: System) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = await system.nobody.send("OPTIONS", "/jobs", headers=asked)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in (await system.nobody.get("/jobs")).headers


async def test_named_origins_may_ask_and_no_other(database_url: str, redis_url: str) -> None:
    named = replace(settings(database_url, redis_url), cors_origins=f"{ORIGIN}, https://hr.example.com")
    async with running(named) as system:
        for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None), ("null", None)):
            answer = await system.client.get("/jobs", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert "access-control-allow-credentials" not in answer.headers


async def test_the_public_address_of_https_is_kept_to_https(database_url: str, redis_url: str) -> None:
    async with running(
        replace(settings(database_url, redis_url), public_url="https://hr.example.com")
    ) as system:
        assert "max-age" in (await system.nobody.get("/jobs")).headers["strict-transport-security"]


async def test_documentation_and_metrics_can_be_closed_off() -> None:
    transport = httpx.ASGITransport(cast("Any", create_app(Settings(docs=False, metrics=False))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/docs", "/redoc", "/schema", "/metrics", "/docs/static/swagger-ui.js"):
            refused(await client.get(path), 404, "not_found")
