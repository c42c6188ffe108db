"""The HTTP queries that are measured, on data that grows between the measurements."""

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
import uvloop

from benchmarks.load import closed_loop, request
from benchmarks.people import Founder
from benchmarks.sample import Sample, interleaved, middle
from benchmarks.seed import open_jobs, traffic
from benchmarks.system import System, settle
from benchmarks.writes import CONNECTIONS
from infrastructure.event_store import EventStore

_WARM_UP_SECONDS: Final = 0.5


class Sizes(msgspec.Struct, frozen=True):
    """Open jobs of all companies at three moments, of which the first company has `company_jobs` from the start with
    `applications` in all at two moments."""

    company_jobs: int
    open_jobs: tuple[int, int, int]
    applications: tuple[int, int]
    views_per_job: int


class Data:
    """What is in the log: the first founder's company has the applications, the others share the rest of the jobs."""

    def __init__(self, system: System, founders: list[Founder], sizes: Sizes) -> None:
        self._system = system
        self._first, *self._others = founders
        self._sizes = sizes
        self.own_jobs: list[UUID] = []
        self.other_jobs: list[UUID] = []
        self.applications: list[UUID] = []

    @property
    def token(self) -> str:
        """Of the first company's founder."""
        return self._first.token

    def small(self) -> None:
        """The first company's jobs and a first few applications."""
        uvloop.run(self._fill(self._sizes.open_jobs[0], self._sizes.applications[0], views_per_job=0))

    def middle(self) -> None:
        """More jobs, and all the applications and views."""
        uvloop.run(
            self._fill(self._sizes.open_jobs[1], self._sizes.applications[1], self._sizes.views_per_job)
        )

    def large(self) -> None:
        """All the jobs."""
        uvloop.run(self._fill(self._sizes.open_jobs[2], self._sizes.applications[1], views_per_job=0))

    async def _fill(self, jobs: int, applications: int, views_per_job: int) -> None:
        first = self._first
        async with EventStore(self._system.database_url) as store:
            if not self.own_jobs:
                self.own_jobs = await open_jobs(store, first.company_id, first.id, self._sizes.company_jobs)
            missing = jobs - len(self.own_jobs) - len(self.other_jobs)
            shares = [
                await open_jobs(store, o.company_id, o.id, missing // len(self._others)) for o in self._others
            ]
            self.other_jobs += itertools.chain.from_iterable(zip(*shares, strict=True))
            per_job = (applications - len(self.applications)) // len(self.own_jobs)
            self.applications += await traffic(
                store, first.company_id, self.own_jobs, views=views_per_job, applications=per_job
            )
        settle(self._system.database_url)


def queries(token: str) -> Mapping[str, bytes]:
    """What is asked: the lists and a search, each a first page."""
    return {
        "GET /jobs": request("GET", "/jobs"),
        "GET /jobs?q=rust": request("GET", "/jobs?q=rust"),
        "GET /applications": request("GET", "/applications", token=token),
    }


def dashboards(token: str) -> Mapping[str, bytes]:
    """The dashboard's figures and its chart."""
    return {
        "GET /dashboard/jobs": request("GET", "/dashboard/jobs", token=token),
        "GET /dashboard/chart": request("GET", "/dashboard/chart", token=token),
    }


def asked(url: str, requests: Mapping[str, bytes], rounds: int, seconds: float) -> dict[str, Sample]:
    """The median of each query over interleaved rounds, after a first short one that warms whatever is cached."""
    cases = {name: partial(_ask, url, content) for name, content in requests.items()}
    interleaved(cases, 1, _WARM_UP_SECONDS)
    return {name: middle(samples) for name, samples in interleaved(cases, rounds, seconds).items()}


def _ask(url: str, content: bytes, seconds: float) -> Sample:
    repeated = itertools.repeat(content)
    measured = uvloop.run(closed_loop(url, repeated, connections=CONNECTIONS, seconds=seconds))
    return measured.expect(200).sample
