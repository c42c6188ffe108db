"""The running system behind a real server, and connections to it that send what they are told to, byte by byte."""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import uvicorn

from api.http.timed_http import TimedHttp
from tests.api.people import System


@asynccontextmanager
async def served(system: System, http: type[asyncio.Protocol] = TimedHttp) -> AsyncGenerator[str]:
    """The system's application over HTTP, on a port of its own; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(system.app, lifespan="off", log_level="error", ws="none", http=http)
        server = _Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the test runner's."""
        yield


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[tuple[StreamReader, StreamWriter]]:
    """A connection to a served system."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield reader, writer
    finally:
        writer.close()
