"""What the pools do with connections that were cut, and with sessions that take no writes."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import PoolTimeout
from psycopg_pool.base import AttemptWithBackoff

from infrastructure.database import connection_pools
from infrastructure.database.connection_pools import (
    Pool,
    ReadOnlyDatabase,
    api_pool,
    mail_pool,
    projection_pool,
)
from tests.database_failures import cut, read_only
from tests.faults.proxy import proxy
from tests.patience import PATIENCE

_SIZE = 3
_POOLS = [mail_pool, lambda url: projection_pool(url, _SIZE)]


def sessions(pool: Pool) -> set[int]:
    """The server's processes of all of a pool's connections."""
    with ExitStack() as stack:
        taken = [stack.enter_context(pool.connection()) for _ in range(_SIZE)]
        return {row[0] for one in taken for row in one.execute("select pg_backend_pid()")}


async def async_sessions(pool: Any) -> set[int]:
    async with AsyncExitStack() as stack:
        taken = [await stack.enter_async_context(pool.connection()) for _ in range(_SIZE)]
        return {row[0] for one in taken async for row in await one.execute("select pg_backend_pid()")}


@pytest.mark.parametrize("make", _POOLS)
def test_connections_that_were_cut_while_idle_are_passed_over(
    administration: psycopg.Connection[Any], database_url: str, make: Callable[[str], Pool]
) -> None:
    with make(database_url) as pool:
        before = sessions(pool)
        cut(administration, database_url)
        assert not sessions(pool) & before


async def test_connections_of_the_api_that_were_cut_while_idle_are_passed_over(
    administration: psycopg.Connection[Any], database_url: str
) -> None:
    async with api_pool(database_url, _SIZE) as pool:
        before = await async_sessions(pool)
        cut(administration, database_url)
        assert not await async_sessions(pool) & before


@pytest.fixture
def slow_to_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between attempts to connect are as long as after a day."""
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 86_400.0)
    monkeypatch.setattr(connection_pools, "_WAIT_SECONDS", 0.2)


@pytest.mark.usefixtures("slow_to_retry")
@pytest.mark.parametrize("make", _POOLS)
def test_a_database_that_is_back_is_found_at_once(
    database_url: str, tmp_path: Path, make: Callable[[str], Pool]
) -> None:
    with make(make_conninfo(database_url, host=str(tmp_path))) as pool:
        with pytest.raises(PoolTimeout):
            pool.getconn()
        with proxy(database_url, tmp_path), pool:
            assert _who_asks_again(pool).execute("select 1").fetchone() == (1,)


def _who_asks_again(pool: Pool) -> psycopg.Connection[Any]:
    """The connection of whoever goes on asking: the first may come while the pool is about to give up its last try."""
    given_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            return pool.getconn()
        except PoolTimeout:
            if time.monotonic() > given_up_at:
                raise


@pytest.mark.usefixtures("slow_to_retry")
async def test_a_database_that_is_back_is_found_at_once_by_the_api(database_url: str, tmp_path: Path) -> None:
    async with api_pool(make_conninfo(database_url, host=str(tmp_path)), _SIZE) as pool:
        with pytest.raises(PoolTimeout):
            await pool.getconn()
        with proxy(database_url, tmp_path):
            async with pool, asyncio.timeout(PATIENCE):
                while True:
                    with suppress(PoolTimeout):
                        async with pool.connection() as connection:
                            await connection.execute("select 1")
                        return


_WRITE = "insert into company values (gen_random_uuid(), 'Mill', gen_random_uuid())"


@pytest.mark.parametrize("make", _POOLS)
def test_sessions_that_take_no_writes_are_replaced_when_one_was_met(
    administration: psycopg.Connection[Any], database_url: str, make: Callable[[str], Pool]
) -> None:
    with make(database_url) as pool:
        with read_only(administration, database_url):
            before = sessions(pool)
        with pytest.raises(ReadOnlyDatabase), pool.connection() as connection, connection.transaction():
            connection.execute(_WRITE)
        with ExitStack() as stack:
            for _ in range(_SIZE):
                stack.enter_context(pool.connection()).execute(_WRITE)
        assert not sessions(pool) & before


async def test_sessions_of_the_api_that_take_no_writes_are_replaced_when_one_was_met(
    administration: psycopg.Connection[Any], database_url: str
) -> None:
    async with api_pool(database_url, _SIZE) as pool:
        with read_only(administration, database_url):
            before = await async_sessions(pool)
        with pytest.raises(ReadOnlyDatabase):
            async with pool.connection() as connection, connection.transaction():
                await connection.execute(_WRITE)
        async with AsyncExitStack() as stack:
            for _ in range(_SIZE):
                await (await stack.enter_async_context(pool.connection())).execute(_WRITE)
        assert not await async_sessions(pool) & before


def test_while_no_writes_are_taken_not_every_refusal_replaces_all_sessions(
    administration: psycopg.Connection[Any], database_url: str
) -> None:
    with projection_pool(database_url, _SIZE) as pool, read_only(administration, database_url):
        for kept in (0, _SIZE - 1):
            before = sessions(pool)
            with pytest.raises(ReadOnlyDatabase), pool.connection() as connection:
                connection.execute(_WRITE)
            assert len(sessions(pool) & before) == kept
