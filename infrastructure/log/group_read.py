"""Group read: concurrent reads of a process share one trip to PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from psycopg.pq.abc import PGresult

from infrastructure.log.group_queue import Connection, GroupQueue
from infrastructure.log.pipeline import Call, run
from infrastructure.log.transaction import show_call

_CONNECTIONS: Final = 2
_BATCH_LIMIT: Final = 64


class GroupRead(GroupQueue[Call, PGresult]):
    """Runs single statements, many per trip, over a few connections."""

    def __init__(self, database_url: str, *, queue_limit: int, walled: bool) -> None:
        super().__init__(
            database_url, workers=_CONNECTIONS, queue_limit=queue_limit, batch_limit=_BATCH_LIMIT
        )
        self._walled = walled

    async def read(self, call: Call) -> PGresult:
        """The statement's result. Raises `LogUnavailable` when overloaded or without a database, `ValueError` for what
        PostgreSQL cannot take."""
        return await self._ask(call)

    async def _send(self, connection: Connection, requests: Sequence[Call]) -> Sequence[PGresult]:
        if not self._walled:
            return await run(connection, requests)
        tenants = {parameters[0] or b"" for _, parameters in requests}
        return (await run(connection, [show_call(tenants), *requests]))[1:]
