"""The connections of a process that projects."""

from typing import Any

from psycopg_pool import ConnectionPool

from infrastructure.log_connection import attentive


def projection_pool(database_url: str, size: int) -> ConnectionPool[Any]:
    """An open pool of at most `size` connections that prepare every statement; the database may be away as yet."""
    return ConnectionPool(
        attentive(database_url),
        min_size=1,
        max_size=max(1, size),
        timeout=5,
        open=True,
        name="projections",
        kwargs={"prepare_threshold": 0},
    )
