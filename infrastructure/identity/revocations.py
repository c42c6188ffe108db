"""Which access tokens are refused before they expire, and with which keys they are signed: known to each API process without
asking the database at every request, and never older than five seconds."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, cast
from uuid import UUID

import psycopg
import structlog

from infrastructure.identity.signing_keys import KeyRing, forget_replaced, stored_keys
from infrastructure.log.connection import Link
from infrastructure.processes.background import Background

OLDEST_SECONDS: Final = 4.5
"""No token is judged on knowledge older than this; with the time of a poll, five seconds."""

_POLL_SECONDS: Final = 1.0
_POLL_LIMIT_SECONDS: Final = 2.0
_TIDY_SECONDS: Final = 60.0
_CLOCKS_APART_SECONDS: Final = 10.0
_LATE_COMMIT: Final = timedelta(seconds=60)
_MARGIN: Final = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class RevocationsUnknown(Exception):
    """The database cannot be asked who has logged out; requests with a token wait for it."""


class Revocations(Background):
    """The ended sessions and revoked accounts of the last while; use it as an async context manager.

    A token says when it was issued, in the database's time: for an account that is revoked, only what was issued later is
    taken; of a session that has ended, nothing.
    """

    def __init__(self, database_url: str, keys: KeyRing, token_lifetime: timedelta) -> None:
        self._link = Link(database_url)
        self._keys = keys
        self._remembered = token_lifetime + _MARGIN
        self._revoked: dict[UUID, float] = {}
        self._since: datetime | None = None
        self._known_at = float("-inf")
        self._tidied_at = float("-inf")
        self._failing = False
        self._clock_is_off = False
        self._wanted = asyncio.Event()
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.keys_changed = 0

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.refresh()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self._link.close()

    @property
    def revoked(self) -> Mapping[UUID, float]:
        """Session or account id -> when, in seconds since the epoch."""
        return self._revoked

    @property
    def stale(self) -> bool:
        """Whether what is known is too old to let anybody in."""
        return time.monotonic() - self._known_at > OLDEST_SECONDS

    async def make_current(self) -> None:
        """Catch up with the database after it, or this process, was away. Raises `RevocationsUnknown`."""
        await self.refresh()
        if self.stale:
            raise RevocationsUnknown

    async def refresh(self) -> None:
        """Learn what was committed before this call; callers at the same time share one look. Never raises."""
        self._wanted.set()
        await asyncio.shield(self._next)

    async def _work(self) -> None:
        while True:
            served, self._next = self._next, asyncio.get_running_loop().create_future()
            self._wanted.clear()
            started = time.monotonic()
            try:
                async with asyncio.timeout(_POLL_LIMIT_SECONDS):
                    await self._poll()
            except Exception as error:  # noqa: BLE001 (whatever it is, nobody may wait for this look for ever)
                await self._failed(error)
            else:
                self._known_at, self._failing = started, False
            served.set_result(None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wanted.wait()

    async def _poll(self) -> None:
        connection = await self._link.connection()
        cursor = await connection.execute(
            """
            select clock_timestamp(), subject_id, revoked_at
            from (select) as always left join revocation
                on revoked_at > coalesce(%s, clock_timestamp() - %s::interval)
            """,
            (self._since, self._remembered),
        )
        rows = cast("list[tuple[datetime, UUID | None, datetime]]", await cursor.fetchall())
        now = rows[0][0]
        self._compare_clocks(now)
        for _, subject_id, revoked_at in rows:
            if subject_id is not None:
                known = self._revoked.get(subject_id, 0.0)
                self._revoked[subject_id] = max(known, revoked_at.timestamp())
        # A revocation becomes visible when it is committed, a little after the moment that it says.
        self._since = now - _LATE_COMMIT
        if self._keys.uses_database:
            changed = self._keys.take_stored(await stored_keys(connection), now)
        else:
            changed = await asyncio.to_thread(self._keys.reread)
        self.keys_changed += changed
        if time.monotonic() - self._tidied_at > _TIDY_SECONDS:
            await self._tidy(connection, now)

    def _compare_clocks(self, now: datetime) -> None:
        """Tokens carry the database's time: who judges them by another refuses good ones, and nobody would know why."""
        ahead = time.time() - now.timestamp()
        was_off, self._clock_is_off = self._clock_is_off, abs(ahead) > _CLOCKS_APART_SECONDS
        if self._clock_is_off and not was_off:
            _log.warning(
                "this machine's clock is not that of the database: tokens may be refused, or taken for too long",
                seconds_ahead=round(ahead),
            )

    async def _tidy(self, connection: psycopg.AsyncConnection[Any], now: datetime) -> None:
        """Forget what concerns no token that is still good."""
        self._tidied_at = time.monotonic()
        oldest = (now - self._remembered).timestamp()
        self._revoked = {subject: at for subject, at in self._revoked.items() if at > oldest}
        await connection.execute(
            "delete from revocation where revoked_at < clock_timestamp() - %s::interval",
            (2 * self._remembered,),
        )
        await forget_replaced(connection, self._remembered)

    async def _failed(self, error: Exception) -> None:
        if not self._failing:
            _log.warning("revocations unknown", error=type(error).__name__)
        self._failing = True
        with contextlib.suppress(psycopg.Error, OSError):
            await self._link.close()
