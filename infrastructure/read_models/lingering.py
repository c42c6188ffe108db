"""A projector that stays: it projects until nobody is behind, then waits a while for the next commit."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import structlog
from redis import Redis
from redis.exceptions import RedisError

from infrastructure.read_models.projector import Outdated, Projector, Unit
from infrastructure.read_models.wake import Listening

_SLICE_SECONDS: Final = 0.5
"""How long one blocking wait takes, so that a stop is noticed."""

_STRIDE_SECONDS: Final = 0.25
_BUSY_EVENTS_PER_SECOND: Final = 1_250.0
"""While more events than this come in a second, units of one read model begin only so often: what a unit costs besides its
events is then paid less often, and commands come before projections."""

_REST: Final = 1.5
"""A unit that took long is followed by a rest: the next begins at this many times its duration, up to
`_LONGEST_INTERVAL_SECONDS`. Full pages do not rest."""

_LONGEST_INTERVAL_SECONDS: Final = 0.25
_NOTHING_HANDLED_SECONDS: Final = 0.05
"""After a unit in which nothing concerned its read model, the next begins so much later: the others take their turns meanwhile."""

_WINDOW_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 0.1
"""How long a projector waits for its turn."""

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Pace:
    """How soon after a unit the next may begin, `shortest` at the earliest. Times are in seconds, of any clock that does not go
    back."""

    def __init__(self, now: float, shortest: float) -> None:
        self._since = now
        self._shortest = shortest
        self._events = 0
        self._busy = False

    def interval(self, began: float, ended: float, done: Unit) -> float:
        """From the beginning of this unit to the beginning of the next."""
        self._events += done.events
        if ended - self._since >= _WINDOW_SECONDS:
            self._busy = self._events > _BUSY_EVENTS_PER_SECOND * (ended - self._since)
            self._since, self._events = ended, 0
        shortest = max(
            self._shortest,
            _STRIDE_SECONDS if self._busy else 0.0,
            _NOTHING_HANDLED_SECONDS if done.events and not done.handled else 0.0,
        )
        return max(shortest, min(_REST * (ended - began), _LONGEST_INTERVAL_SECONDS))


class LingeringProjector:
    """Runs at most once per process, however many messages ask for it: in one process two would only share a core.

    Projectors of different read models share it too, so short units (those that leave nobody behind) run one after the other, each
    holding the process's `turn`: commands then find a free core more often. When PostgreSQL is away it tries again. When Redis is
    away it asks PostgreSQL who is behind, and goes on running, because nobody could call it back. `call` asks another process for
    help.
    """

    def __init__(
        self,
        projector: Projector[Any, Any],
        redis: Redis,
        *,
        linger_seconds: float,
        call: Callable[[str], None],
        stopping: threading.Event,
        turn: threading.Lock,
    ) -> None:
        self._projector = projector
        self._name = projector.model.name
        self._listening = Listening(redis, self._name, uuid4().hex)
        self._linger_seconds = linger_seconds
        self._call = call
        self._stopping = stopping
        self._turn = turn
        self._running = threading.Lock()
        self._unasked = False

    def run(self, *, unasked: bool = False) -> None:
        """Project until nothing was announced for `linger_seconds`, or the process stops. `unasked`: nobody could be announced, so
        PostgreSQL is to be asked who is behind, also by a run that is under way."""
        self._unasked = self._unasked or unasked
        if not self._running.acquire(blocking=False):
            return
        try:
            self._work()
        except Outdated as outdated:
            _log.warning("not projected", read_model=self._name, reason=str(outdated))
        finally:
            with contextlib.suppress(RedisError):
                self._listening.leave(regardless=True)
            self._running.release()

    def _work(self) -> None:
        todo: set[UUID] = set()
        patient = ask_database = False
        last_work = due = time.monotonic()
        pause = _FIRST_PAUSE
        pace = Pace(last_work, self._projector.interval_seconds)
        short = True
        with contextlib.suppress(RedisError):
            self._listening.arrive()
        while not self._stopping.is_set():
            try:
                if ask_database or self._unasked:
                    self._unasked = False
                    todo |= self._projector.behind()
                    ask_database = False
                elif not todo:
                    todo = self._listen()
                    patient = False
                    pause = _FIRST_PAUSE
                elif more := self._newcomers(todo):
                    todo |= more
                    patient = False
                if todo:
                    self._stopping.wait(due - time.monotonic())
                    with self._taking_a_turn() if short and not patient else contextlib.nullcontext():
                        began = time.monotonic()
                        done = self._projector.unit(todo, patient=patient)
                        last_work = time.monotonic()
                    todo, patient, short = set(done.behind), not done.moved, not done.behind
                    interval = pace.interval(began, last_work, done)
                    due = began + (self._projector.interval_seconds if done.behind else interval)
                elif time.monotonic() - last_work >= self._linger_seconds and self._listening.leave():
                    return
            except Outdated:
                self._listening.give_back(todo)
                raise
            except (RedisError, psycopg.OperationalError) as error:
                _log.warning(
                    "projector waits", read_model=self._name, reason=f"{type(error).__name__}: {error}"
                )
                self._stopping.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads retries, no secret)
                pause = min(pause * 2, _LONGEST_PAUSE)
                ask_database, patient = True, False
                last_work = time.monotonic()

    @contextlib.contextmanager
    def _taking_a_turn(self) -> Generator[None]:
        """One after the other; who waited for long goes on, because whoever has the turn may wait for a lock of PostgreSQL."""
        mine = self._turn.acquire(timeout=_LONGEST_WAIT_SECONDS)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    def _newcomers(self, todo: set[UUID]) -> set[UUID]:
        """Who was announced while others are still behind: they share the next unit, however much is left of those."""
        room = self._projector.tenants_per_unit - len(todo)
        return self._listening.take(room)[0] - todo if room > 0 else set()

    def _listen(self) -> set[UUID]:
        """Who was announced; waits a slice of time if nobody was."""
        limit = self._projector.tenants_per_unit
        tenants, waiting = self._listening.take(limit)
        if not tenants:
            first = self._listening.wait(_SLICE_SECONDS)
            if first is None:
                return set()
            tenants = {first}
            if limit > 1:
                more, waiting = self._listening.take(limit - 1)
                tenants |= more
        if waiting and self._listening.may_share():
            self._call(self._name)
        return tenants
