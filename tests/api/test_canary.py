"""A made-up person drives every route; what they are called, write and know is then looked for wherever it must not be."""

import io
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO
from uuid import uuid4

import psycopg
import pytest
from litestar.routes import HTTPRoute
from msgspec.structs import replace
from psycopg import sql

from infrastructure.mail.outbox import Outbox
from tests.api.canary import NAME, PASSWORDS, SECOND, WRITTEN, Canary
from tests.api.conftest import settings
from tests.api.people import System, running
from tests.api.scraping import page
from tests.redis_content import redis_content

NEVER_SUCCEED: Final = {
    # Litestar's own, for whatever else is asked for below the description.
    ("GET", "/schema/{path}"),
}


@pytest.fixture
def logs(
    logged: io.StringIO, postgres_log: TextIO, capfd: pytest.CaptureFixture[str]
) -> dict[str, Callable[[], str]]:
    """What was logged or printed, by this process, those that it began, and PostgreSQL."""
    return {
        "log": logged.getvalue,
        "output": lambda: "".join(capfd.readouterr()),
        "PostgreSQL's log": postgres_log.read,
    }


async def test_nothing_personal_is_in_logs_metrics_events_or_redis(
    logs: dict[str, Callable[[], str]], database_url: str, redis_url: str, tmp_path: Path
) -> None:
    chosen = replace(settings(database_url, redis_url), rate_limits="on", home=tmp_path, outbox_page=True)
    log_details(database_url)
    async with running(chosen) as system:
        canary = Canary(system, Outbox(tmp_path / "outbox"))
        await canary.lives()
        await asks_every_route(system, canary.secrets)
        await system.project()
        await system.tell()
        metrics = await page(system)
    sinks = {
        **{sink: read() for sink, read in logs.items()},
        "metrics": metrics,
        "events": events(database_url),
        "redis": redis_content(redis_url),
    }
    assert "debug" in sinks["log"]
    assert "mail is given up" in sinks["log"]
    assert "division by zero" in sinks["PostgreSQL's log"]
    assert "ApplicationSubmitted" in sinks["events"]
    assert "hirelog" in sinks["redis"]
    canaries = [*NAME.split(), "canarina", "@example.com", *PASSWORDS, "$2b$", WRITTEN, *canary.secrets]
    found = [(sink, word) for sink, text in sinks.items() for word in canaries if word in text]
    assert found == []
    assert 'status="500"' not in metrics
    assert routes(system) - succeeded(metrics) == NEVER_SUCCEED


def log_details(database_url: str) -> None:
    """Have PostgreSQL log errors with their details, as a server does that is not ours, and log one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set log_error_verbosity = 'default'").format(name))
        with suppress(psycopg.errors.DivisionByZero):
            connection.execute("select 1 / 0")


def handlers(system: System) -> Iterable[tuple[str, HTTPRoute]]:
    """Every method of every path. Logging out comes last: nobody is who they were afterwards."""
    for route in sorted(system.app.routes, key=lambda route: route.path == "/auth/logout"):
        if isinstance(route, HTTPRoute):
            for method in sorted(route.methods & {"GET", "POST", "PATCH", "DELETE"}):
                yield method, route


def routes(system: System) -> set[tuple[str, str]]:
    return {(method, route.path_format) for method, route in handlers(system)}


def succeeded(metrics: str) -> set[tuple[str, str]]:
    """The methods and routes that answered 2xx."""
    counted = r'hirelog_http_requests_total\{method="(\w+)",route="([^"]+)",status="2\d\d"\}'
    return set(re.findall(counted, metrics))


async def asks_every_route(system: System, secrets: list[str]) -> None:
    """Every method of every path, with canaries for ids, for what is asked and for bodies, none of them as it is wanted."""
    people = [await system.company(), await system.candidate()]
    bodies = (
        {"email": SECOND, "name": NAME, "password": PASSWORDS[0], "text": WRITTEN, NAME: WRITTEN},
        {"code": secrets[1], "refresh_token": secrets[1], "reason": WRITTEN},
    )
    query = {"q": NAME, "cursor": WRITTEN, "token": secrets[1], "as_of": SECOND}
    for method, route in handlers(system):
        for filled in (WRITTEN, str(uuid4())):
            path = "/".join(filled if part.startswith("{") else part for part in route.path.split("/"))
            for person in people:
                await person.send(method, path, query=query)
                if method in {"POST", "PATCH"}:
                    for body in bodies:
                        await person.send(method, path, body)
            if method in {"POST", "PATCH"}:
                await system.nobody.send(method, path, content=f'{{"{NAME}": "{PASSWORDS[0]}'.encode())


def events(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select type, convert_from(data, 'UTF8') from event").fetchall()
    return "\n".join(f"{kind} {data}" for kind, data in rows)
