"""Screening: what a job asks against what a candidate claims, as a score, a verdict and the reasons. Pure and versioned.

The criteria that a job asks for share 100 points by their weights, in whole points; the score is the sum of the points. Nothing
enters but claims and requirements. What cannot be judged has no points, and keeps its place in the weighting.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from domain.skills import Vocabulary, normalized

if TYPE_CHECKING:
    from domain.job import Requirements
    from domain.job_application import Claims

Verdict: TypeAlias = Literal["qualified", "not_qualified"]
CriterionOutcome: TypeAlias = Literal["met", "partly", "not_met", "not_judged", "not_asked"]
CriterionName: TypeAlias = Literal["skills", "experience", "salary", "must_have"]

POLICY_VERSION: Final = 1
"""Whoever changes a rule or a word below gives the policy a new version, and keeps the old one for verdicts it has given."""

_NAMED: Final = 5

_REMEMBERED: Final = 256
"""Of what may be long: a set of skills is up to 20,000 letters that somebody typed."""


class Criterion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was asked, what was found, and the points for it, out of how many; `explanation` says it in words.

    `not_judged`: what was claimed leaves it open, so there are no points. `not_asked`: the job does not ask, so it is out of
    the weighting. `must_have` has no points: where it is not met, nobody is qualified.
    """

    name: CriterionName
    outcome: CriterionOutcome
    points: int
    out_of: int
    asked: tuple[str, ...]
    found: tuple[str, ...]
    explanation: str


