"""Work beside requests: a task that goes on for as long as its owner is open."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Final, Self

import structlog

_PAUSE_SECONDS: Final = 1.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Background(ABC):
    """Works in a task of its own for as long as it is entered. A fault that its work did not foresee is logged, and the work begun
    again after a pause."""

    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._task is not None and not self._task.done():
            # Once may be lost in what the work awaits: `asyncio.wait_for` of Python 3.11 takes it for done when both come together.
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_PAUSE_SECONDS)

    @abstractmethod
    async def _work(self) -> None:
        """Go on until cancelled. What can be away for a while is waited for."""

    async def _go_on(self) -> None:
        while True:
            try:
                await self._work()
            except Exception:  # noqa: BLE001 (whatever it is, a process must not go on for ever without this work)
                _log.exception("background work begins again", work=type(self).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
