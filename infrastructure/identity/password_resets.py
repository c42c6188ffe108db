"""Mailing codes for a new password beside the requests that ask for them, so that no answer waits for what is found."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Final

import psycopg
import structlog

from infrastructure.database.tenant_walls import Database
from infrastructure.identity import accounts, one_use_codes
from infrastructure.identity.owner_mail import queue_for_owner
from infrastructure.processes.background import Background

_WAITING: Final = 1_000
_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 1.0
_LAST_SECONDS: Final = 3.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class ResetsBusy(Exception):
    """Too many people ask for a new password at this moment; worth a retry (503)."""


class PasswordResets(Background):
    """Finds out who asked, one after the other, and queues their mail; use it as an async context manager."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        self._asked: asyncio.Queue[str] = asyncio.Queue(_WAITING)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.done(), _LAST_SECONDS)
        await super().__aexit__(kind, error, trace)

    def ask(self, email: str) -> None:
        """Mail a code to this address, if it is an account's; returns at once. Raises `ResetsBusy`."""
        try:
            self._asked.put_nowait(email)
        except asyncio.QueueFull:
            raise ResetsBusy("Too many people ask for a new password at this moment.") from None

    async def done(self) -> None:
        """Wait until everything that was asked for is queued as mail."""
        await self._asked.join()

    async def _work(self) -> None:
        while True:
            email = await self._asked.get()
            try:
                await self._mail(email)
            except Exception as error:  # noqa: BLE001 (one who asked must not end it for all others)
                _log.error("a password reset failed", error=type(error).__name__)
            finally:
                self._asked.task_done()

    async def _mail(self, email: str) -> None:
        for _ in range(_ATTEMPTS):
            try:
                await self._mail_once(email)
            except (psycopg.Error, OSError) as error:
                _log.warning("a password reset waits", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
        _log.error("a password reset is given up", attempts=_ATTEMPTS)

    async def _mail_once(self, email: str) -> None:
        async with self._database.identity() as connection, connection.transaction():
            account = await accounts.by_email(connection, email)
            if account is None:
                return
            code = await one_use_codes.issue(connection, "password_reset", account.account_id, account.email)
            if code is None:
                return
            await queue_for_owner(connection, "password_reset", account, code=code)
        self._wake()
