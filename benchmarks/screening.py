"""Screening: what another policy would make of a job's applications, lists by score on few and on many, verdicts again."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Final
from uuid import UUID, uuid4

import msgspec
import uvloop

from application.commands import application_id
from benchmarks import people, report
from benchmarks.lists import asked
from benchmarks.load import closed_loop, request
from benchmarks.people import Founder
from benchmarks.report import Figure, Report, Target
from benchmarks.sample import Sample
from benchmarks.seed import Stream, store_streams
from benchmarks.servers import conditions, servers
from benchmarks.system import System, settle, system
from domain.identifiers import random_id
from domain.job import JobCreated, JobPublished, Posting, Requirements
from domain.job_application import ApplicationScreened, ApplicationSubmitted, Claims
from domain.screening import screen
from infrastructure.event_store import EventStore
from infrastructure.screening.verification import verify_screening

_SKILLS: Final = ("python", "sql", "rust", "kubernetes", "react", "java", "go", "terraform", "excel", "figma")
_REQUIRED: Final = Requirements(
    skills=_SKILLS[:4], min_experience_years=6, salary_min=40_000, salary_max=70_000, currency="EUR"
)
_POLICY: Final = {"weights": {"skills": 30, "experience": 50}, "threshold": 60, "skills": list(_SKILLS[:5])}
_FLAT: Final = 1.5


class Plan(msgspec.Struct, frozen=True):
    """Applications of one job, and of the company's other jobs besides; how often and how long is measured."""

    of_job: int
    few: int
    many: int
    times: int
    rounds: int
    seconds: float


_FULL: Final = Plan(of_job=10_000, few=1_000, many=100_000, times=9, rounds=3, seconds=3.0)
_QUICK: Final = Plan(of_job=500, few=100, many=1_000, times=3, rounds=1, seconds=0.5)


