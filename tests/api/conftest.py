"""One running system for all tests of the API: they keep apart by working in companies of their own."""

import io
import logging
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio
import structlog
from msgspec.structs import replace

from infrastructure.logging import configure_logging
from infrastructure.servers.embedded import Servers
from infrastructure.settings import Settings
from tests.api.people import System, running
from tests.conftest import new_database

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
    new_database(administration, "api_tests")
    chosen = settings(servers.database("api_tests"), servers.redis_url)
    chosen = replace(
        chosen, api_database_url=servers.api_database("api_tests"), home=tmp_path_factory.mktemp("home")
    )
    async with running(chosen) as opened:
        yield opened


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, down to debugging, in the form of production."""
    text = io.StringIO()
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    configure_logging(Settings(log_format="json", log_level="debug"), "api")
    configured = logging.getLogger().handlers[0]
    assert isinstance(configured, logging.StreamHandler)
    configured.setStream(text)
    yield text
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)
