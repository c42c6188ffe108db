"""Work that ends when its client disconnects: nobody would read the answer, and it makes room for others."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from api.http.problems import ProblemError
from api.http.requests import AnyRequest

T = TypeVar("T")


async def while_connected(request: AnyRequest, work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to; it is cancelled once the client is gone. For a request whose body has been read."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ProblemError(408, "request_timeout", "The client went away before the answer.")
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: AnyRequest) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
