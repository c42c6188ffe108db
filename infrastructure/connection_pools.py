"""The connections of a process that projects and delivers mail. They commit each statement by itself, outside of a transaction."""

from typing import Any, Final

from psycopg_pool import ConnectionPool

from infrastructure.log_connection import attentive

_MAIL_CONNECTIONS: Final = 3
"""Nobody holds one while talking to a mail server: these are enough for many mails at a time."""


def projection_pool(database_url: str, size: int) -> ConnectionPool[Any]:
    """An open pool of at most `size` connections for `infrastructure.pipeline`; the database may be away as yet."""
    return _pool(database_url, "projections", size, prepare_threshold=None)


def mail_pool(database_url: str) -> ConnectionPool[Any]:
    """An open pool of few connections that prepare every statement; the database may be away as yet."""
    return _pool(database_url, "mail", _MAIL_CONNECTIONS, prepare_threshold=0)


def _pool(database_url: str, name: str, size: int, *, prepare_threshold: int | None) -> ConnectionPool[Any]:
    return ConnectionPool(
        attentive(database_url),
        min_size=1,
        max_size=max(1, size),
        timeout=5,
        open=True,
        name=name,
        kwargs={"autocommit": True, "prepare_threshold": prepare_threshold},
    )
