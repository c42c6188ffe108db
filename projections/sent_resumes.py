"""Was a resume sent to a company? Asked of the list of applications, which names them."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def was_sent_to(connection: AsyncConnection[Any], company_id: UUID, resume_id: UUID) -> bool:
    """Whether an application at this company came with this resume, as far as the list of applications has come.

    One statement whatever the reason for a no, so that nobody learns it from the time it takes.
    """
    cursor = await connection.execute(
        """select 1 from resume join rm_application_list application
             on application.candidate_id = resume.owner_id and application.resume_id = resume.resume_id
           where resume.resume_id = %s and application.tenant_id = %s limit 1""",
        (resume_id, company_id),
    )
    return await cursor.fetchone() is not None
