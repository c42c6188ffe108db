"""Connections of a quiet system that somebody closes: a server's limit for idle sessions, or a firewall."""

from contextlib import AsyncExitStack

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infrastructure.embedded import Servers
from tests.api.conftest import settings
from tests.api.people import running


async def test_connections_that_were_closed_meanwhile_cost_no_request(
    servers: Servers, administration: psycopg.Connection, database_url: str
) -> None:
    chosen = settings(database_url, servers.redis_url)
    async with running(chosen) as system, AsyncExitStack() as held:
        admin = await system.company()
        database = system.services.database
        for _ in range(chosen.database_pool_size):
            await held.enter_async_context(database.identity())
        await held.aclose()
        administration.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s",
            [conninfo_to_dict(database_url)["dbname"]],
        )
        for _ in range(chosen.database_pool_size):
            assert (await system.nobody.sees("/health/ready"))["status"] == "ready"
            await system.again(admin)
            await admin.sees("/applications")
