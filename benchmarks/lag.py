"""How long after its acknowledgement a command's row can be read."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from benchmarks import people
from benchmarks.load import Measured, closed_loop, open_loop, request
from benchmarks.seed import open_jobs
from benchmarks.system import System, wait_until_projected
from infrastructure.event_store import EventStore

_COMPANIES: Final = 5
_JOBS_EACH: Final = 10
_POLL_SECONDS: Final = 0.001
_IDLE_MARGIN_SECONDS: Final = 1.0
_APPLICATION: Final = {
    "skills": ["python", "sql"],
    "experience_years": 4,
    "expected_salary": 70000,
    "currency": "EUR",
}
_REACHED: Final = """
select checkpoint.tenant_id, checkpoint.position
from projection join projection_checkpoint as checkpoint using (name, build)
where projection.name = %s and checkpoint.tenant_id = any(%s)
"""


class Acknowledged(msgspec.Struct):
    """What an answer to an application says of its place."""

    company_id: UUID
    position: int


class Observer:
    """Watches a read model's checkpoints, which move in the transaction of its rows, about every millisecond."""

    def __init__(self, model: str, tenants: list[UUID]) -> None:
        self._model = model
        self._tenants = tenants
        self._waiting: dict[UUID, list[tuple[int, float]]] = {tenant: [] for tenant in tenants}
        self._done = False
        self.lags: list[float] = []

    def answered(self, status: int, body: bytes, moment: float) -> None:
        """An application was acknowledged at `moment`."""
        if status == 201:
            where = msgspec.json.decode(body, type=Acknowledged)
            heapq.heappush(self._waiting[where.company_id], (where.position, moment))

    def finish(self) -> None:
        """Nothing more comes: `watch` ends when everything is readable."""
        self._done = True

    async def watch(self, database_url: str) -> None:
        """Note how long each acknowledged position waited until a look at the read model found it."""
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            connection.prepare_threshold = 0
            while any(self._waiting.values()) or not self._done:
                await self._look(connection)
                await asyncio.sleep(_POLL_SECONDS)

    async def _look(self, connection: psycopg.AsyncConnection[Any]) -> None:
        cursor = await connection.execute(_REACHED, (self._model, self._tenants))
        reached = await cursor.fetchall()
        now = time.perf_counter()
        for tenant, position in reached:
            waiting = self._waiting[tenant]
            while waiting and waiting[0][0] <= position:
                self.lags.append(now - heapq.heappop(waiting)[1])


class Lags(msgspec.Struct, frozen=True):
    """Seconds of each command: under load, and one by one after idling; and how the load went."""

    loaded: list[float]
    idle: list[float]
    load: Measured


async def measure(
    system: System, *, per_second: float, seconds: float, idle_rounds: int, linger_seconds: float
) -> Lags:
    """Applications at a fixed rate over a few companies, then single ones to a system that has gone to sleep."""
    warm_up = 2.0
    needed = round(per_second * (seconds + warm_up)) + idle_rounds
    requests, tenants = await _applications(system, needed)
    await asyncio.to_thread(wait_until_projected, system.database_url)
    await open_loop(system.url, requests, per_second=per_second, seconds=warm_up)
    loaded = Observer("application_list", tenants)
    async with asyncio.TaskGroup() as running:
        running.create_task(loaded.watch(system.database_url))
        load = await open_loop(
            system.url, requests, per_second=per_second, seconds=seconds, answered=loaded.answered
        )
        loaded.finish()
    idle: list[float] = []
    for _ in range(idle_rounds):
        await asyncio.sleep(linger_seconds + _IDLE_MARGIN_SECONDS)
        idle += await _one(system, next(requests), tenants)
    return Lags(loaded.lags, idle, load.expect(201))


async def _one(system: System, content: bytes, tenants: list[UUID]) -> list[float]:
    observer = Observer("application_list", tenants)
    async with asyncio.TaskGroup() as running:
        running.create_task(observer.watch(system.database_url))
        done = await closed_loop(system.url, iter([content]), connections=1, answered=observer.answered)
        observer.finish()
    done.expect(201)
    return observer.lags


async def _applications(system: System, count: int) -> tuple[Iterator[bytes], list[UUID]]:
    """That many requests, each of another pair of candidate and job, and the companies that they concern."""
    founders = await people.founders(system.url, _COMPANIES)
    async with EventStore(system.database_url) as store:
        jobs = [job for one in founders for job in await open_jobs(store, one.company_id, one.id, _JOBS_EACH)]
    tokens = await people.candidates(system.url, -(-count // len(jobs)))
    requests = (
        request("POST", f"/jobs/{job}/apply", token=token, body=_APPLICATION)
        for token, job in itertools.product(tokens, jobs)
    )
    return requests, [one.company_id for one in founders]
