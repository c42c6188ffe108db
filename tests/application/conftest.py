"""A real log, and a client of a command handler on it."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.event_store import EventStore
from tests.application.command_client import CommandClient


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url) as opened:
        yield opened


@pytest.fixture
def client(store: EventStore) -> CommandClient:
    return CommandClient(store)
