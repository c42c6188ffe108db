"""Brings a database's schema (the write side) to the newest migration."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from alembic.config import Config
    from psycopg import Connection

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 4_723_561


class NewerDatabase(OperatorError):
    """A newer version of this program has migrated the database."""

    def __init__(self) -> None:
        super().__init__(
            "the database is of a newer version of Hirelog: run that one, or give this one another database"
        )


def migrate(database_url: str, revision: str = "head") -> None:
    """Run the missing migrations in one transaction; concurrent callers wait for each other.

    Raises `OperatorError` for a database that cannot hold every letter, and `NewerDatabase`.
    """
    from alembic import command
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    # psycopg reads the address: SQLAlchemy knows neither several hosts nor a socket's folder among them.
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(database_url), poolclass=NullPool
    )
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context = MigrationContext.configure(connection, opts={"version_table": "schema_migration"})
        _after(context.get_current_revision())
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def pending(database_url: str) -> list[str]:
    """The revisions that a database still lacks, oldest first; empty when it is up to date. Raises `NewerDatabase`."""
    import psycopg

    from infrastructure.log.connection import session_conninfo

    with psycopg.connect(session_conninfo(database_url)) as connection:
        exists = connection.execute("select to_regclass('schema_migration')").fetchone()
        applied: tuple[str] | None = None
        if exists is not None and exists[0] is not None:
            applied = connection.execute("select version_num from schema_migration").fetchone()
    return _after(applied[0] if applied else None)


def _after(applied: str | None) -> list[str]:
    """The revisions that come after the one that a database has, oldest first. Raises `NewerDatabase`."""
    ours = _ours()
    if applied is None:
        return [*ours]
    if applied not in ours:
        raise NewerDatabase
    return ours[ours.index(applied) + 1 :]


@cache
def _ours() -> list[str]:
    """All revisions that this program brings, oldest first; reading them takes longer than asking the database."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config())
    return [revision.revision for revision in script.walk_revisions()][::-1]


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _connect(database_url: str) -> "Connection[Any]":
    import psycopg

    from infrastructure.database.long_session import UNHURRIED
    from infrastructure.log.connection import session_conninfo, settle_sync

    connection = psycopg.connect(session_conninfo(database_url))
    settle_sync(connection)
    connection.execute(UNHURRIED)
    connection.commit()
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in {"UTF8", None}:
        connection.close()
        raise OperatorError(
            f"the database's encoding is {encoding}, and it must be UTF8: make one with `createdb --encoding UTF8 --template template0`"
        )
    return connection
