"""The read models: how fast one is rebuilt, with how much memory, and how soon after a command its row can be read."""

import statistics
import subprocess
from typing import Final
from uuid import UUID, uuid4

import msgspec
import uvloop

from benchmarks import lag, report, stock_projection
from benchmarks.lag import Lags
from benchmarks.processes import python
from benchmarks.rebuild_once import Measurement
from benchmarks.report import Figure, Report, Target
from benchmarks.sample import percentile, ratio
from benchmarks.seed import history
from benchmarks.servers import conditions, empty_database, migrated_database, servers
from benchmarks.shape import EVENTS_PER_JOB
from benchmarks.system import system
from domain.identifiers import tenant_id
from infrastructure.event_store import EventStore
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.servers.embedded import Servers
from projections.menu import MENU

_MODEL: Final = "job_dashboard"
_COMMANDS_PER_SECOND: Final = 500.0
_LINGER_SECONDS: Final = 1.0


class Plan(msgspec.Struct, frozen=True):
    """How much to do; events are those of one log at the small, the middle and the large rebuild."""

    events: tuple[int, int, int]
    stock_jobs: int
    rounds: int
    load_seconds: float
    idle_rounds: int


_FULL: Final = Plan((100_000, 300_000, 1_000_000), stock_jobs=10, rounds=3, load_seconds=20.0, idle_rounds=30)
_QUICK: Final = Plan((5_000, 15_000, 50_000), stock_jobs=2, rounds=1, load_seconds=3.0, idle_rounds=3)


class Rebuilds(msgspec.Struct):
    """The rebuilds of each size, and the stock runner's events per second beside those of the middle size."""

    small: list[Measurement] = []
    middle: list[Measurement] = []
    large: list[Measurement] = []
    stock: list[float] = []


def measure(quick: bool) -> Report:
    """Rebuilds of a growing log beside the stock runner; then the whole system under a steady load, and idle.

    That on a server of its own: the first one goes on to vacuum a million events.
    """
    plan = _QUICK if quick else _FULL
    with servers() as running:
        note = conditions(running)
        rebuilds = _rebuilds(running, plan)
    settings = {"HIRELOG_PROJECTION_LINGER_SECONDS": str(_LINGER_SECONDS)}
    with servers() as running, system(running, "lag", settings) as whole:
        lags = uvloop.run(
            lag.measure(
                whole,
                per_second=_COMMANDS_PER_SECOND,
                seconds=plan.load_seconds,
                idle_rounds=plan.idle_rounds,
                linger_seconds=_LINGER_SECONDS,
            )
        )
    return _report(note, plan, rebuilds, lags)


def _rebuilds(running: Servers, plan: Plan) -> Rebuilds:
    database_url = migrated_database(running, "rebuilds")
    ensure_read_models(database_url, MENU)
    found = Rebuilds()
    company, size = tenant_id(uuid4()), 0
    for wanted, outcomes in zip(plan.events, (found.small, found.middle, found.large), strict=True):
        jobs = -(-(wanted - size) // EVENTS_PER_JOB)
        size += jobs * EVENTS_PER_JOB
        uvloop.run(_grow(database_url, company, jobs))
        for number in range(plan.rounds):
            outcomes.append(_rebuild(database_url))
            assert outcomes[-1].events == size
            if outcomes is found.middle:
                stock = empty_database(running, f"stock{number}")
                found.stock.append(stock_projection.events_per_second(stock, plan.stock_jobs))
    return found


async def _grow(database_url: str, company: UUID, jobs: int) -> None:
    async with EventStore(database_url) as store:
        await history(store, company, jobs)


def _rebuild(database_url: str) -> Measurement:
    command = python("-m", "benchmarks.rebuild_once", database_url, _MODEL)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Measurement)


def _report(note: str, plan: Plan, rebuilds: Rebuilds, lags: Lags) -> Report:
    loaded, idle = sorted(lags.loaded), sorted(lags.idle)
    speeds = [one.per_second for one in rebuilds.middle]
    small, large = (_peak(measured) for measured in (rebuilds.small, rebuilds.large))
    events = rebuilds.middle[0].events
    return Report(
        title="Read models",
        notes=[
            note,
            f"rebuild of {_MODEL}: one log of {events:,} events of interleaved jobs, median of {plan.rounds} rounds",
            "stock: eventsourcing's ProjectionRunner on the same server, the same counters, one transaction an event",
            f"lag: HTTP applications at {_COMMANDS_PER_SECOND:g}/s over 5 companies until application_list has the row",
            "lag and idle: on a server of their own",
            f"idle: nobody asks for {_LINGER_SECONDS + 1:g} s, projectors linger {_LINGER_SECONDS:g} s",
        ],
        figures=[
            Figure("rebuild", statistics.median(speeds), "events/s"),
            Figure("stock ProjectionRunner", statistics.median(rebuilds.stock), "events/s"),
            Figure("peak memory", small, "MiB", f"rebuild of {rebuilds.small[0].events:,} events"),
            Figure("peak memory", large, "MiB", f"rebuild of {rebuilds.large[0].events:,} events"),
            Figure(
                "commands",
                lags.load.sample.per_second,
                "commands/s",
                "acknowledged, during the lag measurement",
            ),
            Figure("lag, median", percentile(loaded, 50) * 1e3, "ms", "under load"),
            Figure("lag, p99", percentile(loaded, 99) * 1e3, "ms", "under load"),
            Figure("lag after idling, median", percentile(idle, 50) * 1e3, "ms"),
            Figure("lag after idling, p99", percentile(idle, 99) * 1e3, "ms", f"of {len(idle)}"),
        ],
        targets=[
            Target("rebuild / stock ProjectionRunner", ratio(speeds, rebuilds.stock), 100.0),
            Target("peak memory, large rebuild / small", large / small, 1.25, at_least=False),
            Target("lag, median", percentile(loaded, 50) * 1e3, 25.0, "ms", at_least=False),
            Target("lag, p99", percentile(loaded, 99) * 1e3, 150.0, "ms", at_least=False),
            Target("lag after idling, p99", percentile(idle, 99) * 1e3, 1000.0, "ms", at_least=False),
        ],
    )


def _peak(rebuilds: list[Measurement]) -> float:
    return statistics.median(one.peak_mib for one in rebuilds)


if __name__ == "__main__":
    report.run("Read models: rebuild, memory and lag.", [measure])
