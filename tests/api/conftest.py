"""One running system for all tests of the API: they keep apart by working in companies of their own."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from msgspec.structs import replace
from psycopg import sql

from infrastructure.embedded import Servers
from infrastructure.settings import Settings
from tests.api.people import System, running

SECRET_KEY = "a key that only the tests know, and long enough for every algorithm of its family"


def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        secret_key=SECRET_KEY,
        bcrypt_cost=4,
        rate_limits="off",
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(
    servers: Servers, administration: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    administration.execute(sql.SQL("CREATE DATABASE api_tests TEMPLATE hirelog_template"))
    chosen = settings(servers.database("api_tests"), servers.redis_url)
    chosen = replace(
        chosen, api_database_url=servers.api_database("api_tests"), home=tmp_path_factory.mktemp("home")
    )
    async with running(chosen) as opened:
        yield opened
