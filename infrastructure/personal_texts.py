"""Free text about a person (cover letters, notes, reasons): outside the log, so that it can be forgotten."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection


async def keep(
    connection: AsyncConnection[Any],
    tenant_id: UUID,
    text_id: UUID,
    subject_id: UUID,
    content: dict[str, str],
) -> None:
    """Store a text about `subject_id` under an id that an event will name; keeping it again changes nothing.

    Nothing is kept about a person who was erased: an erasure waits for this statement, or this statement finds nobody.
    """
    await connection.execute(
        """insert into personal_text (tenant_id, text_id, subject_id, content)
           select %s, %s, account_id, %s from account where account_id = %s for key share
           on conflict do nothing""",
        (tenant_id, text_id, msgspec.json.encode(content).decode(), subject_id),
    )


async def read(
    connection: AsyncConnection[Any], tenant_id: UUID, text_ids: list[UUID]
) -> dict[UUID, dict[str, str]]:
    """Texts by id; a forgotten one is missing."""
    if not text_ids:
        return {}
    cursor = await connection.execute(
        "select text_id, content from personal_text where tenant_id = %s and text_id = any(%s)",
        (tenant_id, text_ids),
    )
    return dict(await cursor.fetchall())


async def forget(connection: AsyncConnection[Any], tenant_id: UUID, text_id: UUID) -> None:
    """Delete a text that no event came to name."""
    await connection.execute(
        "delete from personal_text where tenant_id = %s and text_id = %s", (tenant_id, text_id)
    )
