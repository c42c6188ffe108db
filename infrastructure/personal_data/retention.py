"""How long things are kept: rows and files that hold addresses or names, or would only become more, are deleted at an age.

What a person asks to be deleted is deleted at once (`infrastructure.personal_data.erasure`); revocations and signing keys go with
the tokens that they are about (`infrastructure.identity.revocations`).
"""

import contextlib
import stat
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
    # A text whose command was refused, or whose process ended in between; each is asked about once. Who is about to name it
    # has made it young again, or waits for this and keeps it anew.
    """
    with old as materialized (
        select tenant_id, text_id, exists (
            select from event where event.tenant_id = personal_text.tenant_id
            and event.stream_id = personal_text.stream_id and event.command_id = personal_text.command_id) as named
        from personal_text where unnamed_at < clock_timestamp() - interval '1 day' for update skip locked),
    named as (
        update personal_text set unnamed_at = null from old
        where personal_text.tenant_id = old.tenant_id and personal_text.text_id = old.text_id and old.named)
    delete from personal_text using old
    where personal_text.tenant_id = old.tenant_id and personal_text.text_id = old.text_id and not old.named
    """,
)

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def delete_expired(pool: ConnectionPool[Any], outbox: Path) -> None:
    """Delete what was kept long enough. Raises `psycopg.OperationalError` when the database is away."""
    for statement in _STATEMENTS:
        with pool.connection() as connection:
            connection.execute(statement, {"days": KEPT_DAYS})
    before = time.time() - KEPT_DAYS * 86_400
    for path in outbox.iterdir() if outbox.is_dir() else ():
        try:
            _delete_file(path, before)
        except OSError as error:
            _log.warning("old mail stays in the outbox", reason=f"{type(error).__name__}: {error.strerror}")


def _delete_file(path: Path, before: float) -> None:
    """What is no file was not put there by this program; another process may be tidying here, too."""
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) and found.st_mtime < before:
            path.unlink()
