"""A man in the middle who cuts the line to PostgreSQL at a chosen moment."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_SOCKET: Final = ".s.PGSQL.5432"


class Proxy:
    """Passes bytes between clients and a server on unix sockets.

    `cut_after_commit` and `cut_before_writing` say how many more connections to lose: the first when the server has
    committed (it says `commit_answer`) and before the client hears of it, the second when the client sends a transaction and
    before the server hears. `connections` is how many there were. With `drops_options` the server does not hear of the client's
    `options`, as behind a pooler.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self._threads: list[threading.Thread] = []
        self.cut_after_commit = 0
        self.cut_before_writing = 0
        self.commit_answer = b"COMMIT\0"
        self.cuts = 0
        self.connections = 0
        self.drops_options = False

    def serve(self, listener: socket.socket) -> None:
        """Until the listener is shut down."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                break
            self.connections += 1
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            thread = threading.Thread(target=self._pass_on, args=(client, server))
            thread.start()
            self._threads.append(thread)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            if self.drops_options:
                server.sendall(_without_options(client.recv(1 << 16)))
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    data = source.recv(1 << 20)
                    if not data or self._cuts(data, from_server=source is server):
                        return
                    target.sendall(data)

    def _cuts(self, data: bytes, *, from_server: bool) -> bool:
        if from_server and self.cut_after_commit and self.commit_answer in data:
            self.cut_after_commit -= 1
        elif not from_server and self.cut_before_writing and b"log_lock_head" in data:
            self.cut_before_writing -= 1
        else:
            return False
        self.cuts += 1
        return True


def _without_options(startup: bytes) -> bytes:
    """A client's first message: its length, the protocol's version, and names and values, each with a zero behind it."""
    words = startup[8:].split(b"\0")
    at = words.index(b"options")
    rest = b"\0".join(words[:at] + words[at + 2 :])
    return (len(rest) + 8).to_bytes(4, "big") + startup[4:8] + rest


@contextlib.contextmanager
def proxy(database_url: str, folder: Path) -> Generator[tuple[Proxy, str]]:
    """A proxy in front of a database, and the URL that leads through it. Whoever uses it has left before its end."""
    parameters = conninfo_to_dict(database_url)
    between = Proxy(Path(str(parameters["host"])) / _SOCKET)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / _SOCKET))
        listener.listen()
        thread = threading.Thread(target=between.serve, args=(listener,))
        thread.start()
        try:
            yield between, make_conninfo("", **(parameters | {"host": str(folder)}))
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)
            between.join()
