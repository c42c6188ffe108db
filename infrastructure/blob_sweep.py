"""Removes the files that no row names: what a process that died was writing, and what could not be removed at once."""

import asyncio
import contextlib
from types import TracebackType
from typing import Final, Self

import psycopg
import structlog

from infrastructure import resume_rows
from infrastructure.blobs import Blobs, BlobsUnavailable
from infrastructure.tenant_walls import Database

_EVERY_SECONDS: Final = 600.0

_log = structlog.get_logger(__name__)


class BlobSweep:
    """Sweeps from time to time for as long as it is entered. Several of them do no harm."""

    def __init__(self, database: Database, blobs: Blobs, every_seconds: float = _EVERY_SECONDS) -> None:
        self._database = database
        self._blobs = blobs
        self._every_seconds = every_seconds
        self._sweeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sweeping = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping

    async def sweep(self) -> int:
        """Remove what is due; answers how many files that were. Raises `BlobsUnavailable` and errors of the database."""
        async with self._database.identity() as connection:
            names = await resume_rows.to_remove(connection)
        for name in names:
            await self._blobs.remove(name)
            async with self._database.identity() as connection:
                await resume_rows.removed(connection, name)
        return len(names)

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                if removed := await self.sweep():
                    _log.info("files swept", removed=removed)
            except (psycopg.Error, BlobsUnavailable) as error:
                _log.warning("no sweep of files", error=type(error).__name__)
