"""Dramatiq on Redis: a message means only that a read model has work; who and how far is in PostgreSQL."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, cast
from uuid import UUID

import dramatiq
import redis.asyncio
from dramatiq.brokers.redis import RedisBroker
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from infrastructure.read_models.announcer import Announcer
from infrastructure.read_models.wake import (
    ALIVE,
    ANNOUNCE,
    CALL_MILLISECONDS,
    announcement,
    broker_url,
    connect,
    keys,
)
from infrastructure.settings import Settings

QUEUE: Final = "projections"
ACTOR: Final = "project"

ALWAYS: Final = 1_000_000
"""Maintenance at every command (of a million): else a dead worker's messages wait for a chance of minutes."""

HEARTBEAT_MILLISECONDS: Final = 5_000
_CLOSE_SECONDS: Final = 1.0


def make_broker(redis_url: str) -> RedisBroker:
    """A broker without middleware: no time limits (a projector lingers), no retries (a sweep calls again), no metrics."""
    return RedisBroker(  # type: ignore[no-untyped-call]  # Dramatiq leaves it unannotated
        client=connect(redis_url),
        middleware=[],
        maintenance_chance=ALWAYS,
        heartbeat_timeout=HEARTBEAT_MILLISECONDS,
    )


def call(broker: RedisBroker, name: str) -> None:
    """Ask a worker to project this read model. Raises `RedisError`."""
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=QUEUE, actor_name=ACTOR, args=(name,), kwargs={}, options={}
    )
    broker.enqueue(message)


def answer_calls(broker: RedisBroker, projectors: Mapping[str, Callable[[], None]]) -> None:
    """Have the workers of this broker run the projector that a message names; of others it knows nothing."""

    def project(name: str) -> None:
        run = projectors.get(name)
        if run is not None:
            run()

    broker.declare_queue(QUEUE)
    dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=QUEUE)(project)


class WakeUps(Announcer):
    """Tells projectors which tenants have new events, after each commit."""

    def __init__(self, settings: Settings, names: Sequence[str]) -> None:
        super().__init__("wake-ups are dropped")
        if settings.redis_url is None:
            raise ValueError("REDIS_URL is needed")
        self._names = tuple(names)
        self._keys = [key for name in names for key in keys(name)]
        self._redis = redis.asyncio.Redis.from_url(
            broker_url(settings.redis_url),
            socket_timeout=2,
            socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 1),
        )
        self._script = self._redis.register_script(ANNOUNCE)
        self._broker = make_broker(settings.redis_url)
        self._waiting: set[UUID] = set()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        if self._waiting:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._announce()
        await self._redis.aclose()
        self._broker.close()

    def committed(self, tenants: set[UUID]) -> None:
        """These tenants have new events; returns at once."""
        self._waiting |= tenants
        self._news.set()

    async def _announce(self) -> None:
        """Tell the projectors of all read models, and call those that do not listen."""
        tenants, self._waiting = self._waiting, set()
        answer = await self._script(self._keys, announcement(tenants))
        for number in cast("list[int]", answer):
            await asyncio.to_thread(call, self._broker, self._names[number])

    async def reachable(self) -> bool:
        """Whether Redis takes wake-ups."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                return bool(await self._redis.set(ALIVE, "1", px=CALL_MILLISECONDS))
        except (RedisError, OSError, TimeoutError):
            return False
