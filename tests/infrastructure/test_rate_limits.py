"""Counting while Redis is out of reach: it takes whatever is sent, and says nothing."""

import asyncio
import socket

import pytest

from infrastructure.identity import rate_limits
from infrastructure.identity.rate_limits import Limit, RateLimits


async def test_one_request_asks_whether_redis_is_back_and_no_other_waits_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr(rate_limits, "monotonic", lambda: now)
    limit = Limit("requests", "10/minute")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with RateLimits(f"redis://127.0.0.1:{port}", enabled=True) as limits:
            assert await limits.pass_by(limit, "first") is None
            now += 60
            asking = asyncio.create_task(limits.pass_by(limit, "who asks"))
            await asyncio.sleep(0)
            assert await limits.pass_by(limit, "another") is None
            assert not asking.done()
            assert await asking is None