def measure(quick: bool) -> Report:
    """One API process with a worker beside it; what-if alone, and lists while it is asked again and again."""
    plan = _QUICK if quick else _FULL
    with servers() as running, system(running, "screening") as whole:
        note = conditions(running)
        (few,) = uvloop.run(people.founders(whole.url, 1))
        (many,) = uvloop.run(people.founders(whole.url, 1))
        uvloop.run(_fill(whole, few, [plan.few // 10] * 10))
        job_id = uvloop.run(_fill(whole, many, [plan.of_job] + [(plan.many - plan.of_job) // 100] * 100))
        listing = {
            f"{name}, {size:,} rows": request("GET", path, token=founder.token)
            for name, path in (
                ("newest", "/applications"),
                ("by score", "/applications?sort=score"),
                ("qualified by score", "/applications?sort=score&verdict=qualified"),
            )
            for founder, size in ((few, plan.few), (many, plan.many))
        }
        lists = asked(whole.url, listing, plan.rounds, plan.seconds)
        searched = asked(
            whole.url,
            {"q=figma": request("GET", "/applications?q=figma", token=many.token)},
            1,
            plan.seconds,
        )
        nothing = request("GET", "/applications?q=nowhere-to-be-found", token=many.token)
        not_found = uvloop.run(_one_by_one(whole.url, nothing, plan.times))
        alone = uvloop.run(_one_by_one(whole.url, _what_if(job_id, many.token), plan.times))
        quiet, disturbed = uvloop.run(_beside(whole.url, job_id, many.token, plan))
        began = time.monotonic()
        verified = verify_screening(whole.database_url)
        verifying = verified.verdicts / (time.monotonic() - began)
        if verified.different:
            raise RuntimeError(f"verdicts differ: {verified.differences[:1]}")
    return _report(note, plan, lists | searched, (not_found, alone, quiet, disturbed), verifying)


async def _fill(whole: System, founder: Founder, per_job: list[int]) -> UUID:
    """Jobs with so many screened applications each; the first one's id."""
    numbers = itertools.count()

    async with EventStore(whole.database_url) as store:
        jobs = [random_id(founder.company_id, uuid4()) for _ in per_job]
        created = JobCreated(
            created_by=founder.id, posting=Posting(title="Engineer"), requirements=_REQUIRED, openings=3
        )
        posted = ((job_id, (created, JobPublished())) for job_id in jobs)
        await store_streams(store, founder.company_id, posted, founder.id)

        def streams() -> Iterator[Stream]:
            for turn in range(max(per_job)):
                for job_id, count in zip(jobs, per_job, strict=True):
                    if turn < count:
                        person = uuid4()
                        yield application_id(job_id, person), _screened(job_id, person, next(numbers))

        await store_streams(store, founder.company_id, streams(), uuid4())
    settle(whole.database_url)
    return jobs[0]


def _screened(
    job_id: UUID, candidate_id: UUID, number: int
) -> tuple[ApplicationSubmitted, ApplicationScreened]:
    claims = Claims(
        skills=tuple(_SKILLS[(number * step) % len(_SKILLS)] for step in (1, 3, 7)),
        experience_years=number % 12,
        expected_salary=50_000 + number % 40 * 1_000,
        currency="EUR",
    )
    found = screen(_REQUIRED, claims, {})
    return (
        ApplicationSubmitted(
            job_id=job_id, candidate_id=candidate_id, claims=claims, requirements_revision=1
        ),
        ApplicationScreened(
            verdict=found.verdict,
            score=found.score,
            criteria=found.criteria,
            policy_version=found.policy_version,
            requirements_revision=1,
        ),
    )


def _what_if(job_id: UUID, token: str) -> bytes:
    return request("POST", f"/jobs/{job_id}/screening/what-if", token=token, body={"policy": _POLICY})


async def _one_by_one(url: str, content: bytes, times: int) -> Sample:
    """So many requests, one after the other, after one that warms."""
    await closed_loop(url, iter([content]), connections=1, seconds=30)
    repeated = itertools.repeat(content, times)
    return (await closed_loop(url, repeated, connections=1, seconds=60)).expect(200).sample


async def _beside(url: str, job_id: UUID, token: str, plan: Plan) -> tuple[Sample, Sample]:
    """A list asked over one connection without and with a what-if under way all the time."""
    light = request("GET", "/auth/me", token=token)
    quiet = await closed_loop(url, itertools.repeat(light), connections=1, seconds=plan.seconds)
    _, disturbed = await asyncio.gather(
        closed_loop(url, itertools.repeat(_what_if(job_id, token)), connections=1, seconds=plan.seconds),
        closed_loop(url, itertools.repeat(light), connections=1, seconds=plan.seconds),
    )
    return quiet.expect(200).sample, disturbed.expect(200).sample


def _report(
    note: str,
    plan: Plan,
    lists: dict[str, Sample],
    single: tuple[Sample, Sample, Sample, Sample],
    verifying: float,
) -> Report:
    not_found, alone, quiet, disturbed = single
    figures = [
        Figure(name, one.per_second, "requests/s", f"median {one.median_ms:.1f} ms, p99 {one.p99_ms:.1f} ms")
        for name, one in lists.items()
    ]
    figures += [
        Figure("q without a match, a page", not_found.median_ms, "ms", f"{plan.many:,} rows, one at a time"),
        Figure(
            "what-if", alone.median_ms, "ms", f"{plan.of_job:,} applications, slowest {alone.p99_ms:.0f} ms"
        ),
        Figure("GET /auth/me, p99", quiet.p99_ms, "ms", f"median {quiet.median_ms:.1f} ms"),
        Figure(
            "the same beside what-if, p99", disturbed.p99_ms, "ms", f"median {disturbed.median_ms:.1f} ms"
        ),
        Figure("verdicts verified", verifying, "verdicts/s", "from the log alone"),
    ]
    return Report(
        title="Screening",
        notes=[note, "1 API process, 1 worker process; lists over 32 connections"],
        figures=figures,
        targets=[
            Target(
                f"what-if of {plan.of_job:,} applications, slowest",
                alone.p99_ms,
                2_000.0,
                "ms",
                at_least=False,
            ),
            Target("q without a match, slowest page", not_found.p99_ms, 50.0, "ms", at_least=False),
            *(
                Target(
                    f"{name} p99, {plan.many:,} rows / {plan.few:,}",
                    lists[f"{name}, {plan.many:,} rows"].p99_ms / lists[f"{name}, {plan.few:,} rows"].p99_ms,
                    _FLAT,
                    at_least=False,
                )
                for name in ("newest", "by score", "qualified by score")
            ),
        ],
    )


if __name__ == "__main__":
    report.run("Screening: what-if, lists by score, verification.", [measure])
