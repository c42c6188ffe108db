"""An answer that many may ask for, and that costs too much to work out for each of them."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

Answer = TypeVar("Answer")

_SECONDS: Final = 1.0


class SharedAnswer(Generic[Answer]):
    """An answer that is worked out once a second at most: who asks meanwhile waits for the same one, who asks within the second
    after it is given it again. An error is an answer too, work that was cancelled is none.

    Who stops waiting does not stop the work, which others may wait for.
    """

    def __init__(
        self, work_out: Callable[[], Coroutine[Any, Any, Answer]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._work_out = work_out
        self._clock = clock
        self._task: asyncio.Task[Answer] | None = None
        self._known_since = 0.0

    async def aclose(self) -> None:
        """Stop what is being worked out."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def get(self) -> Answer:
        """The answer, at most a second old; raises what working it out raised."""
        if self._task is None or self._is_over(self._task):
            self._task = asyncio.create_task(self._work())
            self._task.add_done_callback(_take_note)
        return await asyncio.shield(self._task)

    def _is_over(self, task: asyncio.Task[Answer]) -> bool:
        return task.done() and (task.cancelled() or self._clock() - self._known_since >= _SECONDS)

    async def _work(self) -> Answer:
        try:
            return await self._work_out()
        finally:
            self._known_since = self._clock()


def _take_note(task: asyncio.Task[Any]) -> None:
    """An error that nobody has seen is logged by asyncio, and whoever asked may have gone."""
    if not task.cancelled():
        task.exception()
