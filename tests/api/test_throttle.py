"""Who asks too often waits, whichever process they ask; the answers say for how long."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.routes import HTTPRoute
from msgspec.structs import replace
from redis.asyncio import Redis

from api.client_address import client_address, networks
from api.http.access import ANYONE
from infrastructure.identity.rate_limits import Limit
from infrastructure.operator_error import OperatorError
from infrastructure.settings import Settings
from tests.api.conftest import settings
from tests.api.people import PASSWORD, System, refused, running
from tests.api.resume_upload import upload


def limited(database_url: str, redis_url: str, **limits: str) -> Settings:
    return replace(settings(database_url, redis_url), rate_limits="on", **limits)


def waits(answer: httpx.Response, limit: int) -> None:
    refused(answer, 429, "too_many_requests")
    assert answer.headers["ratelimit-limit"] == str(limit)
    assert answer.headers["ratelimit-remaining"] == "0"
    assert 1 <= int(answer.headers["retry-after"]) <= 3_600


async def try_password(system: System, email: str, password: str) -> httpx.Response:
    return await system.nobody.post("/auth/login", {"email": email, "password": password})


async def test_passwords_are_tried_so_often_for_an_address_known_or_not(
    database_url: str, redis_url: str
) -> None:
    async with running(limited(database_url, redis_url, limit_login="3/hour")) as system:
        person = await system.candidate()
        for email in (person.email, "nobody@example.com"):
            for left in (2, 1, 0):
                answer = await try_password(system, email, "wrong guess")
                refused(answer, 401, "wrong_credentials")
                said = answer.headers
                assert (said["ratelimit-limit"], said["ratelimit-remaining"]) == ("3", str(left))
            waits(await try_password(system, email.upper(), PASSWORD), 3)


async def test_who_knows_the_password_starts_anew(database_url: str, redis_url: str) -> None:
    async with running(limited(database_url, redis_url, limit_login="3/hour")) as system:
        person = await system.candidate()
        for _ in range(3):
            for _ in range(2):
                refused(await try_password(system, person.email, "wrong guess"), 401)
            assert (await try_password(system, person.email, PASSWORD)).status_code == 200


async def test_who_goes_on_guessing_waits_longer_and_longer(database_url: str, redis_url: str) -> None:
    limits = limited(database_url, redis_url, limit_login="2/minute;4/hour;6/day")
    async with running(limits) as system, Redis.from_url(redis_url) as redis:
        person = await system.candidate()
        past: list[str] = []
        for window, seconds in (("minute", 60), ("hour", 3_600), ("day", 86_400)):
            for _ in range(2):
                refused(await try_password(system, person.email, "wrong guess"), 401)
            answer = await try_password(system, person.email, PASSWORD)
            refused(answer, 429, "too_many_requests")
            assert seconds / 2 < int(answer.headers["retry-after"]) <= seconds
            # That window is over now, and the shorter ones.
            past.append(window)
            counted = [key for each in past async for key in redis.scan_iter(f"*{each}")]
            assert await redis.delete(*counted) == len(counted) >= len(past)


async def test_an_account_is_guarded_against_many_clients(database_url: str, redis_url: str) -> None:
    limits = limited(database_url, redis_url, limit_login="2/hour", limit_account="5/hour")
    async with running(replace(limits, trusted_proxies="127.0.0.1")) as system:
        person = await system.candidate()
        for number in range(4):
            answer = await system.nobody.send(
                "POST",
                "/auth/login",
                {"email": person.email, "password": "wrong guess"},
                headers={"X-Forwarded-For": f"198.51.100.{number}"},
            )
            refused(answer, 401)
        waits(await try_password(system, person.email, PASSWORD), 5)


async def test_processes_count_together(database_url: str, redis_url: str) -> None:
    limits = limited(database_url, redis_url, limit_sign_in="4/hour")
    async with running(limits) as one, running(limits) as other:
        for system in (one, other, one, other):
            refused(await try_password(system, "nobody@example.com", "wrong guess"), 401)
        waits(await try_password(one, "nobody@example.com", "wrong guess"), 4)
        waits(await other.nobody.post("/auth/register", {}), 4)


async def test_general_traffic_says_what_is_left_and_ends(database_url: str, redis_url: str) -> None:
    async with running(limited(database_url, redis_url, limit_requests="30/minute")) as system:
        left = []
        while (answer := await system.nobody.get("/jobs")).status_code == 200:
            assert answer.headers["ratelimit-limit"] == "30"
            left.append(int(answer.headers["ratelimit-remaining"]))
        waits(answer, 30)
        assert left == sorted(left, reverse=True)
        assert 10 < len(left) <= 30
        admin = await system.company()
        assert (await admin.get("/auth/me")).status_code == 200


async def test_only_probes_and_pages_without_a_database_are_not_counted(
    database_url: str, redis_url: str
) -> None:
    async with running(limited(database_url, redis_url, limit_requests="3/minute")) as system:
        uncounted = {
            route.path
            for route in system.app.routes
            if isinstance(route, HTTPRoute)
            for handler in route.route_handlers
            if handler.opt.get("allow") == ANYONE and not handler.opt.get("throttle")
        }
        assert uncounted == {"/health/live", "/health/ready", "/metrics"}
        for _ in range(3):
            for path in uncounted:
                assert (await system.nobody.get(path)).status_code == 200
        for _ in range(3):
            refused(await system.nobody.get("/notifications/unsubscribe?token=x"), 400)
        waits(await system.nobody.post("/notifications/unsubscribe?token=x"), 3)
        for path in uncounted:
            assert (await system.nobody.get(path)).status_code == 200


async def test_resumes_are_read_so_often_for_a_person(database_url: str, redis_url: str) -> None:
    async with running(limited(database_url, redis_url, limit_uploads="2/minute")) as system:
        person = await system.candidate()
        for text, left in ((b"Ann bakes bread.", "1"), (b"Ann bakes cakes.", "0")):
            answer = await upload(person, text)
            assert answer.status_code == 201
            assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]) == ("2", left)
        waits(await upload(person, b"Ann bakes pies."), 2)
        assert (await upload(await system.candidate(), b"Bo bakes pies.")).status_code == 201


async def test_without_redis_nobody_signs_in_and_everybody_reads(database_url: str, redis_url: str) -> None:
    async with running(settings(database_url, redis_url)) as before:
        person = await before.candidate()
        async with running(limited(database_url, "unix:///nowhere/redis.sock")) as system:
            answer = await try_password(system, person.email, PASSWORD)
            refused(answer, 503, "limits_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            headers = {"Authorization": f"Bearer {person.token}"}
            assert (await system.client.get("/auth/me", headers=headers)).status_code == 200
            assert (await system.nobody.get("/jobs")).status_code == 200


def test_a_limit_that_is_none_is_said_at_the_start() -> None:
    for text in ("", "often", "5 per fortnight"):
        with pytest.raises(OperatorError, match="no rate limit"):
            Limit("x", text)


def test_only_trusted_proxies_are_believed() -> None:
    proxies = networks("10.0.0.0/8, 2001:db8:ffff::/48")
    assert client_address("203.0.113.9", ["198.51.100.1"], proxies) == "203.0.113.9"
    assert client_address("10.0.0.1", ["198.51.100.1"], proxies) == "198.51.100.1"
    assert client_address("10.0.0.1", ["6.6.6.6, 198.51.100.1, 10.2.3.4"], proxies) == "198.51.100.1"
    assert client_address("10.0.0.1", ["6.6.6.6", "198.51.100.1"], proxies) == "198.51.100.1"
    assert client_address("10.0.0.1", ["nonsense"], proxies) == "unknown"
    assert client_address("2001:db8:1:2:3:4:5:6", [], proxies) == "2001:db8:1:2::"
    assert client_address("::ffff:203.0.113.9", [], proxies) == "203.0.113.9"
    assert client_address("::ffff:10.0.0.1", ["198.51.100.1"], proxies) == "198.51.100.1"
    assert client_address("10.0.0.1", ["198.51.100.1:4711, 10.2.3.4:80"], proxies) == "198.51.100.1"
    assert client_address("10.0.0.1", ["[2001:db8:1:2:3::1]:4711"], proxies) == "2001:db8:1:2::"


@given(st.ip_addresses().map(str), st.lists(st.text(max_size=40), max_size=4))
def test_nobody_chooses_an_address_unless_a_proxy_says_so(peer: str, forwarded: list[str]) -> None:
    assert client_address(peer, forwarded, ()) == client_address(peer, [], ())
