"""Screening: what holds for every job and every candidate, and what the words of the contract demand one by one."""

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.job import Requirements, Weights, refusal
from domain.job_application import Claims
from domain.screening import Criterion, CriterionName, Screening, aliases_among, screen
from domain.skills import BUILT_IN

ALIASES = {"js": "javascript", "py": "python", "ts": "typescript"}
SKILLS = st.lists(st.sampled_from(["javascript", "python", "typescript", "sql", "go"]), max_size=5).map(tuple)
AMOUNTS = st.integers(0, 2**63 - 1) | st.integers(0, 5)
CURRENCIES = st.sampled_from(["EUR", "USD"])
WEIGHTS = st.builds(
    Weights,
    skills=st.integers(0, 1000),
    experience=st.integers(0, 1000),
    salary=st.integers(0, 1000),
)
REQUIREMENTS = st.builds(
    Requirements,
    skills=SKILLS,
    min_experience_years=st.integers(0, 60),
    salary_min=AMOUNTS | st.none(),
    salary_max=AMOUNTS | st.none(),
    currency=CURRENCIES,
    must_have_skills=SKILLS,
    weights=WEIGHTS,
    threshold=st.integers(0, 100),
).filter(lambda requirements: refusal(requirements) is None)
CLAIMS = st.builds(
    Claims,
    skills=SKILLS,
    experience_years=st.integers(0, 60) | st.none(),
    expected_salary=AMOUNTS | st.none(),
    currency=CURRENCIES | st.none(),
)
ASKED = Requirements(
    skills=("python", "sql"), min_experience_years=4, salary_min=40_000, salary_max=60_000, currency="EUR"
)
FITTING = Claims(skills=("python", "sql"), experience_years=4, expected_salary=60_000, currency="EUR")


def judged(requirements: Requirements, claims: Claims, aliases: Mapping[str, str] = ALIASES) -> Screening:
    return screen(requirements, claims, aliases)


def of(screening: Screening, name: CriterionName) -> Criterion:
    (found,) = (criterion for criterion in screening.criteria if criterion.name == name)
    return found


@given(REQUIREMENTS, CLAIMS)
def test_the_score_is_the_sum_of_the_points_out_of_a_hundred(
    requirements: Requirements, claims: Claims
) -> None:
    found = judged(requirements, claims)

    assert 0 <= found.score <= 100
    assert found.score == sum(criterion.points for criterion in found.criteria)
    assert sum(criterion.out_of for criterion in found.criteria) in {0, 100}
    for criterion in found.criteria:
        assert 0 <= criterion.points <= criterion.out_of
        assert criterion.explanation.endswith((".", "!"))
        if criterion.outcome in {"not_met", "not_judged", "not_asked"}:
            assert criterion.points == 0
        if criterion.outcome == "met":
            assert criterion.points == criterion.out_of


@given(REQUIREMENTS, CLAIMS, SKILLS)
def test_more_skills_never_lower_the_score(
    requirements: Requirements, claims: Claims, more: tuple[str, ...]
) -> None:
    assert (
        judged(requirements, replace(claims, skills=claims.skills + more)).score
        >= judged(requirements, claims).score
    )


@given(REQUIREMENTS, CLAIMS, st.integers(0, 60))
def test_more_years_never_lower_the_score(requirements: Requirements, claims: Claims, more: int) -> None:
    longer = replace(claims, experience_years=(claims.experience_years or 0) + more)
    assert judged(requirements, longer).score >= judged(requirements, claims).score


@given(REQUIREMENTS, CLAIMS, AMOUNTS, AMOUNTS)
def test_a_higher_ask_never_raises_the_score(
    requirements: Requirements, claims: Claims, one: int, other: int
) -> None:
    lower, higher = sorted((one, other))
    assert (
        judged(requirements, replace(claims, expected_salary=higher)).score
        <= judged(requirements, replace(claims, expected_salary=lower)).score
    )


@given(REQUIREMENTS, CLAIMS, st.randoms(use_true_random=False))
def test_order_repetition_case_space_and_aliases_of_skills_do_not_matter(
    requirements: Requirements, claims: Claims, random: st.DataObject
) -> None:
    spellings = {name: alias for alias, name in ALIASES.items()}

    def otherwise(skills: tuple[str, ...]) -> tuple[str, ...]:
        again = [f"  {spellings.get(skill, skill).upper()} " for skill in (*skills, *skills)]
        random.shuffle(again)  # type: ignore[attr-defined]  # hypothesis types it as what it is not
        return tuple(again)

    rewritten = replace(
        requirements,
        skills=otherwise(requirements.skills),
        must_have_skills=otherwise(requirements.must_have_skills),
    )
    assert judged(rewritten, replace(claims, skills=otherwise(claims.skills))) == judged(requirements, claims)


