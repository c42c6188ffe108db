"""Everything that Redis holds."""

from collections.abc import Callable
from typing import Final

from redis import Redis

from infrastructure.read_models.wake import broker_url

_READ: Final[dict[bytes | str, Callable[[Redis, bytes], object]]] = {
    b"string": lambda client, key: client.get(key),
    b"hash": lambda client, key: client.hgetall(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1),
}


def redis_content(redis_url: str) -> str:
    """Every key and value of both databases that an install uses."""
    found: list[bytes] = []
    for url in (redis_url, broker_url(redis_url)):
        with Redis.from_url(url) as client:
            for key in client.scan_iter():
                found += [key, repr(_READ[client.type(key)](client, key)).encode()]
    return b"\n".join(found).decode(errors="replace")
