"""Who looks at which job, who applies, and how far each gets: made from a seed, before anything is sent.

The numbers are guesses at a believable funnel: most look, about a quarter of the looks become applications, few
applications become hires, and jobs differ a lot.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from api.loading.demo_data import DemoData
from api.loading.postings import JobBody

Call = Literal["view", "apply", "stage", "reject", "reinstate", "withdraw"]

_STAGES = ("screening", "interview", "offer", "hired")
_GOES_ON = {"screening": 0.75, "interview": 0.6, "offer": 0.5, "hired": 0.85}
_STAYS_THERE = 0.22
_WITHDRAWS = 0.12
_REJECTED_IN_ERROR = 0.06
_LOOKS = (10, 36)


class Person(msgspec.Struct, frozen=True):
    name: str
    skills: tuple[str, ...]
    experience_years: int


class Step(msgspec.Struct, frozen=True):
    """One call to the API; `view`, `apply` and `withdraw` are the candidate's, the others the company's."""

    call: Call
    body: dict[str, Any] = {}


class Journey(msgspec.Struct, frozen=True):
    """One candidate (index) and one job (index), from the first look to wherever it ends."""

    candidate: int
    job: int
    steps: tuple[Step, ...]


class Plan(msgspec.Struct, frozen=True):
    people: tuple[Person, ...]
    journeys: tuple[Journey, ...]

    def count(self) -> Counter[str]:
        """How often each call is made, and `hired` among the stages."""
        steps = [step for journey in self.journeys for step in journey.steps]
        return Counter(
            [step.call for step in steps] + ["hired" for step in steps if step.body.get("stage") == "hired"]
        )


def make_plan(jobs: Sequence[JobBody], data: DemoData, *, seed: int, candidates: int) -> Plan:
    """The same plan for the same arguments. No job is planned more hires than it has openings."""
    chance = random.Random(seed)
    attraction = [chance.lognormvariate(0, 0.7) for _ in jobs]
    appeal = [chance.uniform(0.15, 0.6) for _ in jobs]
    unfilled = [job.openings for job in jobs]
    names = _names(data, candidates, chance)
    people: list[Person] = []
    journeys: list[Journey] = []
    for candidate in range(candidates):
        trade = jobs[chance.randrange(len(jobs))]
        person = _person(names[candidate], trade, chance)
        people.append(person)
        for job in _looked_at(person, jobs, attraction, chance):
            steps = [Step("view")]
            held = _share_held(person, jobs[job])
            if chance.random() < appeal[job] * (0.5 + held):
                application = _application(person, jobs[job], unfilled[job], data, chance)
                unfilled[job] -= any(step.body.get("stage") == "hired" for step in application)
                steps += application
            journeys.append(Journey(candidate, job, tuple(steps)))
    chance.shuffle(journeys)
    return Plan(tuple(people), tuple(journeys))


def _names(data: DemoData, count: int, chance: random.Random) -> list[str]:
    every = [f"{given} {family}" for given in data.given_names for family in data.family_names]
    chance.shuffle(every)
    return [every[index % len(every)] for index in range(count)]


def _person(name: str, trade: JobBody, chance: random.Random) -> Person:
    """Somebody who more or less does the job of `trade`."""
    held = tuple(skill for skill in trade.skills if chance.random() < 0.8)
    years = max(0, round(chance.gauss(trade.min_experience_years + 1.5, 2.5)))
    return Person(name, held, min(years, 45))


def _looked_at(
    person: Person, jobs: Sequence[JobBody], attraction: Sequence[float], chance: random.Random
) -> list[int]:
    """Distinct jobs, the attractive and the fitting ones more likely (weighted sampling by exponential keys)."""
    weights = [
        weight * (0.2 + 3 * _share_held(person, job)) for weight, job in zip(attraction, jobs, strict=True)
    ]
    keys = sorted(range(len(jobs)), key=lambda job: chance.expovariate(1.0) / weights[job])
    return keys[: chance.randint(*_LOOKS)]


def _share_held(person: Person, job: JobBody) -> float:
    """0..1; a job that asks for nothing suits everybody half."""
    return len(set(person.skills) & set(job.skills)) / len(job.skills) if job.skills else 0.5


def _application(
    person: Person, job: JobBody, unfilled: int, data: DemoData, chance: random.Random
) -> list[Step]:
    steps = [Step("apply", _claims(person, job, data, chance))]
    suits = _share_held(person, job) >= 0.5 and person.experience_years >= job.min_experience_years
    for stage in _STAGES:
        likely = _GOES_ON[stage] * (1.1 if suits else 0.55)
        if chance.random() >= likely or (stage == "hired" and not unfilled):
            return steps + _ending(data, chance)
        if stage != "hired" and chance.random() < _REJECTED_IN_ERROR:
            steps += [Step("reject", {"reason": chance.choice(data.reject_reasons)}), Step("reinstate")]
        note = {"note": chance.choice(data.advance_notes)} if chance.random() < 0.5 else {}
        steps.append(Step("stage", {"stage": stage} | note))
    return steps


def _ending(data: DemoData, chance: random.Random) -> list[Step]:
    drawn = chance.random()
    if drawn < _STAYS_THERE:
        return []
    if drawn < _STAYS_THERE + _WITHDRAWS:
        return [Step("withdraw")]
    return [Step("reject", {"reason": chance.choice(data.reject_reasons)})]


def _claims(person: Person, job: JobBody, data: DemoData, chance: random.Random) -> dict[str, Any]:
    offered = job.salary_max or job.salary_min or 60_000
    letter = {"cover_letter": chance.choice(data.cover_letters)} if chance.random() < 0.4 else {}
    return {
        "skills": list(person.skills),
        "experience_years": person.experience_years,
        "expected_salary": int(round(offered * chance.uniform(0.8, 1.12), -2)),
        "currency": job.currency or "USD",
        "source": chance.choice(data.sources),
    } | letter
