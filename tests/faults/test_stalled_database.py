"""A database that is there and does not answer: a lock that somebody holds, or a server that is frozen."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
import pytest

from infrastructure.log import group_queue
from infrastructure.log.connection import PromptConnection, connect, session_conninfo
from infrastructure.servers.embedded import Servers
from tests.api.conftest import settings
from tests.api.people import PASSWORD, refused, running
from tests.patience import PATIENCE


@contextmanager
def held(database_url: str) -> Generator[None]:
    """Somebody holds the log and the accounts."""
    with psycopg.connect(database_url) as holder:
        holder.execute("lock table event, account in access exclusive mode")
        yield
        holder.rollback()


async def test_what_waits_for_a_lock_is_503_and_is_not_written_later(
    servers: Servers, administration: psycopg.Connection, database_url: str
) -> None:
    soon = f"{database_url}&options={quote('-c lock_timeout=100ms')}"
    async with running(settings(soon, servers.redis_url)) as system:
        admin = await system.company()
        with held(database_url):
            refused(await admin.post("/jobs", {"title": "Baker"}), 503, "log_unavailable")
            refused(await admin.get("/audit/events"), 503, "log_unavailable")
            login = {"email": admin.email, "password": PASSWORD}
            refused(await system.nobody.post("/auth/login", login), 503, "database_unavailable")
        job = await admin.posts_job()
        written = (await admin.sees("/audit/events"))["items"]
        assert {event["stream_id"] for event in written if event["type"] == "JobCreated"} == {job["id"]}


async def test_a_server_that_does_not_answer_at_all_keeps_nobody_waiting(
    servers: Servers,
    administration: psycopg.Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = f"{database_url}&options={quote('-c lock_timeout=0 -c statement_timeout=0')}"
    async with running(settings(never, servers.redis_url)) as system:
        admin = await system.company()
        monkeypatch.setattr(PromptConnection, "answer_seconds", 0.3)
        monkeypatch.setattr(group_queue, "_PATIENCE_SECONDS", 0.1)
        with held(database_url):
            refused(await admin.get("/audit/events"), 503, "log_unavailable")
            login = {"email": admin.email, "password": PASSWORD}
            refused(await system.nobody.post("/auth/login", login), 503, "database_unavailable")
        monkeypatch.undo()
        await admin.posts_job()
        await system.again(admin)


async def test_who_stops_waiting_has_the_server_stop_and_does_not_wait_for_its_word(
    database_url: str,
) -> None:
    asleep = "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'"
    async with await connect(database_url) as connection:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connection.execute("select pg_sleep(3600)")
        assert connection.closed
    async with asyncio.timeout(PATIENCE), await connect(database_url) as other:
        while await (await other.execute(asleep)).fetchone() != (0,):
            pass


async def test_whoever_waits_for_an_answer_waits_for_seconds_unless_the_operator_says_otherwise(
    database_url: str,
) -> None:
    asked = "select current_setting('lock_timeout'), current_setting('statement_timeout')"
    async with await connect(database_url) as connection:
        assert await (await connection.execute(asked)).fetchone() == ("5s", "10s")
    own = session_conninfo(f"{database_url}&options={quote('-c statement_timeout=1h')}", prompt=True)
    with psycopg.connect(own) as patient:
        assert patient.execute(asked).fetchone() == ("5s", "1h")
