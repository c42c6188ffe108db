"""What has long been over is forgotten: rows and files that hold addresses or names, or would only become more.

Here stands what ends by its age. What a person asks to be forgotten is deleted where that is asked; revocations and signing keys go
with the tokens that they are about (`infrastructure.revocations`).
"""

import time
from pathlib import Path
from typing import Any, Final, LiteralString

import structlog
from psycopg_pool import ConnectionPool

KEPT_DAYS: Final = 60
"""How long a mail can be looked up after it was sent or given up, and an invitation after it was made."""

_STATEMENTS: Final[tuple[LiteralString, ...]] = (
    # Their owner sees them in the list for a month. Their refresh tokens go with them.
    "delete from session where coalesce(ended_at, expires_at) < clock_timestamp() - interval '30 days'",
    # One that was voided still counts among those of the last hour.
    "delete from one_use_code where greatest(issued_at + interval '1 hour', expires_at) < clock_timestamp()",
    "delete from invitation where created_at < clock_timestamp() - make_interval(days => %(days)s)",
    # Nobody repeats a request that long after it.
    "delete from request_key where created_at < clock_timestamp() - interval '7 days'",
    "delete from account_mail where mail_done_at < clock_timestamp() - make_interval(days => %(days)s)",
)

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def forget(pool: ConnectionPool[Any], outbox: Path) -> None:
    """Delete what is over by now. Raises `psycopg.OperationalError` when the database is away."""
    for statement in _STATEMENTS:
        with pool.connection() as connection:
            connection.execute(statement, {"days": KEPT_DAYS})
    try:
        _forget_files(outbox, time.time() - KEPT_DAYS * 86_400)
    except OSError as error:
        _log.warning("old mails stay in the outbox", reason=f"{type(error).__name__}: {error.strerror}")


def _forget_files(folder: Path, before: float) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
