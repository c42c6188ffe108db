"""Work beside requests: a task that goes on for as long as its owner is open."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import structlog

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Background(ABC):
    """Works in a task of its own for as long as it is entered; whatever ends the work before is logged at once."""

    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work())
        self._task.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    @abstractmethod
    async def _work(self) -> None:
        """Go on until cancelled. What can be away for a while is waited for."""

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background work ended", work=type(self).__name__, exc_info=error)
