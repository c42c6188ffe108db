"""The search for jobs over HTTP: 100,000 open jobs, a varied set of queries, and the same questions by plain ILIKE."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Final, LiteralString
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import msgspec
import psycopg
import uvloop

from api.command_line.up import command
from benchmarks import people, report
from benchmarks.load import closed_loop, open_loop, request
from benchmarks.people import Founder
from benchmarks.postings import invented_words, postings
from benchmarks.processes import process
from benchmarks.relevance_data import EVERY_WORD
from benchmarks.report import Figure, Report, Target
from benchmarks.sample import Rounds, Sample, interleaved, middle, sample
from benchmarks.seed import store_streams
from benchmarks.servers import conditions, servers
from benchmarks.system import System, settle, system
from domain.decision import Event
from domain.identifiers import random_id
from domain.job import JobCreated, JobPublished
from infrastructure.event_store import EventStore
from infrastructure.read_models.rebuild import rebuild
from projections.job_listing import JOB_LISTING

_COMPANIES: Final = 20
_PER_SECOND: Final = 25.0
_CONNECTIONS: Final = 8
_P99_MS: Final = 50.0
_MIX: Final = "q and skill, all kinds"
_BUSY: Final = "the same without a pause"

Query = Mapping[str, str]


class Plan(msgspec.Struct, frozen=True):
    """How many open jobs there are, how long each kind of query is asked, and how many queries ILIKE answers."""

    jobs: int
    rounds: int
    seconds: float
    by_ilike: int


_FULL: Final = Plan(100_000, rounds=3, seconds=8.0, by_ilike=20)
_QUICK: Final = Plan(2_000, rounds=1, seconds=0.5, by_ilike=3)


def kinds() -> dict[str, list[Query]]:
    """The queries, by what is hard about them; the same in every run."""
    invented = invented_words(30_000)
    return {
        "a common word": [
            {"q": q} for q in ("experience", "the", "engineer", "manager", "data", "customers")
        ],
        "several words": [
            {"q": q}
            for q in (
                "senior data engineer",
                "pediatric nurse",
                "software developer",
                "marine biology researcher",
                "quality inspector food safety",
                "responsible for customers",
                "solar technician python",
            )
        ],
        "a rare word": [{"q": word} for word in invented[2_000:30_000:1_000]],
        "a skill": [{"skill": skill} for skill in ("python", "js", "haccp", "C++", "golang", "Excel")],
        "q and skill": [
            {"q": q, "skill": skill}
            for q, skill in itertools.product(
                ("engineer", "nurse", "experience", "data analyst", "kitchen", "planning manager"),
                ("python", "js", "welding", "k8s", "excel"),
            )
        ],
        "mistyped": [
            {"q": q}
            for q in (
                "enginere",
                "pyhton",
                "acountant",
                "libarian nurse",
                "elecrtician",
                "veternary",
                "sofware",
            )
        ],
        "mistyped, and skill": [{"q": "technicain", "skill": "sql"}, {"q": "desinger", "skill": "figma"}],
        "no hit": [{"q": q} for q in ("xyzzyqux", "quidditch seeker", "blorptastic frobnicator")],
        "phrase, or, not": [
            {"q": '"data engineer"'},
            {"q": "nurse or therapist -senior"},
            {"q": "manager -sales -marketing"},
            {"q": '"customer experience" designer'},
        ],
        "location": [
            {"location": place} for place in ("Lisbon", "berl", "Nowhere", "o", "Trondheim, Norway")
        ],
        "q and location": [
            {"q": "engineer", "location": "Oslo"},
            {"q": "experience", "location": "nowhere"},
            {"q": "nurse", "location": "lyon", "skill": "triage"},
        ],
        "q by newest": [{"q": q, "sort": "newest"} for q in ("engineer", "experience", "welder haccp")],
        "q by salary": [{"q": q, "sort": "salary"} for q in ("engineer", "experience", "welder haccp")],
    }


def measure(quick: bool) -> Report:
    """One API process with a worker beside it; then ILIKE on the same rows."""
    plan = _QUICK if quick else _FULL
    with servers() as running, system(running, "search", working=False) as whole:
        note = conditions(running)
        founders = uvloop.run(people.founders(whole.url, _COMPANIES))
        uvloop.run(_fill(whole, founders, plan.jobs))
        began = time.perf_counter()
        rebuild(whole.database_url, JOB_LISTING)
        rebuilding = time.perf_counter() - began
        with process(command("work"), whole.environment):
            settle(whole.database_url)
            found = _asked(whole.url, plan)
            by_ilike = _by_ilike(whole.database_url, plan)
    return _report(note, plan, found, by_ilike, rebuilding)


async def _fill(whole: System, founders: Sequence[Founder], jobs: int) -> None:
    """The postings spread over the companies, in an order that no company's rows stand together in."""
    shares: dict[Founder, list[tuple[UUID, tuple[Event, ...]]]] = {founder: [] for founder in founders}
    turns = itertools.cycle(founders)
    async with EventStore(whole.database_url) as store:
        for number, (posting, requirements) in enumerate(postings(jobs), 1):
            founder = next(turns)
            created = JobCreated(
                created_by=founder.id, posting=posting, requirements=requirements, openings=1
            )
            shares[founder].append((random_id(founder.company_id, uuid4()), (created, JobPublished())))
            if number % 5_000 == 0 or number == jobs:
                for owner, streams in shares.items():
                    await store_streams(store, owner.company_id, streams, owner.id)
                    streams.clear()


