"""How often somebody may ask: counted in Redis, so that all processes count together.

A limit is written as `limits` reads it: `5/minute;20/hour` is two windows, and whoever fills the longer one waits longer.
General traffic is counted in leases of a few requests, so that most requests need no trip to Redis.
"""

import asyncio
from time import monotonic, time
from types import TracebackType
from typing import Any, Final, Self, cast
from uuid import UUID

import limits
import msgspec
import structlog
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from infrastructure.operator_error import OperatorError

LEASE: Final = 20
"""Requests that a process counts at once; a limit may be reached so many requests early for each process."""

_AWAY_SECONDS: Final = 1.0
_MOST_LEASES: Final = 10_000
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Allowance(msgspec.Struct, frozen=True):
    """What is left of a limit: of `limit` requests in the window, `remaining`, for `reset` more seconds."""

    limit: int
    remaining: int
    reset: int


class RateLimited(Exception):
    """Too many; the next may come when the allowance is renewed."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(f"Too many requests; try again in {allowance.reset} s.")
        self.allowance = allowance


class LimitsUnavailable(Exception):
    """Nobody can count now, and what was asked may not go uncounted."""


class Limit:
    """Windows that all must have room. Raises `OperatorError` for a text that `limits` cannot read."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self.windows = sorted(limits.parse_many(text), key=lambda window: window.get_expiry())
        except ValueError as error:
            raise OperatorError(f"{text!r} is no rate limit, which looks like 5/minute;20/hour") from error


class _Lease(msgspec.Struct):
    allowance: Allowance
    left: int
    until: float


class RateLimits:
    """The limits of one process; `enabled` False lets everything pass."""

    def __init__(self, redis_url: str, *, enabled: bool) -> None:
        self._pool = ConnectionPool.from_url(redis_url, socket_timeout=1.0, socket_connect_timeout=0.5)
        self._storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="hirelog:limit",
            connection_pool=cast("Any", self._pool),  # declared as text, used as it is
        )
        self._limiter = FixedWindowRateLimiter(self._storage)
        self.enabled = enabled
        self._leases: dict[str | UUID, _Lease] = {}
        self._asking: dict[str | UUID, asyncio.Future[None]] = {}
        self._away_until = 0.0
        if not enabled:
            _log.warning("RATE LIMITS ARE OFF: anybody may try passwords as fast as they like")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.disconnect()

    async def spend(self, limit: Limit, *key: str) -> Allowance | None:
        """Count one attempt exactly; what is left in the first window (None: nobody counts). Raises `RateLimited`, and
        `LimitsUnavailable` when Redis is away (fails closed).

        An attempt that is refused is not counted: whoever goes on trying is not locked out for longer.
        """
        if not self.enabled:
            return None
        try:
            for window in reversed(limit.windows):  # the wait is that of the longest that is full
                if not await self._limiter.test(window, limit.name, *key):
                    raise RateLimited(await self._allowance(window, limit.name, *key))
            for window in limit.windows:
                if not await self._limiter.hit(window, limit.name, *key):
                    raise RateLimited(await self._allowance(window, limit.name, *key))
            return await self._allowance(limit.windows[0], limit.name, *key)
        except (RedisError, OSError, TimeoutError) as error:
            raise LimitsUnavailable("Attempts cannot be counted now.") from error

    async def forgive(self, limit: Limit, *key: str) -> None:
        """Forget the attempts that were counted: one of them was right."""
        if not self.enabled:
            return
        try:
            for window in limit.windows:
                await self._limiter.clear(window, limit.name, *key)
        except (RedisError, OSError, TimeoutError):
            return

    async def pass_by(self, limit: Limit, key: str | UUID) -> Allowance | None:
        """Count one request of general traffic, roughly. Raises `RateLimited`; None when nobody counts (Redis is away: it
        fails open)."""
        if not self.enabled:
            return None
        lease = self._leases.get(key)
        now = monotonic()
        while lease is None or lease.left <= 0 or lease.until <= now:
            if now < self._away_until:
                return None
            if lease is not None and lease.allowance.remaining <= 0 and lease.until > now:
                raise RateLimited(_in_seconds(lease, now))
            await self._renew(limit, key)
            lease, now = self._leases.get(key), monotonic()
            if lease is None:
                return None
        lease.left -= 1
        return _in_seconds(lease, now)

    async def _renew(self, limit: Limit, key: str | UUID) -> None:
        """A new lease; those who need it at the same time share the asking."""
        if (asking := self._asking.get(key)) is not None:
            await asyncio.shield(asking)
            return
        done = self._asking[key] = asyncio.get_running_loop().create_future()
        if self._away_until:
            # One request finds out whether Redis is back, and no other waits for that.
            self._away_until = monotonic() + _AWAY_SECONDS
        try:
            await self._lease(limit, key)
        except (RedisError, OSError, TimeoutError) as error:
            self._leases.pop(key, None)
            self._away_until = monotonic() + _AWAY_SECONDS
            _log.warning("requests are not counted", reason=f"{type(error).__name__}: {error}")
        finally:
            del self._asking[key]
            done.set_result(None)

    async def _lease(self, limit: Limit, key: str | UUID) -> None:
        window = limit.windows[0]
        cost = min(LEASE, window.amount)
        granted = await self._limiter.hit(window, limit.name, str(key), cost=cost)
        allowance = await self._allowance(window, limit.name, str(key))
        self._away_until = 0.0
        if not granted:
            allowance = msgspec.structs.replace(allowance, remaining=0)
        if len(self._leases) >= _MOST_LEASES:
            now = monotonic()
            self._leases = {name: lease for name, lease in self._leases.items() if lease.until > now}
            if len(self._leases) >= _MOST_LEASES:
                self._leases.clear()
        self._leases[key] = _Lease(allowance, cost if granted else 0, monotonic() + allowance.reset)
        if not granted:
            raise RateLimited(allowance)

    async def _allowance(self, window: limits.RateLimitItem, *key: str) -> Allowance:
        stats = await self._limiter.get_window_stats(window, *key)
        reset = max(1, round(stats.reset_time - time()))
        return Allowance(window.amount, stats.remaining, min(reset, window.get_expiry()))


def _in_seconds(lease: _Lease, now: float) -> Allowance:
    allowance = lease.allowance
    return Allowance(allowance.limit, allowance.remaining + lease.left, max(1, round(lease.until - now)))
