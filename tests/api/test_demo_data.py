"""The demo's invented data: valid for the API, fictional, and planned into a believable funnel."""

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.loading.demo_data import demo_data
from api.loading.demo_plan import Plan, make_plan
from api.loading.postings import JobBody, MappedPosting, map_posting

DATA = demo_data()
JOBS = [posting for company in DATA.companies for posting in company.postings]
STAGES = ["screening", "interview", "offer", "hired"]


def test_there_are_a_few_dozen_postings_of_a_few_companies() -> None:
    assert len(DATA.companies) >= 6
    assert len(JOBS) >= 36
    assert len({job.title for job in JOBS}) == len(JOBS)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.title)
def test_a_posting_is_within_the_limits_of_the_api(job: JobBody) -> None:
    fields = msgspec.to_builtins(job)
    outcome = map_posting(
        {
            **{
                name: value
                for name, value in fields.items()
                if name not in {"status", "min_experience_years"}
            },
            "skills": list(job.skills),
            "experience_years_min": job.min_experience_years,
            "salary_period": "YEAR",
            "company": "Any",
        }
    )
    assert isinstance(outcome, MappedPosting)
    assert outcome.body == job
    assert outcome.changes == ()


def test_addresses_are_only_at_example_domains() -> None:
    sources = list(Path(__file__).parents[2].glob("api/loading/*.py"))
    text = "\n".join(path.read_text() for path in sources)
    assert set(re.findall(r"[\w}]@([\w.-]+\.[a-z]{2,})", text)) <= {"example.com", "example.org"}
    assert not re.findall(r"https?://(?!127\.0\.0\.1|\{)", text)


def test_there_are_enough_names_for_everyone_to_have_their_own() -> None:
    people = make_plan(JOBS, DATA, seed=3, candidates=500).people
    assert len({person.name for person in people}) == 500


def test_the_same_seed_makes_the_same_plan_and_another_another() -> None:
    first = make_plan(JOBS, DATA, seed=1, candidates=40)
    assert make_plan(JOBS, DATA, seed=1, candidates=40) == first
    assert make_plan(JOBS, DATA, seed=2, candidates=40) != first


def test_the_default_plan_is_a_few_thousand_events_in_the_shape_of_a_funnel() -> None:
    plan = make_plan(JOBS, DATA, seed=1, candidates=96)
    count = plan.count()
    assert 2_500 <= sum(count.values()) <= 6_000
    assert count["view"] > 3 * count["apply"] > 9 * count["hired"] > 0
    applied = Counter(journey.job for journey in plan.journeys if len(journey.steps) > 1)
    viewed = Counter(journey.job for journey in plan.journeys)
    conversion = sorted(applied[job] / views for job, views in viewed.items())
    assert conversion[0] < 0.1
    assert conversion[-1] > 0.3


def assert_keeps_the_rules(plan: Plan, jobs: list[JobBody]) -> None:
    hired: Counter[int] = Counter()
    assert len({(journey.candidate, journey.job) for journey in plan.journeys}) == len(plan.journeys)
    for journey in plan.journeys:
        calls = [step.call for step in journey.steps]
        assert calls[0] == "view"
        assert calls[1:2] in ([], ["apply"])
        stages = [step.body["stage"] for step in journey.steps if step.call == "stage"]
        assert stages == STAGES[: len(stages)]
        hired[journey.job] += stages == STAGES
        for call, after in zip(calls, [*calls[1:], None], strict=True):
            assert call != "withdraw" or after is None
            assert call != "reject" or after in {None, "reinstate"}
    assert all(hired[index] <= job.openings for index, job in enumerate(jobs))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    candidates=st.integers(1, 60),
    jobs=st.lists(st.sampled_from(JOBS), min_size=1, max_size=12),
)
def test_no_plan_breaks_a_rule_of_the_domain(seed: int, candidates: int, jobs: list[JobBody]) -> None:
    assert_keeps_the_rules(make_plan(jobs, DATA, seed=seed, candidates=candidates), jobs)
