"""Mail for an operator: what waits, what was given up, and sending that again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

Status: TypeAlias = Literal["queued", "sending", "retrying", "sent", "given_up", "switched_off"]

_LIST: Final[LiteralString] = """
select * from (
    select mail_id, kind, effect.tenant_id as company_id, effect.account_id, account.email, mail_status as status,
           mail_attempts as attempts, mail_due_at as due_at, mail_done_at as done_at, mail_reason as reason,
           effect.created_at
    from effect left join account using (account_id)
    where %(status)s::text is null or mail_status = %(status)s
    union all
    select mail_id, kind, null, account_id, email, mail_status, mail_attempts, mail_due_at, mail_done_at, mail_reason,
           created_at
    from account_mail
    where %(status)s::text is null or mail_status = %(status)s) as mail
order by coalesce(done_at, due_at) desc, mail_id limit %(limit)s
"""
_AGAIN: Final[LiteralString] = """
update {table}
set mail_status = 'queued', mail_attempts = 0, mail_due_at = now(), mail_reason = null, mail_done_at = null
where mail_status = 'given_up' and (%(mail_id)s::uuid is null or mail_id = %(mail_id)s){only}
"""
_FIGURES: Final[LiteralString] = "select waiting, lag_seconds, given_up, sent, held_reason from mail_standing"


class ListedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail. `company_id` is None for mail about an account, `email` for a person who was erased.

    `due_at` is when it is tried next, `done_at` when it was sent, given up, or found to be switched off.
    """

    mail_id: UUID
    kind: str
    company_id: UUID | None
    account_id: UUID | None
    email: str | None
    status: Status
    attempts: int
    created_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    reason: str | None


class Figures(msgspec.Struct, frozen=True):
    """How mail stands: how many wait, since how long the oldest is due (s), how many were given up and sent in all, and why
    all mail is held, if it is."""

    waiting: int
    lag_seconds: float
    given_up: int
    sent: int
    held_reason: str | None


def mails(connection: Connection[Any], status: Status | None, limit: int = 1_000) -> Iterator[ListedMail]:
    """Mails of one status, or of all, the latest first."""
    with connection.cursor(row_factory=class_row(ListedMail)) as cursor:
        yield from cursor.execute(_LIST, {"status": status, "limit": limit})


def send_again(connection: Connection[Any], mail_id: UUID | None = None) -> int:
    """Queue given-up mails (or one of them) as if for the first time; how many.

    Mail that held a one-use code is not among them: the code was erased.
    """
    parameters = {"mail_id": mail_id}
    effects = connection.execute(_AGAIN.format(table="effect", only=""), parameters)
    others = connection.execute(
        _AGAIN.format(table="account_mail", only=" and parameters is not null"), parameters
    )
    return effects.rowcount + others.rowcount


def figures(connection: Connection[Any]) -> Figures:
    """How mail stands now."""
    with connection.transaction():
        # What waits and what was given up has indexes of its own; without statistics all mail was read.
        connection.execute("set local enable_seqscan = off")
        found = connection.execute(_FIGURES).fetchone() or (0, 0.0, 0, 0, None)
    return Figures(found[0], max(0.0, found[1]), found[2], found[3], found[4])
