"""A made-up person drives every route; what they are called, write and know is then looked for wherever it must not be."""

import io
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import psycopg
from litestar.routes import HTTPRoute
from msgspec.structs import replace
from redis import Redis

from infrastructure.wake import broker_url
from tests.api.conftest import settings
from tests.api.people import Person, System, done, running

NAME: Final = "Canarina Featherstone"
EMAIL: Final = "canarina.featherstone@example.com"
PASSWORD: Final = "canary-in-a-coal-mine-71"
WRITTEN: Final = "canary-song-4417"

READ: Final[dict[bytes | str, Callable[[Redis, bytes], object]]] = {
    b"string": lambda client, key: client.get(key),
    b"hash": lambda client, key: client.hgetall(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1),
}


async def test_nothing_personal_is_in_logs_metrics_events_or_redis(
    logged: io.StringIO, database_url: str, redis_url: str
) -> None:
    async with running(replace(settings(database_url, redis_url), rate_limits="on")) as system:
        secrets = await lives(system)
        await asks_every_route(system, secrets)
        await system.project()
        await system.tell()
        metrics = (await system.nobody.get("/metrics")).text
    sinks = {
        "log": logged.getvalue(),
        "metrics": metrics,
        "events": events(database_url),
        "redis": redis_content(redis_url),
    }
    assert "debug" in sinks["log"]
    assert "hirelog_http_requests" in sinks["metrics"]
    assert "ApplicationSubmitted" in sinks["events"]
    assert "hirelog" in sinks["redis"]
    canaries = [NAME, "Featherstone", EMAIL, "canarina", PASSWORD, "$2b$", WRITTEN, *secrets]
    found = [(sink, canary) for sink, text in sinks.items() for canary in canaries if canary in text]
    assert found == []
    assert 'status="500"' not in metrics


async def lives(system: System) -> list[str]:
    """The canary registers, applies and is judged; the secrets that it was given."""
    admin = await system.company(f"{NAME} & Daughters")
    registered = {"email": EMAIL, "password": PASSWORD, "name": NAME}
    profile = done(await system.nobody.post("/auth/register", registered))
    tokens = done(await system.nobody.post("/auth/login", {"email": EMAIL, "password": PASSWORD}))
    canary = Person(system.client, profile, tokens["access_token"])
    refreshed = done(await system.nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}))
    await system.nobody.post("/auth/login", {"email": EMAIL, "password": WRITTEN})
    await system.nobody.post("/auth/password-reset", {"email": EMAIL})
    job = await admin.posts_job()
    application = await canary.applies(job, cover_letter=WRITTEN)
    path = f"/applications/{application['id']}"
    await admin.post(f"{path}/comments", {"text": WRITTEN})
    scorecard = {"ratings": {"craft": 4}, "recommendation": "yes", "note": WRITTEN}
    await admin.post(f"{path}/scorecards", scorecard)
    await admin.patch(f"{path}/stage", {"stage": "screening", "note": WRITTEN})
    await admin.rejects(application, WRITTEN)
    await admin.get("/applications", q=NAME)
    return [tokens["access_token"], *(pair["refresh_token"] for pair in (tokens, refreshed))]


async def asks_every_route(system: System, secrets: list[str]) -> None:
    """Every method of every path, with canaries for ids, for what is asked and for bodies, well and badly formed."""
    admin = await system.company()
    bodies = (
        {"email": EMAIL, "name": NAME, "password": PASSWORD, "text": WRITTEN, NAME: WRITTEN},
        {"code": secrets[1], "refresh_token": secrets[1], "reason": WRITTEN},
    )
    for route in system.app.routes:
        if not isinstance(route, HTTPRoute) or route.path.startswith("/docs"):
            continue
        for handler in route.route_handlers:
            for method in handler.http_methods & {"GET", "POST", "PATCH", "DELETE"}:
                for filled in (WRITTEN, str(uuid4())):
                    path = "/".join(
                        filled if part.startswith("{") else part for part in route.path.split("/")
                    )
                    query = {"q": NAME, "cursor": WRITTEN, "token": secrets[1], "as_of": EMAIL}
                    await admin.send(method, path, query=query)
                    if method in {"POST", "PATCH"}:
                        for body in bodies:
                            await admin.send(method, path, body)
                        await system.nobody.send(method, path, content=f'{{"{NAME}": "{PASSWORD}'.encode())


def events(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select type, convert_from(data, 'UTF8') from event").fetchall()
    return "\n".join(f"{kind} {data}" for kind, data in rows)


def redis_content(redis_url: str) -> str:
    found: list[bytes] = []
    for url in (redis_url, broker_url(redis_url)):
        with Redis.from_url(url) as client:
            for key in client.scan_iter():
                found += [key, repr(READ[client.type(key)](client, key)).encode()]
    return b"\n".join(found).decode(errors="replace")
