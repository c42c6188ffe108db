"""Real postings become valid job bodies, or are refused with a reason; every change is named."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.fields import Name
from api.loading.posting_rules import REASONS, RULES
from api.loading.postings import JobBody, MappedPosting, RefusedPosting, map_line, map_posting
from api.loading.titles import retitle, written_in_capitals
from api.routes.jobs import CreateJobBody

SHARED_DATA = Path(
    os.environ.get("HIRELOG_SHARED_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")
)


def mapped(**fields: Any) -> MappedPosting:
    outcome = map_posting({"title": "Baker", "company": "Breads", **fields})
    assert isinstance(outcome, MappedPosting), outcome
    return outcome


def refused(**fields: Any) -> str:
    outcome = map_posting({"title": "Baker", "company": "Breads", **fields})
    assert isinstance(outcome, RefusedPosting), outcome
    return outcome.reason


def assert_fits_the_api(body: JobBody) -> None:
    """The API's own body takes it as it is, and what the domain asks beyond that holds."""
    taken = msgspec.json.decode(msgspec.json.encode(body), type=CreateJobBody)
    said = msgspec.to_builtins(body)
    assert {name: value for name, value in msgspec.to_builtins(taken).items() if name in said} == said
    stated = [amount for amount in (body.salary_min, body.salary_max) if amount is not None]
    assert stated == sorted(stated)
    assert body.currency is not None or not stated
    assert len({skill.casefold() for skill in body.skills}) == len(body.skills)


HOUR, DAY, MONTH, YEAR = (
    {"salary_period": period, "currency": "USD"} for period in ("HOUR", "DAY", "MONTH", "YEAR")
)


@pytest.mark.parametrize(
    ("fields", "pay", "rule"),
    [
        ({**HOUR, "salary_min": 15.5, "salary_max": 20}, (32_240, 41_600), "hourly_to_yearly"),
        ({**DAY, "salary_min": 254.96, "salary_max": 386.8}, (66_290, 100_568), "daily_to_yearly"),
        ({**MONTH, "salary_min": 3000, "salary_max": None}, (36_000, None), "monthly_to_yearly"),
        ({**YEAR, "salary_min": 98_818.92, "salary_max": 100_000}, (98_819, 100_000), "salary_rounded"),
        ({**YEAR, "salary_min": 90, "salary_max": 80}, (80, 90), "salary_swapped"),
        ({**YEAR, "salary_period": None, "salary_max": 3814}, (None, None), "salary_dropped_period"),
        ({**YEAR, "currency": None, "salary_max": 3814}, (None, None), "salary_dropped_currency"),
        ({**YEAR, "currency": "ZZZ", "salary_max": 3814}, (None, None), "salary_dropped_currency"),
        ({**HOUR, "salary_min": 22, "salary_max": 1950}, (None, None), "salary_dropped_implausible"),
    ],
)
def test_pay_becomes_whole_units_a_year(
    fields: dict[str, object], pay: tuple[int | None, int | None], rule: str
) -> None:
    outcome = mapped(**fields)
    assert (outcome.body.salary_min, outcome.body.salary_max) == pay
    assert rule in outcome.changes


