"""A real log, and an office on it."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.event_store import EventStore
from tests.application.office import Office


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url) as opened:
        yield opened


@pytest.fixture
def office(store: EventStore) -> Office:
    return Office(store)
