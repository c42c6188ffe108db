"""The log's writes: our group commit against pgbench's plain INSERTs and the stock `eventsourcing` recorder."""

import asyncio
import time
from functools import partial
from uuid import UUID, uuid4

import uvloop

from application.recorded import Append, NewEvent, StreamPart
from benchmarks import pgbench, report, stock
from benchmarks.report import Figure, Report, Target
from benchmarks.sample import Rounds, Sample, interleaved, middle, ratio, sample
from benchmarks.servers import conditions, empty_database, migrated_database, servers
from domain.identifiers import random_id, tenant_id
from infrastructure.event_store import EventStore

_EVENT = NewEvent("BenchmarkRun", b'{"type":"BenchmarkRun","text":"' + b"x" * 167 + b'"}')
_WARM_UP_SECONDS = 0.3


def appends(database_url: str, concurrent: int, tenants: int, seconds: float) -> Sample:
    """`concurrent` clients, each appending one event after the other, spread over new logs of `tenants` tenants."""
    return uvloop.run(_appends(database_url, concurrent, tenants, seconds))


async def _appends(database_url: str, concurrent: int, tenants: int, seconds: float) -> Sample:
    logs = [tenant_id(uuid4()) for _ in range(tenants)]
    shares = [logs[number::concurrent] or [logs[number % tenants]] for number in range(concurrent)]
    async with EventStore(database_url) as store:
        began = time.perf_counter() + _WARM_UP_SECONDS
        clients = (_client(store, share, began, began + seconds) for share in shares)
        latencies = [latency for own in await asyncio.gather(*clients) for latency in own]
    return sample(latencies, seconds)


async def _client(store: EventStore, tenants: list[UUID], start: float, stop: float) -> list[float]:
    """Append to an own stream in each of the tenants, one by one; the latencies of what began after `start`."""
    streams = [(tenant, random_id(tenant, uuid4())) for tenant in tenants]
    latencies: list[float] = []
    version = 0
    while True:
        for tenant, stream in streams:
            append = Append(tenant, (StreamPart(stream, version, (_EVENT,)),), command_id=uuid4())
            began = time.perf_counter()
            if began >= stop:
                return latencies
            await store.append(append)
            if began >= start:
                latencies.append(time.perf_counter() - began)
        version += 1


def measure(quick: bool) -> Report:
    """Every case in interleaved rounds on one server."""
    rounds, seconds = (1, 1.0) if quick else (5, 3.0)
    with servers() as running:
        own, plain = migrated_database(running, "appends"), empty_database(running, "comparators")
        cases = {
            "pgbench 1": partial(pgbench.inserts, plain, 1),
            "ours 1x1": partial(appends, own, 1, 1),
            "ours 1x20": partial(appends, own, 1, 20),
            "stock 1": partial(stock.inserts, plain, 1),
            "stock 16": partial(stock.inserts, plain, 16),
            "ours 16x1": partial(appends, own, 16, 1),
            "ours 16x20": partial(appends, own, 16, 20),
            "ours 64x1": partial(appends, own, 64, 1),
            "pgbench 16": partial(pgbench.inserts, plain, 16),
            "ours 256x1": partial(appends, own, 256, 1),
            "ours 256x20": partial(appends, own, 256, 20),
            "ours 64x20": partial(appends, own, 64, 20),
        }
        note = conditions(running)
        found = interleaved(cases, rounds, seconds)
    return _report(found, [note, f"200-byte events; {rounds} interleaved rounds of {seconds:g} s; medians"])


def _report(found: Rounds, notes: list[str]) -> Report:
    def compared(ours: str, theirs: str) -> float:
        return ratio([one.per_second for one in found[ours]], [one.per_second for one in found[theirs]])

    alone = ratio([one.median_ms for one in found["ours 1x1"]], [one.median_ms for one in found["pgbench 1"]])
    return Report(
        title="Appending to the log",
        notes=[*notes, "ours NxT: N concurrent appends over T tenants; stock N: threads; pgbench N: clients"],
        figures=[_figure(name, middle(samples)) for name, samples in found.items()],
        targets=[
            Target("64 appends, 1 tenant / pgbench 16", compared("ours 64x1", "pgbench 16"), 0.8),
            Target("256 appends, 1 tenant / pgbench 16", compared("ours 256x1", "pgbench 16"), 1.5),
            Target("256 appends, 20 tenants / pgbench 16", compared("ours 256x20", "pgbench 16"), 1.0),
            Target("16 appends, 1 tenant / stock 16", compared("ours 16x1", "stock 16"), 7.0),
            Target("single append's median latency / pgbench 1", alone, 2.5, at_least=False),
        ],
    )


def _figure(name: str, one: Sample) -> Figure:
    return Figure(
        name, one.per_second, "appends/s", f"median {one.median_ms:.2f} ms, p99 {one.p99_ms:.2f} ms"
    )


if __name__ == "__main__":
    report.run("Appending to the log, against pgbench and the stock recorder.", [measure])