@pytest.mark.parametrize(
    ("fields", "rule", "field", "value"),
    [
        ({"experience_years_min": 0.5}, "experience_rounded_up", "min_experience_years", 1),
        ({"experience_years_min": None}, "experience_missing", "min_experience_years", 0),
        ({"employment_type": "Full-Time"}, "employment_type_named", "employment_type", "full_time"),
        ({"employment_type": None}, "employment_type_missing", "employment_type", "other"),
        ({"employment_type": "gig"}, "employment_type_unknown", "employment_type", "other"),
        ({"title": "SENIOR IT ANALYST II"}, "title_retitled", "title", "Senior IT Analyst II"),
        ({"title": "x" * 300}, "title_cut", "title", "x" * 199 + "…"),
        ({"title": "Ba\x00ker "}, "characters_removed", "title", "Baker"),
        ({"title": "\u202eBaker\u202c"}, "characters_removed", "title", "Baker"),
        ({"location": "\u2067\u200b"}, "location_missing", "location", ""),
        ({"skills": ["e\u202a\u0301", "\ufeff"]}, "skills_tidied", "skills", ("é",)),
        ({"location": None}, "location_missing", "location", ""),
        ({"location": "Anywherein the U.S.(remotejob), US"}, "remote_from_location", "remote", True),
        ({"skills": [], "skills_derived": ["SQL"]}, "skills_derived", "skills", ("SQL",)),
        ({"skills": ["SQL", "sql", " "]}, "skills_tidied", "skills", ("SQL",)),
        ({"skills": [str(n) for n in range(60)]}, "skills_cut", "skills", tuple(str(n) for n in range(50))),
        ({"description": "y" * 20_001}, "description_cut", "description", "y" * 19_999 + "…"),
    ],
)
def test_a_change_is_made_and_named(fields: dict[str, object], rule: str, field: str, value: object) -> None:
    outcome = mapped(**fields)
    assert rule in outcome.changes
    assert getattr(outcome.body, field) == value


def test_a_missing_company_is_an_unknown_employer() -> None:
    assert mapped(company=None).company == "Unknown employer"
    assert "company_missing" in mapped(company=" ").changes


def test_what_needs_no_change_is_not_reported_as_changed() -> None:
    outcome = mapped(
        description="Bread.",
        location="Ghent",
        employment_type="full_time",
        experience_years_min=2,
        salary_min=30_000,
        salary_max=40_000,
        currency="EUR",
        salary_period="YEAR",
        skills=["Baking"],
        rights="ours",
    )
    assert outcome.changes == ()
    assert outcome.not_kept == ("rights",)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"title": None}, "title_missing"),
        ({"title": " \n"}, "title_missing"),
        ({"title": "\xad"}, "title_missing"),
        ({"title": 7}, "wrong_type"),
        ({"skills": ["SQL", 1]}, "wrong_type"),
        ({"salary_min": "a lot"}, "wrong_type"),
        ({"remote": "yes"}, "wrong_type"),
        ({"experience_years_min": True}, "wrong_type"),
        ({"experience_years_min": 61}, "experience_out_of_range"),
        ({"experience_years_min": float("nan")}, "wrong_type"),
        ({**YEAR, "salary_min": -1}, "salary_out_of_range"),
        ({**YEAR, "salary_max": 10**400}, "salary_out_of_range"),
        ({"openings": 0}, "openings_out_of_range"),
    ],
)
def test_a_refusal_says_why(fields: dict[str, object], reason: str) -> None:
    assert refused(**fields) == reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json", "not_json"),
        (b"", "not_json"),
        (b'{"title": "\xff"}', "not_json"),
        (b"[" * 60_000, "not_json"),
        (b"[1]", "not_an_object"),
        (b"null", "not_an_object"),
    ],
)
def test_a_bad_line_is_refused_alone(line: bytes, reason: str) -> None:
    outcome = map_line(line)
    assert isinstance(outcome, RefusedPosting)
    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("CHIEF OF STAFF", "Chief of Staff"),
        ("OF COUNSEL", "Of Counsel"),
        ("MACHINIST'S HELPER", "Machinist's Helper"),
        ("IT SPECIALIST (T32)", "IT Specialist (T32)"),
        ("TECH SUPPORT/SCHEDULER", "Tech Support/Scheduler"),
    ],
)
def test_capitals_are_kept_where_they_mean_something(written: str, read: str) -> None:
    assert written_in_capitals(written)
    assert retitle(written) == read


def test_initials_alone_and_mixed_titles_are_left() -> None:
    assert not written_in_capitals("DBA")
    assert not written_in_capitals("IT Specialist")


