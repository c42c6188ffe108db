"""Logins: what a flood of them does to everybody else, and whether the time of an answer tells who is registered."""

import asyncio
import itertools
import random
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import uuid4

import msgspec
import uvloop

from api.loading.client import Client
from benchmarks import people, report
from benchmarks.load import Measured, closed_loop, open_loop, request
from benchmarks.report import Figure, Report, Target
from benchmarks.sample import Sample, middle, percentile, ratio
from benchmarks.seed import open_jobs
from benchmarks.servers import conditions, servers
from benchmarks.system import System, system, wait_until_projected
from infrastructure.event_store import EventStore

_PASSWORD: Final = "a long enough password"
_LOGINS_PER_SECOND: Final = 50.0
_QUERIES_PER_SECOND: Final = 50.0
_JOBS: Final = 1_000
_SLOWER: Final = 2.0
_TOLD: Final = 0.05


class Plan(msgspec.Struct, frozen=True):
    """Rounds of so many seconds with and without the flood; `answers` of each kind whose times are compared."""

    rounds: int
    seconds: float
    answers: int


_FULL: Final = Plan(rounds=5, seconds=8.0, answers=1_500)
_QUICK: Final = Plan(rounds=1, seconds=2.0, answers=100)


def flood(quick: bool) -> Report:
    """`GET /jobs` at a fixed rate, alone and beside 50 logins a second, half of them with a wrong password."""
    plan = _QUICK if quick else _FULL
    with servers() as running, system(running, "flood", {"HIRELOG_BCRYPT_COST": "10"}) as whole:
        note = conditions(running)
        uvloop.run(_fill(whole))
        addresses = uvloop.run(_accounts(whole.url, 4))
        idle: list[Sample] = []
        flooded: list[Sample] = []
        logins = Measured()
        for _ in range(plan.rounds):
            idle.append(uvloop.run(_queries(whole.url, plan.seconds)).sample)
            queries, tried = uvloop.run(_beside_logins(whole.url, addresses, plan.seconds))
            flooded.append(queries.sample)
            logins.statuses.update(tried.statuses)
            logins.seconds += tried.seconds
            logins.latencies += tried.latencies
    alone, beside = middle(idle), middle(flooded)
    rate = " and ".join(
        f"{count / logins.seconds:.1f}/s {status}" for status, count in sorted(logins.statuses.items())
    )
    return Report(
        title="A flood of logins",
        notes=[
            note,
            f"GET /jobs {_QUERIES_PER_SECOND:g}/s on {_JOBS:,} open jobs; bcrypt cost 10; {plan.rounds} rounds of {plan.seconds:g} s each way, in turns",
            f"{_LOGINS_PER_SECOND:g} logins/s, half of them with a wrong password: answered {rate}",
        ],
        figures=[
            Figure("GET /jobs alone, p99", alone.p99_ms, "ms", f"median {alone.median_ms:.1f} ms"),
            Figure(
                "GET /jobs beside 50 logins/s, p99", beside.p99_ms, "ms", f"median {beside.median_ms:.1f} ms"
            ),
            Figure(
                "a login in the flood, median",
                statistics.median(logins.latencies) * 1e3,
                "ms",
                "refused ones too",
            ),
        ],
        targets=[
            Target(
                "GET /jobs p99, beside 50 logins/s / alone",
                ratio([one.p99_ms for one in flooded], [one.p99_ms for one in idle]),
                _SLOWER,
                at_least=False,
            )
        ],
    )


async def _fill(whole: System) -> None:
    (founder,) = await people.founders(whole.url, 1)
    async with EventStore(whole.database_url) as store:
        await open_jobs(store, founder.company_id, founder.id, _JOBS)
    await asyncio.to_thread(wait_until_projected, whole.database_url)


async def _accounts(url: str, count: int) -> list[str]:
    addresses = [f"{uuid4().hex}@example.com" for _ in range(count)]
    async with Client(url) as client:
        for address in addresses:
            await client.register(address, _PASSWORD, "Cy")
    return addresses


async def _queries(url: str, seconds: float) -> Measured:
    asked = itertools.repeat(request("GET", "/jobs"))
    measured = await open_loop(url, asked, per_second=_QUERIES_PER_SECOND, seconds=seconds)
    return measured.expect(200)


