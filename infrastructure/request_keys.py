"""With which request an Idempotency-Key came first.

What a request wrote is found by its key in the events (`application.handle.command_id`). But the first request of a key may have
written nothing, and the next be about another thing: to tell that they differ, the first one is kept.
"""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def remember(
    connection: AsyncConnection[Any], account_id: UUID, key_hash: bytes, request_hash: bytes
) -> bool:
    """Note the request of a key, before anything is done about it; False when the key came with another request before.

    The connection is in autocommit mode and shows what is the account's. For an account that was erased nothing is noted.
    """
    cursor = await connection.execute(
        """insert into request_key (account_id, key_hash, request_hash)
           select account_id, %s, %s from account where account_id = %s for key share
           on conflict do nothing""",
        (key_hash, request_hash, account_id),
    )
    if cursor.rowcount:
        return True
    # A statement of its own, which sees what the insertion has waited for.
    cursor = await connection.execute(
        "select request_hash from request_key where account_id = %s and key_hash = %s", (account_id, key_hash)
    )
    first = await cursor.fetchone()
    return first is None or bytes(first[0]) == request_hash
