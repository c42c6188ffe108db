"""A limit to the whole time that a conversation over the network takes: a socket's timeout is for a single read only."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Deadline:
    """Shuts down the watched connection so many seconds after entering: whoever reads from it or writes to it is told so.

    An exception that leaves the block after that becomes a `TimeoutError`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._passed = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._passed and isinstance(error, Exception):
            raise TimeoutError(f"no whole answer within {self._seconds:g} s") from error

    def watch(self, connection: socket.socket) -> None:
        """The connection over which the conversation goes from now on."""
        with self._lock:
            self._connection = connection
            self._shut_down_if_passed()

    def _pass(self) -> None:
        with self._lock:
            self._passed = True
            self._shut_down_if_passed()

    def _shut_down_if_passed(self) -> None:
        if self._passed and self._connection is not None:
            with contextlib.suppress(OSError):
                # Not TLS's own way, which takes its state away from the thread that reads.
                socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
