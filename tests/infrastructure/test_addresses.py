"""Addresses of servers: the database beside the one that an address names."""

import pytest
from redis import Redis

from infrastructure.addresses import next_redis_database, redis_database


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("redis://cache:6379/0", "redis://cache:6379/1"),
        ("redis://cache:6379/14", "redis://cache:6379/15"),
        ("redis://cache/3?db=7", "redis://cache/8"),
        ("rediss://:pw@cache?socket_timeout=5", "rediss://:pw@cache/1?socket_timeout=5"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock?db=1"),
        ("unix:///run/valkey.sock?db=2", "unix:///run/valkey.sock?db=3"),
    ],
)
def test_the_next_database_of_the_same_redis(url: str, other: str) -> None:
    assert next_redis_database(url) == other
    assert Redis.from_url(other).get_connection_kwargs()["db"] == redis_database(url) + 1