@given(REQUIREMENTS)
def test_what_is_unknown_never_passes(requirements: Requirements) -> None:
    found = judged(requirements, Claims())

    assert found.score == 0
    assert {criterion.outcome for criterion in found.criteria} <= {"not_met", "not_judged", "not_asked"}
    assert found.verdict == "not_qualified" or (
        requirements.threshold == 0 and not requirements.must_have_skills
    )


@given(REQUIREMENTS, CLAIMS)
def test_who_lacks_a_must_have_skill_is_not_qualified(requirements: Requirements, claims: Claims) -> None:
    assume(not set(requirements.must_have_skills) <= set(claims.skills))

    assert judged(requirements, claims).verdict == "not_qualified"


@given(CLAIMS, WEIGHTS, st.integers(0, 100))
def test_a_job_that_asks_nothing_qualifies_nobody(claims: Claims, weights: Weights, threshold: int) -> None:
    found = judged(Requirements(weights=weights, threshold=threshold), claims)

    assert (found.verdict, found.score) == ("not_qualified", 0)
    assert {criterion.outcome for criterion in found.criteria} == {"not_asked"}


def test_who_fits_has_a_hundred_points() -> None:
    found = judged(ASKED, FITTING)

    assert (found.verdict, found.score) == ("qualified", 100)
    assert [(one.name, one.points, one.out_of) for one in found.criteria] == [
        ("skills", 50, 50),
        ("experience", 30, 30),
        ("salary", 20, 20),
        ("must_have", 0, 0),
    ]


@pytest.mark.parametrize(
    ("claimed", "outcome"),
    [
        ({"expected_salary": 60_000}, "met"),
        ({"expected_salary": 0}, "met"),
        ({"expected_salary": 60_001}, "not_met"),
        ({"expected_salary": 2**80}, "not_met"),
        ({"expected_salary": -1}, "not_judged"),
        ({"expected_salary": None}, "not_judged"),
        ({"expected_salary": 1, "currency": "USD"}, "not_judged"),
        ({"expected_salary": 1, "currency": None}, "not_judged"),
    ],
)
def test_a_salary_is_judged_in_its_own_currency_or_not_at_all(claimed: dict[str, int], outcome: str) -> None:
    assert of(judged(ASKED, replace(FITTING, **claimed)), "salary").outcome == outcome


def test_a_range_without_an_upper_end_lets_no_high_ask_pass() -> None:
    open_ended = replace(ASKED, salary_max=None)

    assert of(judged(open_ended, FITTING), "salary").outcome == "not_judged"
    assert of(judged(open_ended, replace(FITTING, expected_salary=40_000)), "salary").outcome == "met"


def test_what_is_not_judged_keeps_its_place_in_the_weighting() -> None:
    found = judged(ASKED, replace(FITTING, expected_salary=None, currency=None))

    assert (found.score, of(found, "salary").out_of) == (80, 20)


def test_what_is_not_asked_is_out_of_the_weighting() -> None:
    found = judged(Requirements(skills=("python",), min_experience_years=4), Claims(skills=("python",)))

    assert [(one.name, one.out_of, one.outcome) for one in found.criteria] == [
        ("skills", 63, "met"),
        ("experience", 37, "not_judged"),
        ("salary", 0, "not_asked"),
        ("must_have", 0, "not_asked"),
    ]


def test_the_reasons_are_in_words() -> None:
    found = judged(
        replace(ASKED, must_have_skills=("sql",)), replace(FITTING, skills=("py",), experience_years=1)
    )

    assert [criterion.explanation for criterion in found.criteria] == [
        "Has 1 of 2 required skills; missing: sql.",
        "1 year of the 4 years asked for.",
        "The expected salary is not above the range.",
        "Not qualified without: sql.",
    ]


def test_aliases_are_those_of_the_vocabulary() -> None:
    assert aliases_among(("JS", "sql", "Unheard Of"), BUILT_IN) == {"js": "javascript"}
