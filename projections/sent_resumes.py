"""Who sent a resume to a company? Asked of the list of applications, which names them."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def sender(connection: AsyncConnection[Any], company_id: UUID, resume_id: UUID) -> UUID | None:
    """The candidate with whose application at this company the resume came, as far as the list of applications has come.

    Whether the resume is still theirs is not asked here.
    """
    cursor = await connection.execute(
        "select candidate_id from rm_application_list where tenant_id = %s and resume_id = %s limit 1",
        (company_id, resume_id),
    )
    found: tuple[UUID] | None = await cursor.fetchone()
    return None if found is None else found[0]
