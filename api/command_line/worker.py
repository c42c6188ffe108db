"""A worker process: Dramatiq in our own process, with the projectors of all read models, the effects, and the deliverer of mail."""

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypedDict

import psycopg
import structlog
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError

from infrastructure.database.connection_pools import Pool, mail_pool, projection_pool
from infrastructure.mail.delivery import Deliverer
from infrastructure.mail.effects_projector import EffectsProjector
from infrastructure.mail.links import MailLinks
from infrastructure.mail.message import sender
from infrastructure.mail.transport import transport
from infrastructure.mail.wake import answer_mail_calls
from infrastructure.processes.stop_signals import StopSignals
from infrastructure.processes.tree import ProcessTree, Program
from infrastructure.read_models.broker import answer_calls, call, make_broker
from infrastructure.read_models.lingering import LingeringProjector
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.wake import WakeUpCalls, connect, takes_wake_ups
from infrastructure.settings import Settings, environment, variable
from infrastructure.sweep import sweep
from projections.menu import MENU

_IDLE_MILLISECONDS: Final = 200
"""How rarely an idle worker looks for messages: the latency of the first wake-up after a pause."""

_STOP_MILLISECONDS: Final = 25_000
_SWITCH_SECONDS: Final = 0.0005
"""How long one projector may keep the interpreter from the others; the default of 5 ms adds a tenth to the lag."""

_NICENESS: Final = 5
"""On a machine that they share and that is at its limit, the API's processes and PostgreSQL come before a worker."""

_GARBAGE_THRESHOLD: Final = 50_000


class _Pages(TypedDict):
    page_size: int
    tenants_per_unit: int


_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def work(settings: Settings) -> None:
    """Project and deliver until SIGINT or SIGTERM; with `worker_processes` above 1, in so many child processes."""
    if settings.worker_processes > 1:
        _supervise(settings)
        return
    os.nice(_NICENESS)
    with StopSignals() as signals, working(settings) as look:
        while not signals.count:
            signals.wait(settings.sweep_seconds)
            look()
        signals.stopping = True


@contextlib.contextmanager
def working(settings: Settings) -> Generator[Callable[[], None]]:
    """A running worker; on leaving, units of work under way are finished.

    What it gives is to be called every few seconds: while Redis takes no wake-ups, it starts the projectors of what is behind.
    """
    if settings.database_url is None or settings.redis_url is None:
        raise ValueError("DATABASE_URL and REDIS_URL are needed")
    _collect_garbage_rarely()
    sys.setswitchinterval(_SWITCH_SECONDS)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(connect(settings.redis_url))
        broker = make_broker(settings.redis_url)
        stack.callback(broker.close)
        deliverer = _deliverer(settings, stack.enter_context(mail_pool(settings.database_url)))
        pool = stack.enter_context(projection_pool(settings.database_url, settings.worker_threads))
        projectors = _projectors(settings, pool, stored=deliverer.wake)
        unasked = stack.enter_context(ThreadPoolExecutor(len(projectors), "unasked"))
        stopping = threading.Event()
        lingering = _lingering(settings, projectors, redis, broker, stopping)
        answer_calls(broker, {name: projector.run for name, projector in lingering.items()})
        answer_mail_calls(redis, broker, deliverer.wake)
        stack.enter_context(deliverer.running())
        threads = max(settings.worker_threads, len(projectors) + 1)
        worker = Worker(broker, worker_threads=threads, worker_timeout=_IDLE_MILLISECONDS)
        worker.start()
        stack.callback(worker.stop, timeout=_STOP_MILLISECONDS)
        stack.callback(stopping.set)
        _log.info("worker is ready", threads=threads, projectors=list(lingering))
        deliverer.wake()
        try:
            sweep(projectors, WakeUpCalls(redis), partial(call, broker))
        except (psycopg.OperationalError, RedisError) as error:
            _log.warning("no sweep at the start", reason=f"{type(error).__name__}: {error}")

        def look() -> None:
            if takes_wake_ups(redis):
                return
            with contextlib.suppress(psycopg.Error):
                for projector in projectors:
                    if projector.behind():
                        unasked.submit(_run_unasked, lingering[projector.model.name])

        yield look


def _deliverer(settings: Settings, pool: Pool) -> Deliverer:
    return Deliverer(
        pool,
        transport(settings),
        sender(settings.mail_from),
        MailLinks(settings),
        per_second=settings.mail_per_second,
    )


def _projectors(settings: Settings, pool: Pool, *, stored: Callable[[], None]) -> list[Projector[Any, Any]]:
    """Those of all read models, and that of the effects, which calls `stored` when there are new ones."""
    pages: _Pages = {
        "page_size": settings.projection_page_size,
        "tenants_per_unit": settings.projection_tenants_per_unit,
    }
    return [
        *(Projector(pool, model, **pages) for model in MENU),
        EffectsProjector(pool, stored=stored, **pages),
    ]


def _lingering(
    settings: Settings,
    projectors: Sequence[Projector[Any, Any]],
    redis: Redis,
    broker: RedisBroker,
    stopping: threading.Event,
) -> dict[str, LingeringProjector]:
    """The projectors by the names of their read models; they take turns at the interpreter."""
    turn = threading.Lock()
    return {
        projector.model.name: LingeringProjector(
            projector,
            redis,
            linger_seconds=settings.projection_linger_seconds,
            call=partial(call, broker),
            stopping=stopping,
            turn=turn,
        )
        for projector in projectors
    }


def _run_unasked(projector: LingeringProjector) -> None:
    try:
        projector.run(unasked=True)
    except Exception:  # noqa: BLE001 (nobody looks at what the thread came to)
        _log.exception("a projector failed")


def _supervise(settings: Settings) -> None:
    """The same command as this one in several children, restarted when they crash."""
    one = {**os.environ, **environment(settings), variable("worker_processes"): "1"}
    command = (sys.executable, "-m", "api.cli", "work")
    programs = [
        Program(f"worker {number + 1}", command, patience=_STOP_MILLISECONDS / 1000 + 2)
        for number in range(settings.worker_processes)
    ]
    with StopSignals() as signals, contextlib.ExitStack() as stack:
        tree = ProcessTree(programs, signals, _log.info, one, at_once=True)
        stack.callback(tree.stop)
        tree.start()
        tree.supervise()


def _collect_garbage_rarely() -> None:
    """Folding makes many objects and no cycles; the collector's default took nearly half of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 20, 50)
