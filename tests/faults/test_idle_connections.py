"""Connections of a quiet system that somebody closes: a server's limit for idle sessions, or a firewall."""

from contextlib import AsyncExitStack

import psycopg

from infrastructure.servers.embedded import Servers
from tests.api.conftest import settings
from tests.api.people import running
from tests.database_failures import cut


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
        cut(administration, database_url)
        for _ in range(chosen.database_pool_size):
            assert (await system.nobody.sees("/health/ready"))["status"] == "ready"
            await system.again(admin)
            await admin.sees("/applications")
