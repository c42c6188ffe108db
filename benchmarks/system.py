"""The whole system as an operator runs it: API, worker and scheduler processes on the embedded servers."""

import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import psycopg

from api.command_line.up import command
from benchmarks.processes import free_port, process, wait_for
from benchmarks.servers import migrated_database
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.servers.embedded import Servers
from projections.menu import MENU

_POLL_SECONDS: Final = 0.05
_BEHIND: Final = """
select count(*) from projection
cross join log_head as head
left join projection_checkpoint as checkpoint using (tenant_id, name, build)
where head.position > coalesce(checkpoint.position, 0)
"""


class System(msgspec.Struct, frozen=True):
    """Where it answers, its database, and the environment from which a further process of it starts."""

    url: str
    database_url: str
    environment: Mapping[str, str]


@contextmanager
def system(
    running: Servers, database: str, settings: Mapping[str, str] | None = None, *, working: bool = True
) -> Generator[System]:
    """One API process, one worker process and the scheduler on a new database; cheap password hashes, else defaults.

    Without `working` there is no worker yet: who fills the log first, and builds a read model in one go, starts it after.
    """
    database_url = migrated_database(running, database)
    ensure_read_models(database_url, MENU)
    with TemporaryDirectory(prefix="hirelog-bench-") as home, ExitStack() as stack:
        environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": running.redis_url,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "HIRELOG_HOME": home,
            "HIRELOG_PORT": str(free_port()),
            "HIRELOG_BCRYPT_COST": "4",
            "HIRELOG_LOG_LEVEL": "error",
            "RATE_LIMITS": "off",
            **(settings or {}),
        }
        for part in ("schedule", "work") if working else ("schedule",):
            stack.enter_context(process(command(part), environment))
        api = stack.enter_context(process(command("serve"), environment))
        url = f"http://127.0.0.1:{environment['HIRELOG_PORT']}"
        wait_for(f"{url}/health/ready", api)
        yield System(url, database_url, environment)


def wait_until_projected(database_url: str, seconds: float = 300.0) -> None:
    """Until every read model has reached the end of every log. Raises `TimeoutError`."""
    deadline = time.monotonic() + seconds
    with psycopg.connect(database_url, autocommit=True) as connection:
        while True:
            row = connection.execute(_BEHIND).fetchone()
            if row == (0,):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"read models are still behind after {seconds:g} s: {row}")
            time.sleep(_POLL_SECONDS)


def settle(database_url: str) -> None:
    """Until every read model has reached the end of every log; then do what autovacuum would do within a minute."""
    wait_until_projected(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
