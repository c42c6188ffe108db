"""What is written to a connection in one turn of the event loop goes out together.

uvicorn writes the head and the body of an answer apart; each write is a system call, a packet, and a client that wakes up. What joining
them gains stands among the README's decisions.
"""

import asyncio
from typing import Any, Final

_MOST_BYTES: Final = 64 << 10
"""More than this is not held back, so that whoever writes faster than the client reads is told to wait."""


class JoinedWrites(asyncio.Transport):
    """A transport as uvicorn uses it: written to, asked about, and closed; what was written goes out before it closes."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(bytes(data))
        self._size += len(data)
        if self._size > _MOST_BYTES:
            self._send()

    def _send(self) -> None:
        if not self._waiting:
            return
        joined = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        if not self._transport.is_closing():
            self._transport.write(joined)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)
