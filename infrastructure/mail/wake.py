"""Waking a deliverer: a Dramatiq message that says only that mail may be due; which, is in PostgreSQL."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Final

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError

from infrastructure.read_models.announcer import Announcer
from infrastructure.read_models.broker import QUEUE, make_broker
from infrastructure.read_models.wake import CALL_MILLISECONDS, connect
from infrastructure.settings import Settings

ACTOR: Final = "deliver"
_CALLED: Final = "hirelog:mail:called"


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


class MailWake(Announcer):
    """Wakes a deliverer after a command queued mail."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("nobody is woken for mail")
        if settings.redis_url is None:
            raise ValueError("REDIS_URL is needed")
        self._redis = connect(settings.redis_url)
        self._broker = make_broker(settings.redis_url)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        self._redis.close()
        self._broker.close()

    def wake(self) -> None:
        """Mail was queued, and its transaction is committed; returns at once."""
        self._news.set()

    async def _announce(self) -> None:
        await asyncio.to_thread(call_deliverer, self._redis, self._broker)
