"""What became of the mails that followed from events."""

from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from application.effects import Kind, Recipient

MailStatus: TypeAlias = Literal["queued", "sent", "retrying", "given_up", "switched_off"]

_OUTCOMES: Final[LiteralString] = """
select position, kind, recipient as to, coalesce(mail_done_at, case when mail_status = 'retrying' then mail_due_at end) as at,
       case when mail_status <> 'sending' then mail_status
            when mail_attempts > 1 then 'retrying' else 'queued' end as status,
       mail_reason as reason
from effect where tenant_id = %s and position = any(%s) order by position, number
"""


class MailOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one person.

    `at` is when it was sent, given up or found to be switched off, or when it is tried next; null while it is being sent. `reason` says why it
    is not sent (yet).
    """

    kind: Kind
    to: Recipient
    status: MailStatus
    at: datetime | None
    reason: str | None


class _Row(MailOutcome, frozen=True, kw_only=True):
    position: int


async def of_positions(
    connection: AsyncConnection[Any], tenant_id: UUID, positions: list[int]
) -> dict[int, list[MailOutcome]]:
    """The mails that followed from the events at these positions; an event without mails is missing."""
    found: dict[int, list[MailOutcome]] = {}
    if positions:
        async with connection.cursor(row_factory=class_row(_Row)) as cursor:
            await cursor.execute(_OUTCOMES, (tenant_id, positions))
            for row in await cursor.fetchall():
                found.setdefault(row.position, []).append(
                    MailOutcome(kind=row.kind, to=row.to, status=row.status, at=row.at, reason=row.reason)
                )
    return found
