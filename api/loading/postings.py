"""Job postings as the world writes them, mapped to the body of `POST /jobs`: pure, every change named and counted.

The input is one JSON object a posting: `title, company, location, description, skills, skills_derived, salary_min,
salary_max, currency, salary_period, experience_years_min, employment_type`, any of them null or absent but the title;
also `remote` and `openings`. Other fields are not kept.
"""

import math
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from api.http.fields import LONGEST_SKILL, TURNING, UNSEEN, plain_letters
from api.loading.pay import Pay, yearly
from api.loading.posting_rules import (
    COMPANY_LIMIT,
    DESCRIPTION_LIMIT,
    LOCATION_LIMIT,
    SALARY_LIMIT,
    SKILLS_LIMIT,
    TITLE_LIMIT,
    UNKNOWN_COMPANY,
)
from api.loading.titles import retitle, written_in_capitals
from domain.job import EmploymentType
from domain.unicode_text import composed


class JobBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /jobs`; salaries are whole units of `currency` a year."""

    title: str
    description: str = ""
    location: str = ""
    remote: bool = False
    employment_type: EmploymentType = "full_time"
    skills: tuple[str, ...] = ()
    min_experience_years: int = 0
    salary_min: int | None = None
    salary_max: int | None = None
    currency: str | None = None
    openings: int = 1
    status: Literal["draft", "open"] = "open"


class MappedPosting(msgspec.Struct, frozen=True):
    """A posting that can be sent; `changes` are keys of `posting_rules.RULES`, each once; `not_kept` are fields that had a value."""

    company: str
    body: JobBody
    changes: tuple[str, ...]
    not_kept: tuple[str, ...] = ()


class RefusedPosting(msgspec.Struct, frozen=True):
    """A posting that cannot be sent: `reason` is a key of `posting_rules.REASONS`, `detail` is for people."""

    reason: str
    detail: str


class _WrongInputError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.refused = RefusedPosting(reason, detail)


_EMPLOYMENT_TYPES: dict[str, EmploymentType] = {
    "full_time": "full_time",
    "fulltime": "full_time",
    "permanent": "full_time",
    "part_time": "part_time",
    "parttime": "part_time",
    "contract": "contract",
    "contractor": "contract",
    "freelance": "contract",
    "temporary": "temporary",
    "temp": "temporary",
    "seasonal": "temporary",
    "internship": "internship",
    "intern": "internship",
    "trainee": "internship",
    "other": "other",
}
_USED = frozenset(
    {
        "title",
        "company",
        "location",
        "description",
        "skills",
        "skills_derived",
        "salary_min",
        "salary_max",
        "currency",
    }
    | {"salary_period", "experience_years_min", "employment_type", "remote", "openings"}
)
_BEYOND = 10**15
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TURNING = re.compile(f"[{TURNING}]")
_UNSEEN = re.compile(f"[{UNSEEN}]*")
_REMOTE = re.compile(r"remote|telework|anywhere", re.IGNORECASE)


def map_line(line: bytes) -> MappedPosting | RefusedPosting:
    """The posting on one line of a JSONL file."""
    try:
        row: object = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return RefusedPosting("not_json", str(error) or type(error).__name__)
    return map_posting(row)


def map_posting(row: object) -> MappedPosting | RefusedPosting:
    """Any JSON value as a job body that the API takes, or the reason why not. Never raises."""
    if not isinstance(row, Mapping):
        return RefusedPosting("not_an_object", f"a {type(row).__name__}")
    try:
        return _Mapping({str(key): value for key, value in row.items()}).mapped()
    except _WrongInputError as wrong:
        return wrong.refused


class _Mapping:
    """One posting on its way: its fields, and the changes made so far."""

    def __init__(self, row: dict[str, object]) -> None:
        self._row = row
        self._changes: dict[str, None] = {}

    def mapped(self) -> MappedPosting:
        title = self._title()
        location = self._line("location", LOCATION_LIMIT)
        pay = self._pay()
        body = JobBody(
            title=title,
            description=self._description(),
            location=location,
            remote=self._remote(location),
            employment_type=self._employment_type(),
            skills=self._skills(),
            min_experience_years=self._experience(),
            salary_min=pay.low,
            salary_max=pay.high,
            currency=pay.currency,
            openings=self._openings(),
        )
        company = self._line("company", COMPANY_LIMIT) or UNKNOWN_COMPANY
        not_kept = sorted(key for key, value in self._row.items() if key not in _USED and value is not None)
        return MappedPosting(company, body, tuple(self._changes), tuple(not_kept))

    def _changed(self, rule: str) -> None:
        self._changes[rule] = None

    def _text(self, field: str) -> str:
        value = self._row.get(field)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise _WrongInputError("wrong_type", f"{field}: text expected, not {type(value).__name__}")
        return self._clean(value)

    def _clean(self, value: str) -> str:
        text = _UNWANTED.sub("", value)
        if text != value:
            self._changed("characters_removed")
        if text.strip() != text:
            self._changed("spaces_tidied")
        return text.strip()

    def _straight(self, text: str) -> str:
        straight = _TURNING.sub("", text)
        if straight != text:
            self._changed("characters_removed")
        return straight

    def _one_line(self, text: str) -> str:
        """A line as the API takes it; "" if it would show nothing."""
        straight = self._straight(text)
        line = " ".join(straight.split())
        if line != straight:
            self._changed("spaces_tidied")
        return "" if _UNSEEN.fullmatch(line) else line

    def _cut(self, text: str, limit: int, rule: str) -> str:
        if len(text) <= limit:
            return text
        self._changed(rule)
        return text[: limit - 1].rstrip() + "…"

    def _line(self, field: str, limit: int) -> str:
        line = self._one_line(self._text(field))
        if not line:
            self._changed(f"{field}_missing")
        return composed(self._cut(line, limit, f"{field}_cut"))

    def _title(self) -> str:
        title = self._one_line(self._text("title"))
        if not title:
            raise _WrongInputError("title_missing", "the title is empty")
        if written_in_capitals(title):
            self._changed("title_retitled")
            title = retitle(title)
        return composed(self._cut(title, TITLE_LIMIT, "title_cut"))

    def _description(self) -> str:
        text = self._text("description")
        if not text:
            self._changed("description_missing")
        return self._cut(text, DESCRIPTION_LIMIT, "description_cut")

    def _remote(self, location: str) -> bool:
        value = self._row.get("remote")
        if value is not None:
            if not isinstance(value, bool):
                raise _WrongInputError(
                    "wrong_type", f"remote: true or false expected, not {type(value).__name__}"
                )
            return value
        if _REMOTE.search(location):
            self._changed("remote_from_location")
            return True
        return False

    def _employment_type(self) -> EmploymentType:
        stated = self._text("employment_type")
        if not stated:
            self._changed("employment_type_missing")
            return "other"
        known = _EMPLOYMENT_TYPES.get(re.sub(r"[\s_-]+", "_", stated.casefold()))
        if known is None:
            self._changed("employment_type_unknown")
            return "other"
        if known != stated:
            self._changed("employment_type_named")
        return known

    def _number(self, field: str) -> int | float | None:
        value = self._row.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - not a number
            raise _WrongInputError("wrong_type", f"{field}: a number expected, not {type(value).__name__}")
        if abs(value) > _BEYOND:
            return math.inf if value > 0 else -math.inf
        return value

    def _experience(self) -> int:
        years = self._number("experience_years_min")
        if years is None:
            self._changed("experience_missing")
            return 0
        if not 0 <= years <= 60:
            raise _WrongInputError("experience_out_of_range", f"experience_years_min: {years:.6g}")
        if math.ceil(years) != years:
            self._changed("experience_rounded_up")
        return math.ceil(years)

    def _openings(self) -> int:
        openings = self._number("openings")
        if openings is None:
            return 1
        if not 1 <= openings <= 1000 or openings != int(openings):
            raise _WrongInputError("openings_out_of_range", f"openings: {openings:.6g}")
        return int(openings)

    def _skills(self) -> tuple[str, ...]:
        stated, derived = self._texts("skills"), self._texts("skills_derived")
        if not stated and derived:
            self._changed("skills_derived")
        given = stated or derived
        kept: dict[str, str] = {}
        for skill in given:
            tidy = self._one_line(plain_letters(self._straight(self._clean(skill)))[:LONGEST_SKILL])
            if tidy:
                kept.setdefault(tidy.casefold(), tidy)
        if tuple(kept.values()) != tuple(given):
            self._changed("skills_tidied")
        if len(kept) > SKILLS_LIMIT:
            self._changed("skills_cut")
        return tuple(kept.values())[:SKILLS_LIMIT]

    def _texts(self, field: str) -> list[str]:
        value = self._row.get(field)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _WrongInputError("wrong_type", f"{field}: a list of texts expected")
        return [item for item in value if isinstance(item, str)]

    def _pay(self) -> Pay:
        low, high = self._number("salary_min"), self._number("salary_max")
        stated = [amount for amount in (low, high) if amount is not None]
        if any(not 0 <= amount <= SALARY_LIMIT for amount in stated):
            raise _WrongInputError(
                "salary_out_of_range", "pay: " + " to ".join(f"{amount:.6g}" for amount in stated)
            )
        pay = yearly(low, high, self._text("currency"), self._text("salary_period"))
        for rule in pay.changes:
            self._changed(rule)
        return pay
