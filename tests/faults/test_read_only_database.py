"""A database that takes no writes for a while, as during a failover: that is said, and over as soon as it is over."""

import asyncio

import psycopg

from infrastructure.servers.embedded import Servers
from tests.api.conftest import settings
from tests.api.people import PASSWORD, refused, running
from tests.database_failures import read_only


async def test_while_no_writes_are_taken_it_is_503_and_afterwards_everything_works(
    servers: Servers, administration: psycopg.Connection, database_url: str
) -> None:
    async with running(settings(database_url, servers.redis_url)) as system:
        admin = await system.company()
        job = await admin.posts_job()
        login = {"email": admin.email, "password": PASSWORD}
        with read_only(administration, database_url):
            refused(await system.nobody.post("/auth/login", login), 503, "database_unavailable")
            refused(await admin.post("/jobs", {"title": "Baker"}), 503, "log_unavailable")
            unready = await system.client.get("/health/ready")
            assert unready.status_code == 503
            assert {name: check["ok"] for name, check in unready.json()["checks"].items()} == {
                "database": False,
                "broker": True,
                "migrations": False,
            }
            await admin.sees("/applications")
        async with asyncio.timeout(10):
            while (answer := await system.nobody.post("/auth/login", login)).status_code != 200:
                refused(answer, 503)
            while (ready := await system.client.get("/health/ready")).status_code != 200:
                assert ready.status_code == 503
        await admin.posts_job()
        await admin.sees(f"/jobs/{job['id']}")
