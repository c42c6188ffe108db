"""The sweep: whoever is behind according to PostgreSQL is announced again, whatever became of earlier wake-ups."""

from collections.abc import Callable, Sequence
from typing import Any

from dramatiq.brokers.redis import RedisBroker
from psycopg_pool import ConnectionPool
from redis import Redis

from infrastructure.mail.queue import any_due
from infrastructure.mail.wake import call_deliverer
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.wake import WakeUpCalls


def sweep(
    projectors: Sequence[Projector[Any, Any]], wake_ups: WakeUpCalls, call: Callable[[str], None]
) -> int:
    """Wake the projectors of what is behind; how many logs are, over all read models.

    Raises `psycopg.OperationalError` or `RedisError` when one of them is away.
    """
    found = 0
    for projector in projectors:
        behind = projector.behind()
        found += len(behind)
        if behind:
            for name in wake_ups.announce([projector.model.name], behind):
                call(name)
    return found


def sweep_mail(pool: ConnectionPool[Any], redis: Redis, broker: RedisBroker) -> None:
    """Wake a deliverer if mail is due. Raises as `sweep` does."""
    with pool.connection() as connection:
        due = any_due(connection)
    if due:
        call_deliverer(redis, broker)
