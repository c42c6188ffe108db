"""Real servers for every test: one PostgreSQL and one Valkey per test process, a fresh database per test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import hypothesis
import psycopg
import pytest
from psycopg import sql
from redis import Redis

from infrastructure.database.migrate import migrate
from infrastructure.servers.embedded import Servers, embedded
from tests.mail_servers import sendgrid_server
from tests.mail_world import MailWorld
from tests.read_models import world

_TEMPLATE = f"hirelog_template_{os.getpid()}"
_numbers = itertools.count(1)

# How long one example takes says more about the machine than about the code.
hypothesis.settings.register_profile("hirelog", deadline=None)
hypothesis.settings.load_profile("hirelog")


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """The home of this test process's servers, gone with their data at the end.

    TEST_SERVERS names the home of other versions that run already, for one test process: with `.s.PGSQL.5432` (`hirelog` and
    `hirelog_api` may log in) and `valkey.sock` in its folder `run`, and PostgreSQL's log in `log/postgres.log`.
    """
    if given := os.environ.get("TEST_SERVERS"):
        yield Path(given)
        return
    home = Path(tempfile.mkdtemp(prefix="hirelog-test-"))
    home.chmod(0o711)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """Where servers of the test's own may keep their data; not there yet."""
    base = Path(tempfile.mkdtemp(prefix="hirelog-test-"))
    base.chmod(0o711)
    yield base / "home"
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(server_home: Path) -> Iterator[Servers]:
    """Embedded servers of this test process, started when the first test asks, or those that run already."""
    if "TEST_SERVERS" in os.environ:
        yield Servers(server_home, [])
        return
    with embedded(server_home, durable=False) as running:
        yield running


@pytest.fixture
def postgres_log(server_home: Path, servers: Servers) -> Iterator[TextIO]:
    """What PostgreSQL logs from here on."""
    with (server_home / "log" / "postgres.log").open(encoding="utf-8") as log:
        log.seek(0, os.SEEK_END)
        yield log


@pytest.fixture(scope="session")
def administration(servers: Servers) -> Iterator[psycopg.Connection]:
    """A connection that may create databases, on a server that holds the migrated template."""
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        migrate(servers.database(_TEMPLATE))
        yield connection


def new_database(administration: psycopg.Connection, name: str) -> None:
    """A migrated and empty database of that name."""
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_TEMPLATE))
    administration.execute(create)


@pytest.fixture
def database_url(servers: Servers, administration: psycopg.Connection) -> Iterator[str]:
    """A database of the test's own, migrated and empty."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    new_database(administration, name)
    yield servers.database(name)
    administration.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def empty_database_url(servers: Servers, administration: psycopg.Connection) -> Iterator[str]:
    """A database of the test's own with nothing in it, not migrated."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    administration.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield servers.database(name)
    administration.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The first database of an emptied Valkey."""
    with Redis.from_url(servers.redis_url) as client:
        client.flushall()
    return servers.redis_url


@pytest.fixture
def mail_world(database_url: str) -> Iterator[MailWorld]:
    """A company that has mail to send, on a migrated database, and a provider that takes it."""
    with world(database_url) as plain, sendgrid_server() as provider:
        mail_world = MailWorld(plain.database_url, plain.pool, plain.models)
        mail_world.begin(provider)
        yield mail_world
