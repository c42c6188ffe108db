"""What the application needs of the world."""

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

from application.recorded import Append, Appended, StoredEvent


class EventLog(Protocol):
    """Where events are: `infrastructure.event_store.EventStore` is the real one."""

    @property
    def generation(self) -> int:
        """Changes when the database had to be connected to anew. It may then be another one (a replica that took over, a restored
        backup), in which the last events are missing, and others have their versions."""
        ...

    def append(self, append: Append) -> Awaitable[Appended]:
        """Write durably and atomically. Raises `VersionConflict` or `LogUnavailable`."""
        ...

    async def load(
        self, tenant_id: UUID, stream_id: UUID, *, after_version: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        """A stream after a version, by default from its first; empty if there is none. `limit` events at most."""
        ...

    async def read(self, tenant_id: UUID, *, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """A tenant's log after a position, in order, without holes."""
        ...
