"""HEAD asks for the head of what GET answers: of everything that can be got, and only of what the caller may get."""

import pytest
from litestar.routes import HTTPRoute

from tests.api.people import System, refused
from tests.api.serving import opened, served

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOMETHING = "00000000-0000-8000-8000-000000000000"


async def test_head_is_answered_as_get_is_to_everybody(system: System) -> None:
    admin = await system.company()
    templates = [
        route.path_format
        for route in system.app.routes
        if isinstance(route, HTTPRoute) and "GET" in route.methods
    ]
    assert "/audit/events" in templates
    assert "/jobs/{job_id}" in templates
    for template in templates:
        path = "/".join(SOMETHING if "{" in part else part for part in template.split("/"))
        for person in (admin, system.nobody):
            got, head = await person.get(path), await person.send("HEAD", path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            said = set(got.headers) | {"content-length"}
            assert said - {"transfer-encoding"} <= set(head.headers), path


async def test_head_has_the_length_and_not_the_body(system: System) -> None:
    job = await (await system.company()).posts_job()
    path = f"/jobs/{job['id']}"
    length = (await system.nobody.get(path)).headers["content-length"]
    async with served(system) as address, opened(address) as (reader, writer):
        writer.write(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"content-length: {length}" in head.decode().lower().split("\r\n")
    assert body == b""


async def test_what_cannot_be_got_has_no_head(system: System) -> None:
    answer = await system.nobody.send("HEAD", "/auth/login")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    refused(await system.nobody.get("/auth/login"), 405, "method_not_allowed")


async def test_the_head_of_a_job_is_no_sight_of_it(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    assert (await cy.send("HEAD", f"/jobs/{job['id']}")).status_code == 200
    events = (await admin.sees("/audit/events"))["items"]
    assert "JobViewed" not in {event["type"] for event in events}
    await cy.get(f"/jobs/{job['id']}")
    events = (await admin.sees("/audit/events"))["items"]
    assert "JobViewed" in {event["type"] for event in events}
