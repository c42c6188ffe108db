"""How many years of work a text tells of: as it says itself, or as its dates of work add up."""

import re
from collections.abc import Iterator
from typing import Final

MOST_YEARS: Final = 60

_SMALL = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_NUMBERS: Final = {word: number for number, word in enumerate(_SMALL.split(), start=1)} | {
    "eighteen": 18,
    "twenty": 20,
}
# Gaps of any length are possessive (`\s++`): what follows is no space, so giving some back would only be tried in vain.
# Names that are looked up are of ASCII (`(?a:...)`): without case an \u0131 would match i, and be found nowhere.
_NUMBER: Final = rf"(?<![\d.,/$])(\d{{1,2}}|(?a:{'|'.join(_NUMBERS)}))(?:\.\d)?"
_YEARS: Final = r"\s{0,3}(?:\([^()\n]{1,12}\)\s{0,3})?(?:\+|plus)?[\s-]{0,3}(?:years?|yrs?)\b\.?(?:['\u2019])?\+?(?![\s-]{0,3}old\b)"
_FIELD: Final = r"(?:\s{1,3}[\w/+#&,.-]{1,30}){0,6}?"
_STATED: Final = (
    re.compile(rf"{_NUMBER}{_YEARS}{_FIELD}\s++(?:experience|exp\b)", re.IGNORECASE),
    re.compile(
        rf"\bexperience\b(?:\s++(?:of|for)|\s*+[:,(-])?\s*+(?:(?:over|more than|about)\s*+)?{_NUMBER}{_YEARS}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:over|than|nearly|almost|with|for)\s++{_NUMBER}{_YEARS}\s++(?:in|as|of|working|building)\b",
        re.IGNORECASE,
    ),
)

_MONTH_NAMES: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES.split("|"), start=1)}
_MONTH: Final = rf"(?:((?a:{_MONTH_NAMES}))[a-z]{{0,6}}\.?,?\s{{1,3}}|(\d{{1,2}})[/.])?"
_YEAR: Final = r"((?:19|20)\d\d)(?:-(\d\d)(?!\d))?"
_NOW: Final = r"(present|now|today|current(?:ly)?|ongoing)"
_RANGE: Final = re.compile(
    rf"\b{_MONTH}{_YEAR}\s{{0,5}}(?:-|\u2013|\u2014|to|until)\s{{0,5}}(?:{_MONTH}{_YEAR}|{_NOW})\b",
    re.IGNORECASE,
)
_HEADING: Final = re.compile(r"^[^\w\n]*+([A-Za-z][A-Za-z &/]{2,40}+)[^\w\n]*+$", re.MULTILINE)
_WORK: Final = re.compile(r"\b(?:experience|employment|work|career|professional|positions?)\b", re.IGNORECASE)
_OTHER: Final = re.compile(
    r"\b(?:education|studies|academic|projects?|publications?|awards?|volunteer(?:ing)?|interests?|hobbies|skills"
    r"|languages?|certifications?|certificates?|references?|courses?|memberships?|summary|profile)\b",
    re.IGNORECASE,
)

Month = int
"""Months since the year 0."""


def years_of_experience(text: str, this_year: int, this_month: int) -> int | None:
    """Whole years of work, or None when the text does not say: its first statement counts, else its dates of work.

    Dates are read under headings of work; where no heading says what dates are about, none is counted.
    """
    stated = stated_years(text)
    return stated if stated is not None else _worked_years(text, this_year * 12 + this_month)


def stated_years(text: str) -> int | None:
    """The years of experience that a text states first (`over 5 years of experience`)."""
    found = [match for pattern in _STATED for match in pattern.finditer(text)]
    for match in sorted(found, key=lambda match: match.start()):
        word = match[1].lower()
        years = _NUMBERS.get(word) or int(word)
        if years <= MOST_YEARS:
            return years
    return None


def _worked_years(text: str, now: Month) -> int | None:
    """Overlapping work counts once."""
    worked, counted = 0, 0
    for first, last in sorted(work for section in _sections_of_work(text) for work in _ranges(section, now)):
        worked += max(0, last - max(first, counted))
        counted = max(counted, last)
    return min(worked // 12, MOST_YEARS) if worked else None


def _sections_of_work(text: str) -> Iterator[str]:
    headings = [
        match for match in _HEADING.finditer(text) if _WORK.search(match[1]) or _OTHER.search(match[1])
    ]
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=False):
        if _WORK.search(heading[1]) and not _OTHER.search(heading[1]):
            yield text[heading.end() : end]


def _ranges(text: str, now: Month) -> Iterator[tuple[Month, Month]]:
    """From the first month to the one after the last; a range without months lasts from January to January."""
    for match in _RANGE.finditer(text):
        month, number, year, iso, last_month, last_number, last_year, last_iso, open_end = match.groups()
        first = int(year) * 12 + _month(month, number or iso, 1)
        last = now if open_end else int(last_year) * 12 + _month(last_month, last_number or last_iso, 0) + 1
        if first < last <= now + 1:
            yield first, last


def _month(name: str | None, number: str | None, default: int) -> int:
    if name:
        return _MONTHS[name[:3].lower()]
    if number and 1 <= int(number) <= 12:
        return int(number)
    return default
