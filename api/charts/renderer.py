"""The dashboard's chart: drawn once per content, in a process beside the API's, and kept."""

import asyncio
import hashlib
import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from importlib.metadata import version
from types import TracebackType
from typing import Final, Self

import msgspec
import structlog

from api.charts.worker import CHART_VERSION, ChartFormat, JobBars, Shown, draw, leave_with_parent
from infrastructure.processes.fair_turns import FairTurns, NoTurn
from projections.job_dashboard import JobFigures

MEDIA_TYPES: Final[Mapping[ChartFormat, str]] = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "json": "application/json",
}

_KEPT_BYTES: Final = 32_000_000
_WAITING: Final = 32
_WAITING_PER_OWNER: Final = 2
_WAITING_SECONDS: Final = 10.0

_log = structlog.get_logger(__name__)


class ChartUnavailable(Exception):
    """No chart can be had now: too many are waiting, or drawing took too long or failed twice. Worth a retry (503)."""


class ChartRenderer:
    """Draws charts of jobs off the event loop, in one process that starts with the first chart and is replaced if it dies.

    One per API process; use it as a context manager, or `close` it. Equal requests at the same time draw once; different ones
    take turns, owner by owner. `timeout_seconds` bounds one drawing; the first one takes some seconds more, for it loads the
    libraries. `drawn`, `kept` and `shared` count the charts that were drawn, found among the kept ones, and awaited together with
    another caller.
    """

    def __init__(self) -> None:
        self.timeout_seconds = 20.0
        self.drawn = self.kept = self.shared = 0
        self._files = KeptFiles(_KEPT_BYTES)
        self._worker = _Worker()
        self._turns = FairTurns(
            at_once=1, waiting=_WAITING, waiting_per_key=_WAITING_PER_OWNER, seconds=_WAITING_SECONDS
        )
        self._drawing: dict[str, asyncio.Task[bytes]] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the process; whoever still waits gets `ChartUnavailable`."""
        self._closed = True
        self._worker.end()
        await asyncio.gather(*self._drawing.values(), return_exceptions=True)

    @property
    def worker_pid(self) -> int | None:
        """The drawing process, None before the first chart and after a failure."""
        return self._worker.pid

    @staticmethod
    def etag(figures: Sequence[JobFigures], format: ChartFormat, of: int = 0) -> str:  # noqa: A002 (the query parameter's name)
        """The strong validator, with its quotes, of the chart that `render` would return; nothing is drawn for it."""
        return _etag(_shown(figures, of), format)

    async def render(
        self,
        figures: Sequence[JobFigures],
        format: ChartFormat,  # noqa: A002
        owner: Hashable,
        of: int = 0,
    ) -> bytes:
        """The chart as a file of type `MEDIA_TYPES[format]`; `owner` is the company that waits for it, and `of` how many jobs it
        has, where these are only the first. Raises `ChartUnavailable`."""
        shown = _shown(figures, of)
        key = _etag(shown, format)
        if (file := self._files.get(key)) is not None:
            self.kept += 1
            return file
        drawing = self._drawing.get(key)
        if drawing is not None:
            self.shared += 1
        else:
            drawing = asyncio.create_task(self._draw_in_turn(owner, key, shown, format))
            self._drawing[key] = drawing
            drawing.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(drawing)

    def _finish(self, key: str, drawing: asyncio.Task[bytes]) -> None:
        del self._drawing[key]
        if not drawing.cancelled():
            drawing.exception()  # seen, even if every caller has gone

    async def _draw_in_turn(self, owner: Hashable, key: str, shown: Shown, form: ChartFormat) -> bytes:
        try:
            async with self._turns.turn(owner):
                return await self._draw(key, shown, form)
        except NoTurn:
            raise ChartUnavailable("Too many charts are being drawn; try again shortly.") from None

    async def _draw(self, key: str, shown: Shown, form: ChartFormat) -> bytes:
        for _ in range(2):
            if self._closed:
                break
            try:
                async with asyncio.timeout(self.timeout_seconds):
                    file = await self._worker.draw(shown, form)
            except TimeoutError:
                self._worker.end()
                _log.warning(
                    "chart_worker_stopped", seconds=self.timeout_seconds, jobs=len(shown.jobs), format=form
                )
                raise ChartUnavailable(
                    f"The chart was not drawn within {self.timeout_seconds:g} seconds."
                ) from None
            except (BrokenProcessPool, OSError) as error:
                self._worker.end()
                _log.warning("chart_worker_died", error=str(error), jobs=len(shown.jobs), format=form)
            else:
                self.drawn += 1
                self._files.keep(key, file)
                return file
        raise ChartUnavailable(
            "The charts are shut down." if self._closed else "The chart could not be drawn."
        )


class _Worker:
    """The one process that draws. It starts with a drawing and after `end` starts anew."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self._pool: ProcessPoolExecutor | None = None

    async def draw(self, shown: Shown, form: ChartFormat) -> bytes:
        loop = asyncio.get_running_loop()
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=leave_with_parent
            )
        pool = self._pool
        if self.pid is None:
            self.pid = await loop.run_in_executor(pool, os.getpid)
            if pool is not self._pool:
                raise BrokenProcessPool("ended while it started")
        return await loop.run_in_executor(pool, draw, shown, form)

    def end(self) -> None:
        """Kill the process, for a drawing that hangs in foreign code hears nothing else."""
        for child in multiprocessing.active_children():
            if child.pid == self.pid:
                child.kill()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        self.pid = self._pool = None


class KeptFiles:
    """Files by their etag; beyond `limit` bytes the one not asked for longest goes first."""

    def __init__(self, limit: int) -> None:
        self.bytes = 0
        self._limit = limit
        self._files: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        file = self._files.get(key)
        if file is not None:
            self._files.move_to_end(key)
        return file

    def keep(self, key: str, file: bytes) -> None:
        self._files[key] = file
        self.bytes += len(file)
        while self.bytes > self._limit:
            _, oldest = self._files.popitem(last=False)
            self.bytes -= len(oldest)


def _shown(figures: Sequence[JobFigures], of: int) -> Shown:
    jobs = [JobBars(job.title, job.views, job.applications, job.conversion_rate) for job in figures]
    return Shown(jobs, max(of, len(jobs)))


def _etag(shown: Shown, form: ChartFormat) -> str:
    content = msgspec.json.encode((CHART_VERSION, _libraries(), form, shown))
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


@cache
def _libraries() -> tuple[str, str]:
    return version("altair"), version("vl-convert-python")
