"""The client of demo and load: patient with a busy server, exact about refusals, against a small real application."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, Request, Response, get, post
from litestar.params import JSONBody

from api.loading.client import Account, Client, RefusedError, UnreachableError, for_each


class Server:
    """What the application below remembers, and how it is told to behave."""

    def __init__(self) -> None:
        self.busy: list[int] = []
        self.keys: list[str] = []
        self.logins = 0
        self.valid_token = "token-1"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    @get("/health/live")
    async def live() -> dict[str, str]:
        return {}

    @post("/auth/register")
    async def register(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
        return {"id": "7", **data}

    @post("/auth/login")
    async def login() -> dict[str, str]:
        server.logins += 1
        return {"access_token": server.valid_token}

    @post("/things")
    async def things(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        server.keys.append(request.headers["idempotency-key"])
        if server.busy:
            return Response({}, status_code=server.busy.pop(), headers={"Retry-After": "0"})
        if request.headers.get("authorization") != f"Bearer {server.valid_token}":
            return Response({"detail": "Sign in."}, status_code=401)
        return Response({"position": 3}, status_code=201)

    @post("/rules")
    async def rules() -> Response[dict[str, Any]]:
        problem = {
            "type": "/problems/already-applied",
            "code": "already_applied",
            "detail": "You applied before.",
            "errors": [{"field": "job", "reason": "twice"}],
        }
        return Response(problem, status_code=409, media_type="application/problem+json")

    app = Litestar([live, register, login, things, rules], openapi_config=None, logging_config=None)
    transport = httpx.ASGITransport(cast("Any", app))
    async with Client("http://hirelog.test", transport=transport, pause=0, attempts=4) as opened:
        yield opened


async def test_a_busy_server_is_asked_again_with_the_same_key(client: Client, server: Server) -> None:
    server.busy = [429, 503]
    account = Account("a@example.com", "secret", token="token-1")
    assert await client.post("/things", {}, account) == {"position": 3}
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1
    assert client.repeated == 2
    assert client.statuses == {429: 1, 503: 1, 201: 1}


async def test_a_server_that_stays_busy_is_given_up_on(client: Client, server: Server) -> None:
    server.busy = [503] * 10
    with pytest.raises(RefusedError) as refused:
        await client.post("/things", {})
    assert refused.value.status == 503
    assert len(server.keys) == 4


async def test_a_token_that_ran_out_is_renewed_once(client: Client, server: Server) -> None:
    account = await client.register("a@example.com", "secret", "Ada")
    server.valid_token = "token-2"
    await client.post("/things", {}, account)
    assert account.token == "token-2"
    assert server.logins == 2


async def test_a_refusal_carries_the_rule_and_the_field(client: Client) -> None:
    with pytest.raises(
        RefusedError, match=r"409 already_applied: You applied before\. \(job: twice\)"
    ) as refused:
        await client.post("/rules", {})
    assert refused.value.code == "already_applied"


async def test_nobody_at_the_address_is_one_clear_line(unused_tcp_port: int) -> None:
    async with Client(f"http://127.0.0.1:{unused_tcp_port}", attempts=2, pause=0) as client:
        with pytest.raises(UnreachableError, match=r"nothing answers at .* start it with `make run`"):
            await client.check()
        with pytest.raises(UnreachableError, match="stopped answering"):
            await client.post("/things", {})


@pytest.mark.parametrize("url", ["http://[::1", "http://localhost:http", "http://\udcff"])
def test_what_is_no_address_is_one_clear_line(url: str) -> None:
    with pytest.raises(UnreachableError, match=r"^'http://.*' is no address: Invalid "):
        Client(url)


async def test_for_each_takes_items_only_as_they_are_needed_and_stops_at_the_first_error() -> None:
    taken: list[int] = []

    def items() -> Any:
        for number in range(1000):
            taken.append(number)
            yield number

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        if number == 5:
            raise ValueError(number)

    with pytest.raises(ValueError, match="5"):
        await for_each(items(), work, at_once=2)
    assert max(taken) < 10
