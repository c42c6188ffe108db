"""Saying over Redis that there is something to do, beside the commands that made it so."""

import asyncio
import time
from abc import abstractmethod
from typing import Final

import structlog
from redis.exceptions import RedisError

from infrastructure.processes.background import Background

_LOG_EVERY_SECONDS: Final = 10.0
_INTERVAL_SECONDS: Final = 0.005
"""News of so long share one announcement; the first after a quiet moment is announced at once."""

_REST: Final = 3.0
"""One that took long, as in a process at its limit, is followed by a rest of so many times its duration."""

_LONGEST_INTERVAL_SECONDS: Final = 0.05

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Announcer(Background):
    """Announces news soon after `_news` was set, without ever holding up or failing whoever set it.

    What happens while one announcement is under way shares the next. When Redis is away nothing is announced, which the log
    calls `silence`: the sweep finds what would have been said.
    """

    def __init__(self, silence: str) -> None:
        self._news = asyncio.Event()
        self._silence = silence
        self._logged_at = float("-inf")

    @abstractmethod
    async def _announce(self) -> None:
        """Say all that there is to say. Raises `RedisError`."""

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            began = time.monotonic()
            try:
                await self._announce()
            except (RedisError, OSError) as error:
                self._complain(error)
            rest = _REST * (time.monotonic() - began)
            await asyncio.sleep(min(max(_INTERVAL_SECONDS, rest), _LONGEST_INTERVAL_SECONDS))

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._logged_at > _LOG_EVERY_SECONDS:
            self._logged_at = time.monotonic()
            _log.warning(f"{self._silence}, the sweep stands in", reason=f"{type(error).__name__}: {error}")