async def _beside_logins(url: str, addresses: Sequence[str], seconds: float) -> tuple[Measured, Measured]:
    tried = (
        _login(address, password)
        for address in itertools.cycle(addresses)
        for password in (_PASSWORD, "wrong")
    )
    logins = asyncio.create_task(
        open_loop(url, tried, per_second=_LOGINS_PER_SECOND, seconds=seconds + 1, connections=64)
    )
    await asyncio.sleep(1)  # until the queue is full
    queries = await _queries(url, seconds)
    return queries, (await logins).expect(200, 401, 503)


def _login(address: str, password: str) -> bytes:
    return request("POST", "/auth/login", body={"email": address, "password": password})


def _register(address: str, **company: str) -> bytes:
    person = {"email": address, "password": _PASSWORD, "name": "Cy"}
    return request("POST", "/auth/register", body=person | company)


def times(quick: bool) -> Report:
    """Answers to known and unknown addresses, one after the other in random order, with the cheapest hash: what is left
    beside it is what could tell them apart."""
    plan = _QUICK if quick else _FULL
    with servers() as running, system(running, "times") as whole:
        note = conditions(running)
        addresses = uvloop.run(_accounts(whole.url, 4))
        found = {
            "login, wrong password": uvloop.run(
                _compared(
                    whole.url,
                    (_login(address, "wrong") for address in itertools.cycle(addresses)),
                    (_login(f"{uuid4().hex}@example.com", "wrong") for _ in itertools.count()),
                    plan.answers,
                )
            ),
            "registration": uvloop.run(
                _compared(
                    whole.url,
                    (_register(address) for address in itertools.cycle(addresses)),
                    (_register(f"{uuid4().hex}@example.com") for _ in itertools.count()),
                    plan.answers,
                )
            ),
            "registration of a company": uvloop.run(
                _compared(
                    whole.url,
                    (_register(address, company_name="Acme") for address in itertools.cycle(addresses)),
                    (_register(f"{uuid4().hex}@example.com", company_name="Acme") for _ in itertools.count()),
                    plan.answers,
                )
            ),
        }
    return Report(
        title="Who is registered, by the time of an answer",
        notes=[
            note,
            f"{plan.answers} answers of each kind; a guess by time is right with probability 0.5 when time tells nothing",
        ],
        figures=[
            Figure(
                f"{name}: median known - unknown",
                (statistics.median(known) - statistics.median(unknown)) * 1e3,
                "ms",
                f"known {_spread(known)}, unknown {_spread(unknown)}",
            )
            for name, (known, unknown) in found.items()
        ],
        targets=[
            Target(
                f"{name}: |P(guess is right) - 0.5|",
                abs(_slower(known, unknown) - 0.5),
                _TOLD,
                unit="",
                at_least=False,
            )
            for name, (known, unknown) in found.items()
        ],
    )


async def _compared(
    url: str, known: Iterator[bytes], unknown: Iterator[bytes], count: int
) -> tuple[list[float], list[float]]:
    """The times in seconds of answers about known and about unknown addresses."""
    kinds = [True, False] * count
    random.shuffle(kinds)
    content = iter([next(known if kind else unknown) for kind in kinds])
    measured = (await closed_loop(url, content, connections=1)).expect(201, 401)
    found: tuple[list[float], list[float]] = ([], [])
    for kind, latency in zip(kinds, measured.latencies, strict=True):
        found[not kind].append(latency)
    return found


def _slower(ones: Sequence[float], others: Sequence[float]) -> float:
    """The probability that one of the first takes longer than one of the second (Mann and Whitney's statistic)."""
    ordered = sorted(others)
    wins = sum((bisect_left(ordered, one) + bisect_right(ordered, one)) / 2 for one in ones)
    return wins / (len(ones) * len(others))


def _spread(latencies: Sequence[float]) -> str:
    ordered = sorted(latencies)
    return f"{percentile(ordered, 25) * 1e3:.2f}..{percentile(ordered, 75) * 1e3:.2f} ms"


if __name__ == "__main__":
    report.run("Logins: a flood of them, and what their time tells.", [flood, times])
