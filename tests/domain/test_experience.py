"""Years of experience: what a text states, or what its dates of work add up to."""

import time

import pytest

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
