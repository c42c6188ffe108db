"""The servers that are measured: the embedded PostgreSQL and Valkey as they come, on a throw-away folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from infrastructure.database.migrate import migrate
from infrastructure.servers.embedded import Servers, embedded


@contextmanager
def servers() -> Generator[Servers]:
    """The embedded servers in a new folder below `TMPDIR`, gone afterwards."""
    with TemporaryDirectory(prefix="hirelog-bench-") as folder:
        Path(folder).chmod(0o711)
        with embedded(Path(folder) / "home") as running:
            yield running


def empty_database(running: Servers, name: str) -> str:
    """A new database without any table: its URL."""
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return running.database(name)


def migrated_database(running: Servers, name: str) -> str:
    """A new database with Hirelog's tables: its URL."""
    url = empty_database(running, name)
    migrate(url)
    return url


def conditions(running: Servers) -> str:
    """What the server is and how it commits, as a note of a report. Raises if commits are not durable."""
    names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size")
    with psycopg.connect(running.database_url) as connection:
        shown = {name: _setting(connection, name) for name in names}
    if (shown["fsync"], shown["synchronous_commit"]) != ("on", "on"):
        raise RuntimeError(f"these commits are not durable, so the figures would mean nothing: {shown}")
    version = shown.pop("server_version")
    return f"embedded PostgreSQL {version}: " + ", ".join(f"{name} {value}" for name, value in shown.items())


def _setting(connection: psycopg.Connection[tuple[object, ...]], name: str) -> str:
    row = connection.execute("select current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])