def _asked(url: str, plan: Plan) -> Rounds:
    """Each kind alone and all kinds that have a `q` mixed at random, at a steady rate; the mix also as fast as it goes."""
    by_kind = kinds()
    by_kind[_MIX] = [query for queries in by_kind.values() for query in queries if "q" in query]
    cases = {name: partial(_ask, url, queries) for name, queries in by_kind.items()}
    cases[_BUSY] = partial(_ask_without_pause, url, by_kind[_MIX])
    interleaved(cases, 1, 0.5)
    return interleaved(cases, plan.rounds, plan.seconds)


def _endless(queries: Sequence[Query]) -> Iterator[bytes]:
    random = Random(7)
    requests = [request("GET", f"/jobs?{urlencode(query, quote_via=quote)}") for query in queries]
    while True:
        yield random.choice(requests)


def _ask(url: str, queries: Sequence[Query], seconds: float) -> Sample:
    asking = open_loop(
        url, _endless(queries), per_second=_PER_SECOND, seconds=seconds, connections=_CONNECTIONS
    )
    return uvloop.run(asking).expect(200).sample


def _ask_without_pause(url: str, queries: Sequence[Query], seconds: float) -> Sample:
    asking = closed_loop(url, _endless(queries), seconds=seconds, connections=_CONNECTIONS)
    return uvloop.run(asking).expect(200).sample


_ILIKE: Final[LiteralString] = f"""
select * from rm_job_listing
where status = 'open' and {EVERY_WORD} and (%(skill)s::text is null or %(skill)s = any(skill_keys))
order by listed_at desc, job_id desc limit 51
"""


def _by_ilike(database_url: str, plan: Plan) -> Sample:
    """What the mixed queries cost in PostgreSQL alone, one after the other, when they are asked by ILIKE."""
    mixed = [query for queries in kinds().values() for query in queries if "q" in query]
    chosen = Random(7).sample(mixed, plan.by_ilike)
    latencies: list[float] = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        for query in chosen:
            parameters: dict[str, Any] = {"q": query["q"], "skill": query.get("skill")}
            began = time.perf_counter()
            connection.execute(_ILIKE, parameters).fetchall()
            latencies.append(time.perf_counter() - began)
    return sample(latencies, sum(latencies))


def _report(note: str, plan: Plan, found: Rounds, by_ilike: Sample, rebuilding: float) -> Report:
    middles = {name: middle(samples) for name, samples in found.items()}
    slowest = max(middles.keys() - {_BUSY}, key=lambda name: middles[name].p99_ms)
    figures = [
        Figure(name, one.p99_ms, "ms p99", f"median {one.median_ms:.1f} ms, {one.per_second:,.0f} requests/s")
        for name, one in middles.items()
    ]
    figures.append(
        Figure(
            "ILIKE, q and skill",
            by_ilike.p99_ms,
            "ms p99",
            f"median {by_ilike.median_ms:.1f} ms, without HTTP",
        )
    )
    figures.append(Figure("rebuild of job_listing", rebuilding, "s", "its indexes included"))
    return Report(
        title="Search for jobs",
        notes=[
            note,
            f"{plan.jobs:,} open jobs of {_COMPANIES} companies with invented texts; pages of 50",
            f"1 API process, 1 worker; median of {plan.rounds} rounds of {plan.seconds:g} s",
            f"{_PER_SECOND:g} queries a second whatever the answers take, and without a pause over {_CONNECTIONS} connections",
            "without sort, GET /jobs?q= answers by relevance; the database was vacuumed and analyzed before",
            f"ILIKE: one connection, straight to PostgreSQL, newest first, {plan.by_ilike} of the mixed queries",
        ],
        figures=figures,
        targets=[
            Target(f"{_MIX}, p99", middles[_MIX].p99_ms, _P99_MS, "ms", at_least=False),
            Target(
                f"the slowest kind ({slowest}), p99", middles[slowest].p99_ms, _P99_MS, "ms", at_least=False
            ),
            Target("ILIKE / ours, median", by_ilike.median_ms / middles[_MIX].median_ms, 10.0),
        ],
    )


if __name__ == "__main__":
    report.run("The search for jobs over HTTP.", [measure])