class Screening(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with its reasons; `score` is 0..100, the sum of the criteria's points."""

    verdict: Verdict
    score: int
    criteria: tuple[Criterion, ...]
    policy_version: int


def aliases_among(names: Iterable[str], vocabulary: Vocabulary) -> dict[str, str]:
    """What `vocabulary` says of these names, where it says anything: normalized spelling -> name."""
    found: dict[str, str] = {}
    for name in names:
        spelling = normalized(name)
        known = vocabulary.canonical(name)
        if known != spelling:
            found[spelling] = known
    return found


def screen(requirements: "Requirements", claims: "Claims", aliases: Mapping[str, str]) -> Screening:
    """Judge claims by requirements; `aliases` maps normalized spellings of skills to their names.

    Qualified is who has every must-have skill and at least the threshold, if the job asks for anything at all.
    """
    must_have = _named(requirements.must_have_skills, aliases)
    skills = _named(requirements.skills, aliases)
    required = must_have | skills if must_have else skills
    held = _named(claims.skills, aliases) & required
    weights = requirements.weights
    for_skills, for_experience, for_salary = _shares(
        weights.skills if required else 0,
        weights.experience if requirements.min_experience_years > 0 else 0,
        weights.salary if _asks_salary(requirements) else 0,
    )
    criteria = (
        _skills(required, held, bool(claims.skills), for_skills),
        _experience(requirements.min_experience_years, claims.experience_years, for_experience),
        _salary(requirements, claims, for_salary),
        _must_have(must_have, held),
    )
    score = criteria[0].points + criteria[1].points + criteria[2].points
    asked = bool(required) or requirements.min_experience_years > 0 or _asks_salary(requirements)
    qualified = asked and must_have <= held and score >= requirements.threshold
    return Screening(
        verdict="qualified" if qualified else "not_qualified",
        score=score,
        criteria=criteria,
        policy_version=POLICY_VERSION,
    )


def _named(skills: tuple[str, ...], aliases: Mapping[str, str]) -> frozenset[str]:
    names = _normalized(skills)
    return frozenset({aliases.get(name, name) for name in names} - {""}) if aliases else names


@lru_cache(maxsize=_REMEMBERED)
def _normalized(skills: tuple[str, ...]) -> frozenset[str]:
    return frozenset({normalized(skill) for skill in skills} - {""})


@lru_cache(maxsize=4096)
def _shares(*weights: int) -> tuple[int, ...]:
    """100 points by weight, in whole points that sum to 100 (to 0 without any weight); what is over goes to the largest rest."""
    positive = [max(0, weight) for weight in weights]
    total = sum(positive)
    if not total:
        return tuple(0 for _ in positive)
    shares = [100 * weight // total for weight in positive]
    by_rest = sorted(range(len(positive)), key=lambda place: -(100 * positive[place] % total))
    for place in by_rest[: 100 - sum(shares)]:
        shares[place] += 1
    return tuple(shares)


def _asks_salary(requirements: "Requirements") -> bool:
    return requirements.salary_min is not None or requirements.salary_max is not None


@lru_cache(maxsize=_REMEMBERED)
def _skills(required: frozenset[str], held: frozenset[str], said: bool, out_of: int) -> Criterion:
    if not required:
        return _not_asked("skills", "The job names no required skill")
    points = out_of * len(held) // len(required)
    if len(held) == len(required):
        outcome: CriterionOutcome = "met"
        words = (
            f"Has all {len(required)} required skills." if len(required) > 1 else "Has the required skill."
        )
    else:
        outcome = "partly" if held else "not_met"
        words = f"Has {len(held)} of {len(required)} required skills; missing: {_listed(required - held)}."
        if not said:
            words = f"Names no skill; {len(required)} are required."
    return Criterion(
        name="skills",
        outcome=outcome,
        points=points,
        out_of=out_of,
        asked=tuple(sorted(required)),
        found=tuple(sorted(held)),
        explanation=words + _unweighted(out_of),
    )


@lru_cache(maxsize=1_024)
def _experience(asked: int, years: int | None, out_of: int) -> Criterion:
    if asked <= 0:
        return _not_asked("experience", "The job asks for no minimum of experience")
    outcome: CriterionOutcome
    points = 0
    found: tuple[str, ...] = ()
    if years is None or years < 0:
        outcome, words = "not_judged", "Says no years of experience, so there are no points for it."
    else:
        found = (_years(years),)
        if years >= asked:
            outcome, points, words = "met", out_of, f"{_years(years)} of at least {_years(asked)}."
        else:
            outcome, points = ("partly" if years else "not_met"), out_of * years // asked
            words = f"{_years(years)} of the {_years(asked)} asked for."
    return Criterion(
        name="experience",
        outcome=outcome,
        points=points,
        out_of=out_of,
        asked=(f"at least {_years(asked)}",),
        found=found,
        explanation=words + _unweighted(out_of),
    )


def _salary(requirements: "Requirements", claims: "Claims", out_of: int) -> Criterion:
    if not _asks_salary(requirements):
        return _not_asked("salary", "The job names no salary range")
    outcome, words = _salary_outcome(requirements, claims)
    found: tuple[str, ...] = ()
    if claims.expected_salary is not None:
        found = (f"{claims.expected_salary:,} {claims.currency or '(no currency)'}",)
    return Criterion(
        name="salary",
        outcome=outcome,
        points=out_of if outcome == "met" else 0,
        out_of=out_of,
        asked=(_range(requirements.salary_min, requirements.salary_max, requirements.currency),),
        found=found,
        explanation=words + _unweighted(out_of),
    )


def _salary_outcome(requirements: "Requirements", claims: "Claims") -> tuple[CriterionOutcome, str]:
    low, high, ask = requirements.salary_min, requirements.salary_max, claims.expected_salary
    if ask is None or ask < 0:
        return "not_judged", "Says no expected salary, so there are no points for it."
    if claims.currency is None:
        return "not_judged", "Says no currency, so the expected salary cannot be compared."
    if claims.currency != requirements.currency:
        return "not_judged", f"{claims.currency} cannot be compared with {requirements.currency}."
    if high is not None:
        if ask > high:
            return "not_met", "The expected salary is above the range."
        return "met", "The expected salary is not above the range."
    if low is not None and ask > low:
        return "not_judged", "The job names no upper end, so a salary above the lower end cannot be judged."
    return "met", "The expected salary is not above the lower end of the range."


@lru_cache(maxsize=_REMEMBERED)
def _must_have(must_have: frozenset[str], held: frozenset[str]) -> Criterion:
    if not must_have:
        return _not_asked("must_have", "The job names no must-have skill")
    missing = must_have - held
    words = f"Not qualified without: {_listed(missing)}." if missing else "Has every must-have skill."
    return Criterion(
        name="must_have",
        outcome="not_met" if missing else "met",
        points=0,
        out_of=0,
        asked=tuple(sorted(must_have)),
        found=tuple(sorted(must_have & held)),
        explanation=words,
    )


@lru_cache(maxsize=16)
def _not_asked(name: CriterionName, words: str) -> Criterion:
    return Criterion(
        name=name,
        outcome="not_asked",
        points=0,
        out_of=0,
        asked=(),
        found=(),
        explanation=f"{words}, so this is out of the weighting.",
    )


def _unweighted(out_of: int) -> str:
    return "" if out_of else " It has no weight in the score."


@lru_cache(maxsize=128)
def _years(count: int) -> str:
    return "1 year" if count == 1 else f"{count:,} years"


@lru_cache(maxsize=4_096)
def _range(low: int | None, high: int | None, currency: str | None) -> str:
    if high is None:
        return f"from {low:,} {currency}"
    return f"up to {high:,} {currency}" if low is None else f"{low:,} to {high:,} {currency}"


def _listed(names: frozenset[str]) -> str:
    """The first few in order, and how many more."""
    ordered = sorted(names)
    more = len(ordered) - _NAMED
    return ", ".join(ordered[:_NAMED]) + (f" and {more} more" if more > 0 else "")
