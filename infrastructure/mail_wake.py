"""Waking a deliverer: a Dramatiq message that says only that mail may be due; which, is in PostgreSQL."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError

from infrastructure.broker import QUEUE, make_broker
from infrastructure.settings import Settings
from infrastructure.wake import CALL_MILLISECONDS, connect

ACTOR: Final = "deliver"
_CALLED: Final = "hirelog:mail:called"
_LOG_EVERY_SECONDS: Final = 10.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def call_deliverer(redis: Redis, broker: RedisBroker) -> None:
    """Ask a worker to look for due mail, unless it was asked and has not looked yet. Raises `RedisError`."""
    if redis.set(_CALLED, "1", nx=True, px=CALL_MILLISECONDS):
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=QUEUE, actor_name=ACTOR, args=(), kwargs={}, options={}
        )
        broker.enqueue(message)


def answer_mail_calls(redis: Redis, broker: RedisBroker, wake: Callable[[], None]) -> None:
    """Have the workers of this broker `wake` their deliverer, which takes no worker thread for itself."""

    def deliver() -> None:
        with contextlib.suppress(RedisError):
            redis.delete(_CALLED)
        wake()

    broker.declare_queue(QUEUE)
    dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=QUEUE)(deliver)


class MailWake:
    """Wakes a deliverer after a command queued mail, without holding up or failing the command.

    When Redis is away nobody is woken: the sweep finds what is due.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.redis_url is None:
            raise ValueError("REDIS_URL is needed")
        self._redis = connect(settings.redis_url)
        self._broker = make_broker(settings.redis_url)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._logged_at = float("-inf")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._call_forever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._redis.close()
        self._broker.close()

    def wake(self) -> None:
        """Mail was queued, and its transaction is committed; returns at once."""
        self._news.set()

    async def _call_forever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await asyncio.to_thread(call_deliverer, self._redis, self._broker)
            except (RedisError, OSError) as error:
                if time.monotonic() - self._logged_at > _LOG_EVERY_SECONDS:
                    self._logged_at = time.monotonic()
                    _log.warning(
                        "nobody is woken for mail, the sweep stands in",
                        reason=f"{type(error).__name__}: {error}",
                    )
