"""The queue of due mail, in PostgreSQL: who sends what until when, what became of it, and how fast all may go together.

A mail that is due has a `mail_due_at` in the past. Whoever claims it puts that off by a lease before it sends, and renews the
lease while it is at it; if it is killed, the mail is due again soon. A mail that is done with has no `mail_due_at`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, TypeAlias, assert_never
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from application.effects import AccountKind, Kind
from infrastructure.mail.transport import LONGEST_HOLD_SECONDS

LEASE_SECONDS: Final = 30.0
_TRIAL_SECONDS: Final = 5.0
"""After all mail was held, mails are tried one by one, so far apart, until one was sent."""

_PACE: Final[LiteralString] = """
select set_config('idle_in_transaction_session_timeout', '10s', true),
       extract(epoch from next_at - clock_timestamp())::float8,
       extract(epoch from held_until - clock_timestamp())::float8, held_reason is not null
from mail_pace for update
"""
"""The one row of the pace is the lock under which mail is claimed: no mail can be claimed twice at a time."""

_NEARER: Final[LiteralString] = """
update mail_pace
set next_at = least(next_at, clock_timestamp() + make_interval(secs => %(pause)s)),
    held_until = least(held_until, clock_timestamp() + make_interval(secs => %(hold)s))
"""

_CLAIM_ACCOUNT_MAIL: Final[LiteralString] = """
update account_mail
set mail_status = 'sending', mail_attempts = mail_attempts + 1,
    mail_due_at = clock_timestamp() + make_interval(secs => %(lease)s)
where mail_id in (select mail_id from account_mail where mail_due_at <= clock_timestamp()
                  order by mail_due_at limit %(limit)s for update skip locked)
returning mail_id, mail_attempts as attempt, created_at as queued_at, kind, account_id, email, parameters
"""
_COMPANIES: Final[LiteralString] = """
recursive company as (
    (select tenant_id from effect where mail_due_at is not null order by tenant_id limit 1)
    union all
    select (select effect.tenant_id from effect
            where mail_due_at is not null and effect.tenant_id > company.tenant_id order by effect.tenant_id limit 1)
    from company where company.tenant_id is not null)
"""
"""Those that have mail waiting, from one to the next through the index: it does not matter how much each has."""

_OLDEST: Final[LiteralString] = f"""
with {_COMPANIES}
select due.tenant_id, due.position, due.number
from company cross join lateral (
    select tenant_id, position, number, mail_due_at, row_number() over (order by mail_due_at) as turn
    from effect where effect.tenant_id = company.tenant_id and mail_due_at <= statement_timestamp()
    order by mail_due_at limit %(limit)s) as due
order by due.turn, due.mail_due_at limit %(limit)s
"""
"""Companies take turns, so that one with many does not hold up the others."""

_CLAIM_EFFECT: Final[LiteralString] = """
update effect
set mail_status = 'sending', mail_attempts = mail_attempts + 1,
    mail_due_at = clock_timestamp() + make_interval(secs => %(lease)s)
where tenant_id = %(tenant_id)s and position = %(position)s and number = %(number)s
      and mail_id = (select mail_id from effect
                     where tenant_id = %(tenant_id)s and position = %(position)s and number = %(number)s
                           and mail_due_at <= clock_timestamp()
                     for update skip locked)
returning mail_id, mail_attempts as attempt, created_at as queued_at, tenant_id, position, number, kind
"""
"""A row that somebody else is changing (it was read, its person is erased) is passed over: who claims several must not wait for one."""

_MOVE_ON: Final[LiteralString] = """
update mail_pace set next_at = clock_timestamp() + make_interval(secs => %(seconds)s)
"""
_HOLD: Final[LiteralString] = """
update mail_pace
set held_until = greatest(held_until, clock_timestamp() + make_interval(secs => %(seconds)s)), held_reason = %(reason)s
"""
_ANY_DUE: Final[LiteralString] = f"""
with {_COMPANIES}
select (select greatest(next_at, held_until) <= now() from mail_pace)
       and (exists (select from account_mail where mail_due_at <= now())
            or exists (select from company cross join lateral (
                           select from effect where effect.tenant_id = company.tenant_id and mail_due_at <= now() limit 1) as due))
"""

_ONE_EFFECT: Final[LiteralString] = (
    "tenant_id = %(tenant_id)s and position = %(position)s and number = %(number)s"
)
_ONE_ACCOUNT_MAIL: Final[LiteralString] = "mail_id = %(mail_id)s"
_STILL_OURS: Final[LiteralString] = "mail_status = 'sending' and mail_attempts = %(attempt)s"
_RENEW: Final[LiteralString] = f"""
update {{table}} set mail_due_at = clock_timestamp() + make_interval(secs => %(seconds)s)
where {{one}} and {_STILL_OURS}
"""
_LATER: Final[LiteralString] = f"""
update {{table}}
set mail_status = case when %(attempts)s = 0 then 'queued' else 'retrying' end, mail_attempts = %(attempts)s,
    mail_due_at = clock_timestamp() + make_interval(secs => %(seconds)s), mail_reason = %(reason)s
where {{one}} and {_STILL_OURS}
"""
_DONE: Final[LiteralString] = """
update {table}
set mail_status = %(status)s, mail_due_at = null, mail_reason = %(reason)s, mail_done_at = clock_timestamp(){erase}
where {one} and (mail_status = 'sending' and mail_attempts = %(attempt)s
                 or %(status)s = 'sent' and mail_status <> 'sent')
