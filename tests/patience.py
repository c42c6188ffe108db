"""How long tests wait for what must happen."""

import asyncio
from typing import Any, Final

import psycopg

PATIENCE: Final = 60.0
"""Seconds after which something that others do counts as never; a busy machine takes a while to start a process."""


async def blocked(connection: psycopg.AsyncConnection[Any], by: int) -> None:
    """Until somebody waits for a transaction."""
    async with asyncio.timeout(PATIENCE):
        while True:
            waiting = await connection.execute(
                "select from pg_stat_activity where %s = any(pg_blocking_pids(pid))", (by,)
            )
            if await waiting.fetchone() is not None:
                return
