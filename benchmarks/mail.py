"""Mail: what its delivery, and the storing of effects before it, cost commands."""

import itertools
import time
from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import msgspec
import psutil
import psycopg
import uvloop
from psycopg_pool import ConnectionPool

from benchmarks import people, report
from benchmarks.load import open_loop, request
from benchmarks.processes import free_port, process, python, wait_for
from benchmarks.report import Figure, Report, Target
from benchmarks.sample import Sample, interleaved, middle, ratio
from benchmarks.seed import history, open_jobs
from benchmarks.servers import conditions, migrated_database, servers
from benchmarks.system import System, system
from domain.identifiers import tenant_id
from infrastructure.database.connection_pools import projection_pool
from infrastructure.event_store import EventStore
from infrastructure.mail.effects_projector import EffectsProjector
from infrastructure.servers.embedded import Servers

_COMPANIES: Final = 10
_JOBS_EACH: Final = 10
_PER_SECOND: Final = 200.0
_MAILS_PER_SECOND: Final = 25
_APPLICATION: Final = {
    "skills": ["python"],
    "experience_years": 4,
    "expected_salary": 70000,
    "currency": "EUR",
}


class Plan(msgspec.Struct, frozen=True):
    """Rounds of applying with and without mail going out; events of which the effects are stored."""

    rounds: int
    seconds: float
    jobs: int


_FULL: Final = Plan(rounds=5, seconds=10.0, jobs=1_000)
_QUICK: Final = Plan(rounds=1, seconds=3.0, jobs=20)


class Going(msgspec.Struct, frozen=True):
    """One case: applications at a fixed rate while mail goes out, or while all mail is held back."""

    system: System
    requests: Iterator[bytes]
    mail: bool

    def __call__(self, seconds: float) -> Sample:
        hold = "now()" if self.mail else "now() + interval '1 hour'"
        _execute(self.system.database_url, f"update mail_pace set next_at = now(), held_until = {hold}")
        before = sent(self.system.database_url)
        measured = uvloop.run(
            open_loop(self.system.url, self.requests, per_second=_PER_SECOND, seconds=seconds)
        ).expect(201)
        count = sent(self.system.database_url) - before
        expected = seconds * _MAILS_PER_SECOND if self.mail else 0
        if abs(count - expected) > 0.2 * expected + 10:
            raise RuntimeError(f"{count} mails went out in {seconds:g} s, not {expected:g}")
        return measured.sample


def measure(quick: bool) -> Report:
    """One API process and one worker; the provider is a process on the same machine that takes every mail."""
    plan = _QUICK if quick else _FULL
    port = free_port()
    provider = f"http://127.0.0.1:{port}"
    settings = {
        "SENDGRID_API_KEY": "SG.benchmark",
        "HIRELOG_SENDGRID_URL": provider,
        "HIRELOG_MAIL_FROM": "Hirelog <jobs@example.com>",
        "HIRELOG_MAIL_PER_SECOND": str(_MAILS_PER_SECOND),
    }
    with servers() as running:
        note = conditions(running)
        storing = _storing(running, plan)
        with process(python("-m", "benchmarks.mail_provider", str(port)), {}) as started:
            wait_for(provider, started)
            with system(running, "mail", settings) as whole:
                needed = round(_PER_SECOND * plan.seconds * (plan.rounds * 2 + 1))
                requests = uvloop.run(_applications(whole, needed))
                without = Going(whole, requests, mail=False)
                without(plan.seconds)
                cases = {"without mail": without, "while mail goes out": Going(whole, requests, mail=True)}
                rounds = interleaved(cases, plan.rounds, plan.seconds)
                mails = sent(whole.database_url)
    p99 = {name: [one.p99_ms for one in samples] for name, samples in rounds.items()}
    slower = ratio(p99["while mail goes out"], p99["without mail"])
    return Report(
        title="Mail",
        notes=[
            note,
            f"apply at {_PER_SECOND:g}/s over {_COMPANIES} companies, {plan.rounds} rounds of {plan.seconds:g} s each way",
            f"{mails:,} mails went out at {_MAILS_PER_SECOND}/s through SendGrid's client",
        ],
        figures=[
            *(_figure(f"apply, {name}", middle(samples)) for name, samples in rounds.items()),
            *storing,
        ],
        targets=[Target("apply p99, with mail / without", slower, 1.5, at_least=False)],
    )


def _figure(name: str, one: Sample) -> Figure:
    return Figure(name, one.p99_ms, "ms p99", f"median {one.median_ms:.1f} ms, {one.per_second:.0f}/s")


def _storing(running: Servers, plan: Plan) -> list[Figure]:
    """Effects of a long log, stored at once: how fast, and what an event costs."""
    url = migrated_database(running, "effects")
    uvloop.run(_history(url, plan.jobs))
    with projection_pool(url, 1) as pool:
        backend = psutil.Process(_backend(pool))
        before = _cpu(backend)
        began, ours = time.perf_counter(), time.process_time()
        events = EffectsProjector(pool).drain()
        seconds, ours = time.perf_counter() - began, time.process_time() - ours
        theirs = _cpu(backend) - before
    ((effects,),) = _execute(url, "select count(*) from effect")
    about = f"{ours / events * 1e6:.0f} us here and {theirs / events * 1e6:.0f} us in PostgreSQL an event"
    return [
        Figure(
            "effects, events read",
            events / seconds,
            "events/s",
            f"{effects:,} effects of {events:,} events; {about}",
        )
    ]


async def _history(url: str, jobs: int) -> None:
    async with EventStore(url) as store:
        await history(store, tenant_id(uuid4()), jobs)


async def _applications(whole: System, count: int) -> Iterator[bytes]:
    """That many requests, each of another pair of candidate and job."""
    founders = await people.founders(whole.url, _COMPANIES)
    async with EventStore(whole.database_url) as store:
        jobs = [job for one in founders for job in await open_jobs(store, one.company_id, one.id, _JOBS_EACH)]
    tokens = await people.candidates(whole.url, -(-count // len(jobs)))
    return (
        request("POST", f"/jobs/{job}/apply", token=token, body=_APPLICATION)
        for token, job in itertools.product(tokens, jobs)
    )


def sent(database_url: str) -> int:
    """How many mails were sent in all."""
    ((count,),) = _execute(database_url, "select sent from mail_pace")
    assert isinstance(count, int)
    return count


def _execute(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _backend(pool: ConnectionPool[Any]) -> int:
    with pool.connection() as connection:
        pid: int = connection.info.backend_pid
        return pid


def _cpu(one: psutil.Process) -> float:
    times = one.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    report.run("Mail: what its delivery costs commands.", [measure])
