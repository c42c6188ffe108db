"""What the pools do with connections that have gone bad while nobody used them."""

from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.connection_pools import Pool, api_pool, mail_pool, projection_pool

_SIZE = 3
_POOLS = [mail_pool, lambda url: projection_pool(url, _SIZE)]


def cut(administration: psycopg.Connection[Any], database_url: str) -> None:
    """Close all connections to the database, from its side."""
    name = conninfo_to_dict(database_url)["dbname"]
    ended = administration.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s", [name]
    )
    assert ended.rowcount >= _SIZE


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
