"""The event store: every way to write and read a tenant's log, asynchronous for the API and synchronous for the rest.

As a persistence module of the `eventsourcing` library: `PERSISTENCE_MODULE=infrastructure.event_store` with
`DATABASE_URL` and `TENANT_ID` runs any of its applications on one tenant's log.
"""

from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import psycopg

from application.recorded import Append, Appended, StoredEvent, VersionConflict
from infrastructure.log import reading
from infrastructure.log.group_commit import Committed, GroupCommit
from infrastructure.log.group_read import GroupRead
from infrastructure.log.pipeline import run_sync
from infrastructure.log.transaction import checked_size
from infrastructure.log.writer import write_sync
from infrastructure.recorders.factory import Factory

__all__ = ["EventStore", "Factory", "SyncEventStore"]


class EventStore:
    """The logs of all tenants, for one event loop; use it as an async context manager.

    `walled`: the database shows its role only the tenants that a statement is about, and is told which.
    """

    def __init__(
        self,
        database_url: str,
        *,
        queue_limit: int = 10_000,
        batch_limit: int = 256,
        committed: Committed | None = None,
        walled: bool = False,
    ) -> None:
        self._database_url = database_url
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._committed = committed
        self._walled = walled

    async def __aenter__(self) -> Self:
        self.writing = GroupCommit(
            self._database_url,
            queue_limit=self._queue_limit,
            batch_limit=self._batch_limit,
            committed=self._committed,
            walled=self._walled,
        )
        self._reading = GroupRead(self._database_url, queue_limit=self._queue_limit, walled=self._walled)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.writing.close()
        finally:
            await self._reading.close()

    @property
    def generation(self) -> int:
        """How often the connection that writes was made anew: an append that names an earlier one conflicts."""
        return self.writing.generation

    def append(self, append: Append) -> Coroutine[Any, Any, Appended]:
        """Write atomically and durably.

        Raises `VersionConflict` when a stream is not at its expected version, `LogUnavailable` under overload or without
        a database, `ValueError` when there is no event to write or a log cannot hold it.
        """
        return self.writing.append(append)

    async def load(
        self, tenant_id: UUID, stream_id: UUID, *, after_version: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        """A stream after a version, by default from its first; empty if there is none. `limit` events at most. Concurrent loads
        share a trip."""
        last = None if limit is None else after_version + limit
        result = await self._reading.read(reading.stream(tenant_id, stream_id, after_version, last, None))
        return reading.rows(tenant_id, result)

    async def load_as_of(
        self, tenant_id: UUID, stream_id: UUID, *, version: int | None = None, time: datetime | None = None
    ) -> list[StoredEvent]:
        """A stream up to a version, or up to what was recorded at or before a moment."""
        result = await self._reading.read(reading.stream(tenant_id, stream_id, 0, version, time))
        return reading.rows(tenant_id, result)

    async def read(self, tenant_id: UUID, *, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """A tenant's log after a position, in order, without holes."""
        return reading.rows(tenant_id, await self._reading.read(reading.page(tenant_id, after, limit)))

    async def head(self, tenant_id: UUID) -> int:
        """The last position of a tenant's log (0: none)."""
        return reading.head_position(await self._reading.read(reading.head(tenant_id)))


class SyncEventStore:
    """The same log over a synchronous connection of its own in autocommit mode; each append is its own transaction.

    Errors of the connection are psycopg's: repeating an append with the same command id is safe.
    """

    def __init__(self, connection: psycopg.Connection[object]) -> None:
        connection.prepare_threshold = None
        self._connection = connection

    def append(self, append: Append) -> Appended:
        return self.append_many([append])[0]

    def append_many(self, appends: Sequence[Append]) -> list[Appended]:
        """Write several appends in one transaction; raises the first `VersionConflict` after the others are written."""
        for append in appends:
            checked_size(append)
        outcomes = write_sync(self._connection, appends)
        appended: list[Appended] = []
        for outcome in outcomes:
            if isinstance(outcome, VersionConflict):
                raise outcome
            appended.append(outcome)
        return appended

    def load(
        self,
        tenant_id: UUID,
        stream_id: UUID,
        *,
        after_version: int = 0,
        version: int | None = None,
        time: datetime | None = None,
    ) -> list[StoredEvent]:
        call = reading.stream(tenant_id, stream_id, after_version, version, time)
        return reading.rows(tenant_id, run_sync(self._connection, [call])[0])

    def read(self, tenant_id: UUID, *, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        return reading.rows(tenant_id, run_sync(self._connection, [reading.page(tenant_id, after, limit)])[0])

    def head(self, tenant_id: UUID) -> int:
        return reading.head_position(run_sync(self._connection, [reading.head(tenant_id)])[0])
