"""Removes the files that no row names: what a process that died was writing, and what could not be removed at once."""

import asyncio
from typing import Final

import psycopg
import structlog

from infrastructure.database.tenant_walls import Database
from infrastructure.processes.background import Background
from infrastructure.resumes import rows as resume_rows
from infrastructure.resumes.blobs import Blobs, BlobsUnavailable

_EVERY_SECONDS: Final = 600.0

_log = structlog.get_logger(__name__)


class BlobSweep(Background):
    """Sweeps from time to time for as long as it is entered. Several of them do no harm."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    async def sweep(self) -> int:
        """Remove what is due; answers how many files that were. Raises `BlobsUnavailable` and errors of the database."""
        async with self._database.identity() as connection:
            names = await resume_rows.to_remove(connection)
        for name in names:
            await self._blobs.remove(name)
            async with self._database.identity() as connection:
                await resume_rows.removed(connection, name)
        return len(names)

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                if removed := await self.sweep():
                    _log.info("files swept", removed=removed)
            except (psycopg.Error, BlobsUnavailable) as error:
                _log.warning("no sweep of files", error=type(error).__name__)
