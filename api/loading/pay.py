"""Pay per hour, day, week or month as whole currency units a year."""

import math

import msgspec

from api.http.currencies import CURRENCIES
from api.loading.posting_rules import SALARY_LIMIT


class Pay(msgspec.Struct, frozen=True):
    """What a year pays, lowest first, in `currency` (ISO 4217); `changes` are keys of `posting_rules.RULES`."""

    low: int | None
    high: int | None
    currency: str | None
    changes: tuple[str, ...] = ()


class _Period(msgspec.Struct, frozen=True):
    times_a_year: int
    believed_up_to: int
    rule: str | None = None


_PERIODS = {
    "YEAR": _Period(1, SALARY_LIMIT),
    "MONTH": _Period(12, 1_000_000, "monthly_to_yearly"),
    "WEEK": _Period(52, 100_000, "weekly_to_yearly"),
    "DAY": _Period(260, 20_000, "daily_to_yearly"),
    "HOUR": _Period(2_080, 1_000, "hourly_to_yearly"),
}


def yearly(low: float | None, high: float | None, currency: str, period: str) -> Pay:
    """Amounts from 0 to `SALARY_LIMIT` as a year's pay; dropped where currency or period leave it unclear."""
    code = currency.upper()
    known_currency = code if code in CURRENCIES else None
    stated = [amount for amount in (low, high) if amount is not None]
    if not stated:
        return Pay(None, None, known_currency)
    if known_currency is None:
        return Pay(None, None, None, ("salary_dropped_currency",))
    known_period = _PERIODS.get(period.upper())
    if known_period is None:
        return Pay(None, None, None, ("salary_dropped_period",))
    if max(stated) > known_period.believed_up_to:
        return Pay(None, None, None, ("salary_dropped_implausible",))
    exact = [None if amount is None else amount * known_period.times_a_year for amount in (low, high)]
    lowest, highest = (None if amount is None else math.floor(amount + 0.5) for amount in exact)
    changes = [] if known_period.rule is None else [known_period.rule]
    if [lowest, highest] != exact:
        changes.append("salary_rounded")
    if lowest is not None and highest is not None and lowest > highest:
        changes.append("salary_swapped")
        lowest, highest = highest, lowest
    return Pay(lowest, highest, known_currency, tuple(changes))
