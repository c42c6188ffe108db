"""The scheduler process: every few seconds it wakes whatever is behind or due, and once an hour deletes what
was kept long enough. Several of them do no harm."""

import time
from functools import partial
from typing import Final

import psycopg
import structlog
from redis.exceptions import RedisError

from infrastructure.database.connection_pools import projection_pool
from infrastructure.mail.effects_projector import EffectsProjector
from infrastructure.personal_data.retention import delete_expired
from infrastructure.processes.stop_signals import StopSignals
from infrastructure.read_models.broker import call, make_broker
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.wake import WakeUpCalls, connect
from infrastructure.settings import Settings
from infrastructure.sweep import sweep, sweep_mail
from projections.menu import MENU

_LOG_EVERY_SECONDS: Final = 30.0
_DELETE_EVERY_SECONDS: Final = 3_600.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Sweep every `sweep_seconds` until SIGINT or SIGTERM; a server that is away is waited for, and so is a database
    of another version."""
    if settings.database_url is None or settings.redis_url is None:
        raise ValueError("DATABASE_URL and REDIS_URL are needed")
    broker = make_broker(settings.redis_url)
    with (
        StopSignals() as signals,
        projection_pool(settings.database_url, 1) as pool,
        connect(settings.redis_url) as redis,
    ):
        projectors = [*(Projector(pool, model) for model in MENU), EffectsProjector(pool)]
        wake_ups = WakeUpCalls(redis)
        logged_at = float("-inf")
        deletes_at = time.monotonic()
        _log.info("scheduler is ready", sweep_seconds=settings.sweep_seconds)
        while not signals.count:
            try:
                sweep(projectors, wake_ups, partial(call, broker))
                sweep_mail(pool, redis, broker)
                if time.monotonic() >= deletes_at:
                    delete_expired(pool, settings.home / "outbox")
                    deletes_at = time.monotonic() + _DELETE_EVERY_SECONDS
            except (psycopg.Error, RedisError) as error:
                if time.monotonic() - logged_at > _LOG_EVERY_SECONDS:
                    logged_at = time.monotonic()
                    _log.warning("no sweep", reason=f"{type(error).__name__}: {error}")
            signals.wait(settings.sweep_seconds)
        signals.stopping = True
    broker.close()
