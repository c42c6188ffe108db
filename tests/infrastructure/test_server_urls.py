"""Addresses of servers: the database beside the one that an address names, and where the API is."""

import pytest
from redis import Redis

from api.command_line.up import address
from infrastructure.mail.links import public_url
from infrastructure.server_urls import next_redis_database, redis_database
from infrastructure.settings import Settings


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


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("jobs.example.com", "jobs.example.com"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - a value, nothing listens
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("2001:db8::7", "[2001:db8::7]"),
    ],
)
def test_where_the_api_is_reached_that_listens_on_a_host(host: str, named: str) -> None:
    settings = Settings(host=host, port=8122)
    assert public_url(settings) == address(settings) == f"http://{named}:8122"
