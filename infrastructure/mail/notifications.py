"""What a person was told in the application: the rows of `effect` that are theirs, with a read mark."""

from datetime import UTC, datetime
from typing import Any, Final, LiteralString, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from infrastructure.database.tenant_walls import opaque_to_planner
from infrastructure.mail.context import EffectDetails, with_details

UNREAD_COUNTED: Final = 1_000
"""Unread notifications are counted up to this many."""

Place: TypeAlias = tuple[datetime, UUID]
"""Where a notification stands in the order: when it was made, and its id."""

_FOR_THEM: Final[LiteralString] = opaque_to_planner(
    "effect.recipient = 'candidate' or effect.tenant_id = %(company_id)s"
)
_OWN: Final[LiteralString] = f"""
effect.account_id = %(account_id)s and {_FOR_THEM}
and coalesce((select preference.in_app from notification_preference as preference
              where preference.account_id = effect.account_id and preference.kind = effect.kind), true)
"""
_SHOWN: Final[LiteralString] = (
    f"{_OWN} and (select true from account as candidate where candidate.account_id = effect.candidate_id)"
)
"""What is about a person who was erased is not."""

_UNREAD: Final[LiteralString] = "and effect.read_at is null"
_OF_JOB: Final[LiteralString] = "and effect.job_id = %(job_id)s"
_LIST: Final[LiteralString] = f"""
select * from effect where {_SHOWN} {{narrowed}} and (effect.created_at, effect.mail_id) < (%(before)s, %(before_id)s)
order by effect.created_at desc, effect.mail_id desc limit %(limit)s
"""
_COUNT: Final[LiteralString] = f"""
select count(*) from (select from effect where {_SHOWN} {_UNREAD} limit %(counted)s) as counted
"""
_MARK: Final[LiteralString] = f"""
update effect set read_at = now()
where {_OWN} and effect.read_at is null and (effect.created_at, effect.mail_id) <= (%(before)s, %(before_id)s)
"""
_ONE: Final[LiteralString] = with_details(
    f"select * from effect where {_OWN} and effect.mail_id = %(id)s limit 1"
)
_MARK_ONE: Final[LiteralString] = f"""
update effect set read_at = now() where {_OWN} and effect.mail_id = %(id)s and effect.read_at is null
"""
_END: Final = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))


class Reader(msgspec.Struct, frozen=True):
    """Whose notifications. What a member was told about a company's applications ends with the membership: `company_id` is
    the company in which the person acts now."""

    account_id: UUID
    company_id: UUID | None

    @property
    def parameters(self) -> dict[str, Any]:
        return {"account_id": self.account_id, "company_id": self.company_id}


async def listed(
    connection: AsyncConnection[Any],
    reader: Reader,
    *,
    unread: bool = False,
    job_id: UUID | None = None,
    before: Place | None = None,
    limit: int = 50,
) -> list[EffectDetails]:
    """Notifications, newest first, those `before` a place, of all jobs or of one. Switched-off kinds and those about erased people
    are not there."""
    at, notification_id = before or _END
    narrowed: LiteralString = f"{_UNREAD if unread else ''} {_OF_JOB if job_id else ''}"
    effects = with_details(_LIST.format(narrowed=narrowed))
    async with connection.cursor(row_factory=class_row(EffectDetails)) as cursor:
        await cursor.execute(
            f"{effects} order by effect.created_at desc, effect.mail_id desc",
            {
                **reader.parameters,
                "job_id": job_id,
                "before": at,
                "before_id": notification_id,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def one(
    connection: AsyncConnection[Any], reader: Reader, notification_id: UUID
) -> EffectDetails | None:
    async with connection.cursor(row_factory=class_row(EffectDetails)) as cursor:
        await cursor.execute(_ONE, {**reader.parameters, "id": notification_id})
        return await cursor.fetchone()


async def unread_count(connection: AsyncConnection[Any], reader: Reader) -> int:
    """How many are unread; `UNREAD_COUNTED` stands for that many or more."""
    cursor = await connection.execute(_COUNT, {**reader.parameters, "counted": UNREAD_COUNTED})
    counted: int = (await cursor.fetchall())[0][0]
    return counted


async def mark_read(connection: AsyncConnection[Any], reader: Reader, notification_id: UUID) -> None:
    """Mark one as read; the first time counts."""
    await connection.execute(_MARK_ONE, {**reader.parameters, "id": notification_id})


async def mark_all_read(connection: AsyncConnection[Any], reader: Reader, up_to: Place | None = None) -> int:
    """Mark those up to a place as read, or all; how many were not yet."""
    at, notification_id = up_to or _END
    cursor = await connection.execute(
        _MARK, {**reader.parameters, "before": at, "before_id": notification_id}
    )
    return cursor.rowcount
