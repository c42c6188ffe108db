"""`hirelog up`: the embedded servers, migrations, API, workers and scheduler as one process tree."""

import contextlib
import errno
import http.client
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
from msgspec.structs import replace
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from infrastructure.database.migrate import migrate
from infrastructure.database.tenant_walls import demand_api_role, let_api_in
from infrastructure.identity.signing_keys import check_key_file
from infrastructure.operator_error import OperatorError
from infrastructure.processes.stop_signals import StopSignals
from infrastructure.processes.tree import ProcessTree, Program
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.secret_key import with_secret_key
from infrastructure.server_urls import http_url
from infrastructure.servers.embedded import Servers, embedded, running
from infrastructure.settings import Settings, environment
from projections.menu import MENU

_READY_SECONDS: Final = 120.0
_PAGES: Final = {
    "HTTP API": "/docs",
    "reference": "/redoc",
    "jobs": "/jobs",
    "health": "/health/ready",
    "metrics": "/metrics",
}

Say = Callable[[str], None]


def programs() -> tuple[Program, ...]:
    """The processes of one system, in the order in which they stop: first nobody asks, then nobody works."""
    return (
        Program("api", command("serve"), patience=20),
        Program("worker", command("work"), patience=30),
        Program("scheduler", command("schedule")),
    )


def command(*words: str) -> tuple[str, ...]:
    """The `hirelog` command with these words, run by this same interpreter."""
    return (sys.executable, "-m", "api.cli", *words)


def up(
    settings: Settings,
    say: Say,
    afterwards: Sequence[Program] = (),
) -> None:
    """Run the whole system until SIGINT or SIGTERM, then stop it in order and return.

    What `DATABASE_URL` and `REDIS_URL` name is used, and what they leave out is embedded. `afterwards` run when
    the system is ready. Raises `OperatorError` when it cannot start.
    """
    with StopSignals() as signals, contextlib.ExitStack() as stack:
        _check_free(settings)
        check_key_file(settings)
        servers = _servers(settings, stack)
        settings, database_url, redis_url = _connected(settings, servers)
        migrate_database(database_url, settings.api_database_url)
        _check_redis(redis_url)
        tree = ProcessTree(programs(), signals, say, {**os.environ, **environment(settings)})
        stack.callback(tree.stop)
        if not signals.count:
            tree.start()
            _wait_until_ready(settings, tree, signals)
        if not signals.count:
            say(_addresses(settings))
            for program in afterwards:
                tree.add(program)
        tree.supervise(lambda: _revive(servers, say))
        say("stopping: what was accepted is finished first; Ctrl-C again stops at once")


def address(settings: Settings) -> str:
    """Where a client on this machine reaches the API."""
    return http_url(settings.host, settings.port)


def _check_free(settings: Settings) -> None:
    if running(settings.home):
        raise OperatorError(f"{settings.home} is in use: `hirelog up` runs there already")
    where = f"port {settings.port} of {settings.host}"
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
    except socket.gaierror as error:
        raise OperatorError(f"HIRELOG_HOST {settings.host!r} is no address of this machine") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(f"{where} is in use: stop what listens there, or set HIRELOG_PORT") from error
        raise OperatorError(f"cannot listen on {where}: {error.strerror}") from error


def _servers(settings: Settings, stack: contextlib.ExitStack) -> Servers | None:
    if settings.database_url and settings.redis_url:
        return None
    return stack.enter_context(
        embedded(settings.home, postgres=not settings.database_url, valkey=not settings.redis_url),
    )


def _connected(settings: Settings, servers: Servers | None) -> tuple[Settings, str, str]:
    """The settings for the children, with their two addresses."""
    database_url = settings.database_url or (servers.database_url if servers else "")
    redis_url = settings.redis_url or (servers.redis_url if servers else "")
    api_database_url = settings.api_database_url
    if servers and not settings.database_url:
        api_database_url = servers.api_database_url
    connected = replace(
        with_secret_key(settings),
        database_url=database_url,
        api_database_url=api_database_url,
        redis_url=redis_url,
        outbox_page=shows_outbox(settings),
    )
    return connected, database_url, redis_url


def shows_outbox(settings: Settings) -> bool:
    """Whether the outbox page is for nobody but whoever runs this: its mails hold one-use codes."""
    sends = settings.sendgrid_api_key or settings.smtp_url
    only_here = settings.host in {"127.0.0.1", "localhost", "::1"}
    return settings.outbox_page is not False and only_here and not settings.database_url and not sends


def migrate_database(database_url: str, api_database_url: str | None) -> None:
    """Bring the database to the newest schema, with every read model set up and the API let in. Raises `OperatorError`."""
    try:
        migrate(database_url)
        demand_api_role(database_url)
        ensure_read_models(database_url, MENU)
        let_api_in(database_url, api_database_url)
    except (SQLAlchemyError, psycopg.Error) as error:
        raise OperatorError(f"cannot migrate the database: {_first_line(error)}") from error


def _check_redis(redis_url: str) -> None:
    try:
        with Redis.from_url(redis_url) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        raise OperatorError(f"cannot reach Redis: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _wait_until_ready(settings: Settings, tree: ProcessTree, signals: StopSignals) -> None:
    until = time.monotonic() + _READY_SECONDS
    answer = "no answer"
    while not signals.count:
        for name, status in tree.crashed().items():
            raise OperatorError(
                f"the {name} ended with status {status} before the system was ready: see above"
            )
        if (answer := _ask(settings)) == "":
            return
        if time.monotonic() > until:
            raise OperatorError(f"the system was not ready after {_READY_SECONDS:.0f} s: {answer}")
        signals.wait(0.05)


def _ask(settings: Settings) -> str:
    """Empty when the system is ready, otherwise what it says instead."""
    connection = http.client.HTTPConnection(address(settings).removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        body = response.read(500).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
    return "" if response.status == 200 else " ".join(body.split())


def _revive(servers: Servers | None, say: Say) -> None:
    for name in servers.revive() if servers else ():
        say(f"{name} had ended and was started again")


def _addresses(settings: Settings) -> str:
    pages = {**_PAGES, "outbox": "/outbox"} if settings.outbox_page else _PAGES
    lines = [f"  {name:<10} {address(settings)}{path}" for name, path in pages.items()]
    return "\n".join(["Hirelog is ready", *lines, f"  {'data':<10} {settings.home}", "Ctrl-C stops it"])
