"""Who stops within a request is let go, whatever of it has come; who sends steadily, or asks again later, is not."""

import json
from asyncio import StreamReader
from typing import Any, Final

import pytest

from api.http.timed_http import TimedHttp
from tests.api.people import PASSWORD, System
from tests.api.serving import opened, served

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOGIN: Final = b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LIVE: Final = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Hurried(TimedHttp):
    seconds = 0.2


class Obliging(Hurried):
    bytes_a_look = 10


async def answered(reader: StreamReader) -> bytes:
    """One answer's status line; its body has been read."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = (
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    await reader.readexactly(int(length))
    return head.partition(b"\r\n")[0]


HALF: Final = {
    "half a request line": b"POST /auth/lo",
    "half a head": LOGIN,
    "no body": LOGIN + b"Content-Length: 100\r\n\r\n",
    "half a body": LOGIN + b'Content-Length: 100\r\n\r\n{"email": "',
    "half a body in chunks": LOGIN + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"ema\r\n',
    "another request's half": LIVE + LOGIN,
}


@pytest.mark.parametrize("sent", HALF.values(), ids=HALF)
async def test_who_stops_within_a_request_is_told_and_let_go(system: System, sent: bytes) -> None:
    async with served(system, Hurried) as address, opened(address) as (reader, writer):
        writer.write(sent)
        if sent.startswith(LIVE):
            assert await answered(reader) == b"HTTP/1.1 200 OK"
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"http/1.1 408 request timeout"
    assert {b"connection: close", b"content-type: application/problem+json"} <= set(lines)
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (408, "request_timeout")


async def test_half_an_upload_is_let_go_too(system: System) -> None:
    cy = await system.candidate()
    async with served(system, Hurried) as address, opened(address) as (reader, writer):
        writer.write(
            f"POST /resumes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {cy.token}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n".encode()
        )
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_who_asks_nothing_and_who_drips_after_an_answer_is_let_go(system: System) -> None:
    async with served(system, Hurried) as address:
        async with opened(address) as (reader, _):
            assert await reader.read() == b""
        async with opened(address) as (reader, writer):
            writer.write(
                b"POST /applications/bulk/stage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
            )
            assert await answered(reader) == b"HTTP/1.1 401 Unauthorized"
            assert await reader.read() == b""


async def test_who_sends_steadily_or_asks_again_later_is_served(system: System) -> None:
    cy = await system.candidate()
    body = json.dumps({"email": cy.email, "password": PASSWORD}).encode()
    async with served(system, Obliging) as address, opened(address) as slow, opened(address) as idle:
        slow[1].write(LOGIN + b"Content-Length: %d\r\n" % len(body))
        idle[1].write(LIVE)
        assert await answered(idle[0]) == b"HTTP/1.1 200 OK"
        slow[1].write(b"\r\n" + body[:-1])
        for _ in range(3):
            async with opened(address) as (reader, _writer):
                assert await reader.read() == b"", "others, who came later, have been let go"
        slow[1].write(body[-1:])
        idle[1].write(LIVE)
        assert await answered(slow[0]) == b"HTTP/1.1 200 OK"
        assert await answered(idle[0]) == b"HTTP/1.1 200 OK"


async def test_who_hangs_up_within_a_body_is_no_fault_of_ours(system: System) -> None:
    cy = await system.candidate()
    headers = {"Authorization": f"Bearer {cy.token}", "Content-Type": "application/json"}
    sent: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope: Any = {
        "type": "http",
        "method": "PATCH",
        "path": "/auth/me",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        + [(b"content-length", b"20")],
        "client": ("127.0.0.1", 1),
    }
    await system.app(scope, receive, send)
    assert sent == [408]


@pytest.mark.parametrize(
    "sent", [b"FOO / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n"]
)
async def test_what_is_no_http_is_told_so(system: System, sent: bytes) -> None:
    async with served(system) as address, opened(address) as (reader, writer):
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    lines = set(head.lower().split(b"\r\n"))
    assert {b"http/1.1 400 bad request", b"content-type: application/problem+json"} <= lines
    assert b"x-content-type-options: nosniff" in lines
    assert json.loads(body)["code"] == "malformed"