"""
"""What was sent was sent, whoever else may have taken it up meanwhile."""

_SENT: Final[LiteralString] = f"""
with counted as (
    update mail_pace
    set sent = sent + 1, held_reason = case when held_until > clock_timestamp() then held_reason end
    returning sent
)
{_DONE} and exists (select from counted)"""
"""The pace is locked first, as by who claims and who erases: in another order they could wait for each other for ever."""

_ERASE: Final[LiteralString] = """,
    parameters = case when %(status)s = 'given_up' and not parameters ? 'code' then parameters end"""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed mail; `attempt` is 1 for the first."""

    mail_id: UUID
    attempt: int
    queued_at: datetime


class DueEffect(Due, frozen=True, kw_only=True):
    """The mail of an effect."""

    tenant_id: UUID
    position: int
    number: int
    kind: Kind


class DueAccountMail(Due, frozen=True, kw_only=True):
    """A mail about an account; `parameters` are None once they were erased."""

    kind: AccountKind
    account_id: UUID | None
    email: str
    parameters: dict[str, str] | None


AnyDue: TypeAlias = DueEffect | DueAccountMail


class Claim(msgspec.Struct, frozen=True):
    """What was claimed, and in how many seconds to look again; None when nothing more was due."""

    mails: Sequence[AnyDue]
    seconds: float | None


def claim(
    connection: Connection[Any], *, limit: int, per_second: float, lease_seconds: float = LEASE_SECONDS
) -> Claim:
    """Claim up to `limit` due mails, mail about accounts first, in a transaction of its own.

    The claims of all processes together go no faster than `per_second` mails, and not at all while mail is held.
    """
    parameters = {"limit": limit, "lease": lease_seconds}
    with connection.transaction():
        _, pause, held_for, held = connection.execute(_PACE).fetchone() or ("", 0.0, 0.0, False)
        longest_pause = max(limit / per_second, _TRIAL_SECONDS)
        if pause > longest_pause or held_for > LONGEST_HOLD_SECONDS:
            # Nobody puts mail off that far: the database's clock was ahead then.
            connection.execute(_NEARER, {"pause": longest_pause, "hold": LONGEST_HOLD_SECONDS})
        seconds = max(min(pause, longest_pause), min(held_for, LONGEST_HOLD_SECONDS))
        if seconds > 0:
            return Claim((), seconds)
        if held:
            parameters["limit"] = limit = 1
        with connection.cursor(row_factory=class_row(DueAccountMail)) as cursor:
            claimed: list[AnyDue] = [*cursor.execute(_CLAIM_ACCOUNT_MAIL, parameters)]
        if len(claimed) < limit:
            oldest = connection.execute(_OLDEST, {"limit": limit - len(claimed)}).fetchall()
            claimed += _claim_effects(connection, oldest, lease_seconds)
        if not claimed:
            return Claim((), None)
        seconds = max(len(claimed) / per_second, _TRIAL_SECONDS if held else 0.0)
        connection.execute(_MOVE_ON, {"seconds": seconds})
        return Claim(claimed, seconds)


def _claim_effects(
    connection: Connection[Any], places: Iterable[tuple[UUID, int, int]], lease_seconds: float
) -> list[DueEffect]:
    """One statement a mail, so that each names its tenant."""
    claims = [
        {"tenant_id": tenant_id, "position": position, "number": number, "lease": lease_seconds}
        for tenant_id, position, number in places
    ]
    with connection.cursor(row_factory=class_row(DueEffect)) as cursor:
        cursor.executemany(_CLAIM_EFFECT, claims, returning=True)
        return [due for found in cursor.results() for due in found.fetchall()]


def any_due(connection: Connection[Any]) -> bool:
    """Whether a deliverer would find something to do."""
    row = connection.execute(_ANY_DUE).fetchone()
    return row is not None and bool(row[0])


def renew(connection: Connection[Any], mails: Iterable[AnyDue], lease_seconds: float = LEASE_SECONDS) -> None:
    """Keep claimed mails for another while; each in its own transaction, so that it never waits while holding another."""
    for due in mails:
        with connection.transaction():
            _execute(connection, _RENEW, due, seconds=lease_seconds)


def sent(connection: Connection[Any], due: AnyDue) -> None:
    _execute(connection, _SENT, due, status="sent", reason=None)


def try_later(connection: Connection[Any], due: AnyDue, reason: str, seconds: float) -> None:
    _execute(connection, _LATER, due, attempts=due.attempt, reason=reason, seconds=seconds)


def give_back(connection: Connection[Any], due: AnyDue, reason: str | None = None) -> None:
    """Undo a claim: it does not count as an attempt."""
    _execute(connection, _LATER, due, attempts=due.attempt - 1, reason=reason, seconds=0.0)


def give_up(connection: Connection[Any], due: AnyDue, reason: str) -> None:
    _execute(connection, _DONE, due, status="given_up", reason=reason)


def switch_off(connection: Connection[Any], due: AnyDue, reason: str) -> None:
    """Nobody wants this mail, or nobody may get it."""
    _execute(connection, _DONE, due, status="switched_off", reason=reason)


def hold(connection: Connection[Any], seconds: float, reason: str) -> None:
    """Let no mail be claimed for `seconds`; the reason stands until a mail was sent after that."""
    connection.execute(_HOLD, {"seconds": seconds, "reason": reason})


def _execute(connection: Connection[Any], statement: LiteralString, due: AnyDue, **values: object) -> None:
    match due:
        case DueEffect():
            place = {"tenant_id": due.tenant_id, "position": due.position, "number": due.number}
            statement = statement.format(table="effect", one=_ONE_EFFECT, erase="")
        case DueAccountMail():
            place = {"mail_id": due.mail_id}
            statement = statement.format(table="account_mail", one=_ONE_ACCOUNT_MAIL, erase=_ERASE)
        case _:
            assert_never(due)
    connection.execute(statement, {**place, "attempt": due.attempt, **values})
