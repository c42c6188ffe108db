"""Years of experience: what a text states, or what its dates of work add up to."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.experience import years_of_experience


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("I have over 5 years of experience in baking.", 5),
        ("More than seven (> 7) years of experience", 7),
        ("6+ years of professional software engineering experience; before, 7 years experience as a cook", 6),
        ("Experience: 8 years", 8),
        ("A baker with 12 yrs exp", 12),
        ("WORK EXPERIENCE\nBaker, Jan 2018 - Present\nCook 01/2016 \u2013 12/2017", 10),
        ("Employment\n2018-01 \u2013 2019-06 Baker\n2018-03 to 2018-09 Cook as well", 1),
        ("Experience\nBaker 2020 - 2023\nEducation\nSchool 2000 - 2012", 3),
        ("Education\nSchool 2000 - 2012", None),
        ("45 years old, with experience", None),
        ("A shop founded 200 years ago; experience needed", None),
        ("S\u0131x years of experience", None),
        ("Experience\n\u017fep 2018 - 2020", 2),
        ("", None),
    ],
)
def test_years(text: str, years: int | None) -> None:
    assert years_of_experience(text, 2026, 1) == years


@pytest.mark.parametrize("piece", ["5 ", "2001 - ", "5 years ", " ", "experience ", "Jan 2001-", "(5) "])
def test_a_long_text_takes_a_time_in_proportion(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    started = time.process_time()
    years_of_experience(text, 2026, 1)
    assert time.process_time() - started < 3


gaps = st.text(" \t\n\u00a0", min_size=1, max_size=60)


@given(gaps, gaps, gaps)
@example(" " * 5_000, " " * 5_000, " " * 5_000)
def test_the_gaps_between_words_may_have_any_length(one: str, two: str, three: str) -> None:
    for text in (
        f"experience{one}of{two}over{three}7 years",
        f"experience{one}for{two}7 years",
        f"experience{one}:{two}more than{three}7 years",
        f"experience{one}7 years",
        f"7 years of work{one}experience",
        f"over{one}7 years{two}in baking",
        f"{one}Experience{two}\n2012 - 2019",
    ):
        assert years_of_experience(text, 2026, 1) == 7, text
    assert years_of_experience(f"experience{one}of{two}baking{three}7 years", 2026, 1) is None


@given(st.lists(st.tuples(st.integers(1970, 2020), st.integers(0, 6)), min_size=1))
def test_work_at_the_same_time_counts_once(work: list[tuple[int, int]]) -> None:
    lines = "\n".join(f"Baker {first} - {first + years}" for first, years in work)
    worked = {year for first, years in work for year in range(first, first + years)}
    assert years_of_experience(f"Experience\n{lines}", 2026, 1) == (len(worked) or None)
