"""HTTP: commands against a no-op and against a conventional service, lists on few and on many rows."""

import itertools
import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

import msgspec
import uvloop

from benchmarks import conventional, people, report
from benchmarks.lists import Data, Sizes, asked, dashboards, queries
from benchmarks.processes import free_port, process, python, uvicorn, wait_for
from benchmarks.report import Figure, Report, Target
from benchmarks.sample import Rounds, Sample, interleaved, middle, ratio
from benchmarks.servers import conditions, empty_database, servers
from benchmarks.system import System, system
from benchmarks.writes import CONNECTIONS, Commands, applications, stage_changes, yardsticks
from infrastructure.servers.embedded import Servers

_COMPANIES: Final = 11
_FLAT: Final = 1.5
_BARE: Final = "no-op that appends one event"
_SPREAD: Final = f"apply, {_COMPANIES - 1} companies"


class Plan(msgspec.Struct, frozen=True):
    """How much data there is and how long each case runs; candidates x `applied_jobs` applications can be made."""

    sizes: Sizes
    candidates: int
    applied_jobs: int
    rounds: int
    seconds: float


_FULL: Final = Plan(
    Sizes(1_000, (1_000, 10_000, 100_000), (1_000, 100_000), views_per_job=150),
    400,
    400,
    rounds=5,
    seconds=4.0,
)
_QUICK: Final = Plan(
    Sizes(100, (100, 500, 2_000), (100, 4_000), views_per_job=10), 40, 200, rounds=1, seconds=1.0
)


def measure(quick: bool) -> Report:
    """One API process with a worker beside it, 32 connections, closed loop."""
    plan = _QUICK if quick else _FULL
    with servers() as running, system(running, "http") as whole:
        note = conditions(running)
        founders = uvloop.run(people.founders(whole.url, _COMPANIES))
        data = Data(whole, founders, plan.sizes)
        asking = queries(data.token)
        data.small()
        small = asked(whole.url, asking, plan.rounds, plan.seconds)
        data.middle()
        browsed = {"GET /jobs": asking["GET /jobs"], **dashboards(data.token)}
        at_middle = asked(whole.url, browsed, plan.rounds, plan.seconds)
        data.large()
        large = asked(whole.url, asking, plan.rounds, plan.seconds)
        written = _writes(running, whole, data, plan)
    return _report(note, plan, (small, at_middle, large), written)


def _writes(running: Servers, whole: System, data: Data, plan: Plan) -> Rounds:
    tokens = uvloop.run(people.candidates(whole.url, plan.candidates))
    applies = applications(tokens, data.own_jobs[: plan.applied_jobs])
    spread = applications(tokens, data.other_jobs[: plan.applied_jobs])
    moves = stage_changes(data.token, data.applications)
    with ExitStack() as stack:
        noop_url = stack.enter_context(_noop(whole))
        other_url, other_applies = stack.enter_context(_conventional(running, plan))
        cases = {
            "no-op POST": Commands(noop_url, yardsticks("/noop", data.token), 201, whole.database_url),
            _BARE: Commands(noop_url, yardsticks("/append", data.token), 201, whole.database_url),
            "apply": Commands(whole.url, applies, 201, whole.database_url),
            _SPREAD: Commands(whole.url, spread, 201, whole.database_url),
            "conventional apply": Commands(other_url, other_applies, 201, whole.database_url),
            "stage change": Commands(whole.url, moves, 200, whole.database_url),
        }
        return interleaved(cases, plan.rounds, plan.seconds)


@contextmanager
def _noop(whole: System) -> Generator[str]:
    port = free_port()
    environment = {**whole.environment, "HIRELOG_PORT": str(port)}
    with process(python("-m", "benchmarks.noop"), environment) as started:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health/live", started)
        yield url


@contextmanager
def _conventional(running: Servers, plan: Plan) -> Generator[tuple[str, list[bytes]]]:
    """The comparator's address, and as many applications to it as it could possibly take."""
    database_url, secret_key, port = (
        empty_database(running, "conventional"),
        secrets.token_urlsafe(48),
        free_port(),
    )
    users, jobs = uvloop.run(conventional.seed(database_url, plan.candidates, plan.applied_jobs))
    environment = {"DATABASE_URL": database_url, "SECRET_KEY": secret_key}
    with process(uvicorn("benchmarks.conventional:app", port), environment) as started:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/docs", started)
        yield url, applications([conventional.token(secret_key, user) for user in users], jobs)


def _report(note: str, plan: Plan, lists: tuple[dict[str, Sample], ...], written: Rounds) -> Report:
    small, at_middle, large = lists
    sizes = plan.sizes

    def compared(ours: str, theirs: str) -> float:
        return ratio([one.per_second for one in written[ours]], [one.per_second for one in written[theirs]])

    spread = (
        f"{_SPREAD}: {compared(_SPREAD, 'no-op POST'):.2f} of the no-op,"
        f" {compared(_SPREAD, 'conventional apply'):.1f} times the conventional one"
    )
    bare = f"{_BARE}: {compared(_BARE, 'no-op POST'):.2f} of the no-op"
    rows = {
        "GET /jobs": sizes.open_jobs,
        "GET /jobs?q=rust": sizes.open_jobs,
        "GET /applications": sizes.applications,
    }
    figures = [_figure(name, middle(samples), "") for name, samples in written.items()]
    figures += [_figure(name, at_middle[name], _middle_about(name, sizes)) for name in at_middle]
    for (name, counts), (found, which) in itertools.product(rows.items(), ((small, 0), (large, -1))):
        figures.append(_figure(name, found[name], f"{counts[which]:,} rows"))
    flat = ("GET /jobs", "GET /applications")
    return Report(
        title="HTTP",
        notes=[
            note,
            f"1 API process, 1 worker process, {CONNECTIONS} connections; {plan.rounds} rounds of {plan.seconds:g} s",
            "the database is vacuumed and analyzed after each growth of the data, as autovacuum does within a minute",
            "apply: to jobs of one company, because the conventional service knows no companies",
            spread,
            bare,
            "conventional: FastAPI + SQLAlchemy (async) + psycopg, 1 uvicorn process, same server, 32 connections to it",
        ],
        figures=figures,
        targets=[
            Target("apply / no-op", compared("apply", "no-op POST"), 0.5),
            Target("apply / conventional apply", compared("apply", "conventional apply"), 8.0),
            Target("stage change / no-op", compared("stage change", "no-op POST"), 0.4),
            *(
                Target(
                    f"{name} p99, {rows[name][-1]:,} rows / {rows[name][0]:,}",
                    large[name].p99_ms / small[name].p99_ms,
                    _FLAT,
                    at_least=False,
                )
                for name in flat
            ),
        ],
    )


def _middle_about(name: str, sizes: Sizes) -> str:
    if name == "GET /jobs":
        return f"{sizes.open_jobs[1]:,} open jobs"
    return f"{sizes.company_jobs:,} jobs, {sizes.applications[1]:,} applications"


def _figure(name: str, one: Sample, about: str) -> Figure:
    latencies = f"median {one.median_ms:.1f} ms, p99 {one.p99_ms:.1f} ms"
    return Figure(name, one.per_second, "requests/s", f"{latencies}{'; ' if about else ''}{about}")


if __name__ == "__main__":
    report.run("HTTP: commands, lists, dashboard and chart.", [measure])