numbers = st.one_of(st.integers(), st.floats(), st.integers(0, 200_000))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text())
json_values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=8
)
# Of what is taken out, shows nothing or changes what is beside it, more than would come by chance.
odd = st.sampled_from(
    [*"\x00\xad \u0301\u200b\u2028\u202a\u202e\u2066\ufeffe¨", "e\u0301", "J\u030c", "\u0958"]
)
texts = st.lists(st.one_of(odd, st.text(max_size=8)), max_size=8).map("".join)
written = st.fixed_dictionaries(
    {"title": texts, "company": texts, "location": texts, "description": texts, "skills": st.lists(texts)}
)
postings = st.fixed_dictionaries(
    {"title": st.one_of(texts, json_values)},
    optional={
        "company": st.one_of(st.none(), texts, json_values),
        "location": st.one_of(st.none(), texts),
        "description": st.one_of(st.none(), texts),
        "skills": st.one_of(st.none(), st.lists(texts, max_size=60), json_values),
        "skills_derived": st.lists(texts),
        "salary_min": st.one_of(st.none(), numbers),
        "salary_max": st.one_of(st.none(), numbers),
        "currency": st.one_of(st.none(), st.sampled_from(["USD", "eur", "$", "ZZZ"]), texts),
        "salary_period": st.one_of(st.none(), st.sampled_from(["YEAR", "HOUR", "DAY", "month", "EON"])),
        "experience_years_min": st.one_of(st.none(), numbers, st.floats(0, 60)),
        "employment_type": st.one_of(st.none(), st.sampled_from(["Full-time", "PART TIME"]), texts),
        "remote": st.one_of(st.none(), st.booleans()),
        "openings": st.one_of(st.none(), numbers),
    },
)


@given(st.one_of(written, postings, json_values))
def test_any_json_value_is_a_valid_body_or_a_known_reason(row: object) -> None:
    outcome = map_posting(row)
    if isinstance(outcome, RefusedPosting):
        assert outcome.reason in REASONS
        assert outcome.detail
        return
    assert msgspec.convert(outcome.company, Name) == outcome.company
    assert set(outcome.changes) <= set(RULES)
    assert_fits_the_api(outcome.body)


@given(postings)
def test_what_was_mapped_needs_no_second_mapping(row: dict[str, object]) -> None:
    outcome = map_posting(row)
    if isinstance(outcome, MappedPosting):
        fields = msgspec.to_builtins(outcome.body)
        again = map_posting(
            {
                **{
                    key: fields[key]
                    for key in ("title", "description", "location", "remote", "employment_type")
                },
                **{key: fields[key] for key in ("salary_min", "salary_max", "currency", "openings")},
                "skills": list(fields["skills"]),
                "experience_years_min": fields["min_experience_years"],
                "salary_period": "YEAR",
                "company": outcome.company,
            }
        )
        assert isinstance(again, MappedPosting)
        assert again.body == outcome.body


@given(st.binary(max_size=60))
def test_any_line_is_mapped_or_refused(line: bytes) -> None:
    assert isinstance(map_line(line), MappedPosting | RefusedPosting)


def test_the_real_postings_are_all_accounted_for() -> None:
    file = SHARED_DATA / "jobs.jsonl"
    if not file.exists():
        pytest.skip(f"no shared data at {file}: set HIRELOG_SHARED_DATA")
    rules: Counter[str] = Counter()
    lines = file.read_bytes().splitlines()
    for line in lines:
        outcome = map_line(line)
        assert isinstance(outcome, MappedPosting), (outcome, line[:200])
        rules.update(outcome.changes)
        assert_fits_the_api(outcome.body)
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 3147
    assert rules["company_missing"] == sum(row["company"] is None for row in rows)
    assert rules["experience_rounded_up"] == sum(row["experience_years_min"] == 0.5 for row in rows)
    hourly = sum(row["salary_period"] == "HOUR" and row["salary_max"] is not None for row in rows)
    assert rules["hourly_to_yearly"] + rules["salary_dropped_implausible"] == hourly
