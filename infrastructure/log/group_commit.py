"""Group commit: concurrent appends of a process are written together, many per transaction."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from application.recorded import Append, Appended, VersionConflict
from infrastructure.log.group_queue import Connection, GroupQueue
from infrastructure.log.transaction import checked_size
from infrastructure.log.writer import write

Committed = Callable[[set[UUID]], None]


class GroupCommit(GroupQueue[Append, Appended]):
    """Writes appends; `append` returns once they are durable.

    `committed` is told which tenants have new events after each commit. `batches` and `appends` count what was written, and
    `generation` how often another connection was written to than before.
    """

    def __init__(
        self,
        database_url: str,
        *,
        queue_limit: int = 10_000,
        batch_limit: int = 256,
        writers: int = 1,
        committed: Committed | None = None,
        walled: bool = False,
    ) -> None:
        super().__init__(database_url, workers=writers, queue_limit=queue_limit, batch_limit=batch_limit)
        self._committed = committed
        self._walled = walled
        self._connection: Connection | None = None
        self.generation = 0
        self.batches = 0
        self.appends = 0

    async def append(self, append: Append) -> Appended:
        """Write durably.

        Raises `VersionConflict`, `LogUnavailable` (then the outcome may be unknown: repeat it with the same command id), or
        `ValueError` for what a log cannot hold. Whoever stops waiting does not know the outcome either.
        """
        return await self._ask(append, checked_size(append))

    async def _send(
        self, connection: Connection, requests: Sequence[Append]
    ) -> Sequence[Appended | VersionConflict]:
        if connection is not self._connection:
            self.generation += self._connection is not None
            self._connection = connection
        stale = [number for number, append in enumerate(requests) if self._is_stale(append)]
        if stale:
            return await self._send_fresh(connection, requests, set(stale))
        outcomes = await write(connection, requests, walled=self._walled)
        self.batches += 1
        self.appends += len(requests)
        if self._committed is not None:
            written = {
                append.tenant_id
                for append, outcome in zip(requests, outcomes, strict=True)
                if isinstance(outcome, Appended)
            }
            if written:
                self._tell_committed(self._committed, written)
        return outcomes

    def _is_stale(self, append: Append) -> bool:
        return append.generation is not None and append.generation != self.generation

    async def _send_fresh(
        self, connection: Connection, requests: Sequence[Append], stale: set[int]
    ) -> Sequence[Appended | VersionConflict]:
        """Write those that are not stale; the others conflict, whatever the versions are by now."""
        fresh = [append for number, append in enumerate(requests) if number not in stale]
        written = iter(await self._send(connection, fresh) if fresh else ())
        return [
            _conflict(append) if number in stale else next(written) for number, append in enumerate(requests)
        ]

    def _tell_committed(self, committed: Committed, tenants: set[UUID]) -> None:
        try:
            committed(tenants)
        except Exception as error:  # noqa: BLE001 (the events are written: their writers must hear so)
            asyncio.get_running_loop().call_exception_handler(
                {"message": "what follows a commit failed", "exception": error}
            )


def _conflict(stale: Append) -> VersionConflict:
    first = stale.parts[0]
    return VersionConflict(first.stream_id, first.expected_version, first.expected_version)
