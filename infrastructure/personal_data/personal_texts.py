"""Free text about a person (cover letters, notes, reasons): outside the log, so that it can be deleted."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from domain.identifiers import tenant_of


class PersonalText(msgspec.Struct, frozen=True):
    """What was written, and about whom; a repeated command has the same `text_id`."""

    text_id: UUID
    subject_id: UUID
    content: dict[str, str]


async def keep(
    connection: AsyncConnection[Any], text: PersonalText, *, stream_id: UUID, command_id: UUID
) -> None:
    """Store a text that an event of this command, in this stream, is to name. Kept again, it is the same, but young again: no text
    is deleted while a command may be about to name it (`infrastructure.personal_data.retention`).

    Nothing is kept about a person who was erased: an erasure waits for this statement, or this statement finds nobody.
    """
    await connection.execute(
        """insert into personal_text (tenant_id, text_id, subject_id, content, stream_id, command_id, unnamed_at)
           select %s, %s, account_id, %s, %s, %s, clock_timestamp() from account where account_id = %s for key share
           on conflict (tenant_id, text_id) do update
           set stream_id = excluded.stream_id, command_id = excluded.command_id, unnamed_at = excluded.unnamed_at""",
        (
            tenant_of(text.text_id),
            text.text_id,
            msgspec.json.encode(text.content).decode(),
            stream_id,
            command_id,
            text.subject_id,
        ),
    )


async def read(
    connection: AsyncConnection[Any], tenant_id: UUID, text_ids: list[UUID]
) -> dict[UUID, dict[str, str]]:
    """Texts by id; a deleted one is missing."""
    if not text_ids:
        return {}
    cursor = await connection.execute(
        "select text_id, content from personal_text where tenant_id = %s and text_id = any(%s)",
        (tenant_id, text_ids),
    )
    return dict(await cursor.fetchall())


async def delete(connection: AsyncConnection[Any], tenant_id: UUID, text_id: UUID) -> None:
    """Delete a text that no event came to name."""
    await connection.execute(
        "delete from personal_text where tenant_id = %s and text_id = %s", (tenant_id, text_id)
    )
