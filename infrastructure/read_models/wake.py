"""Wake-ups in Redis: which tenants have new events, per read model, and whether somebody is there to hear it.

Three keys per read model. `behind`: a sorted set of tenants, by when they were announced; being a set it coalesces, and it
can be waited on. `projecting`: the projectors that listen, each until a time. `called`: set for a while after a Dramatiq
message was asked for, so that a burst of commits asks once. All of it is a hint: PostgreSQL knows who is behind, and losing
any of this costs a sweep.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, cast
from uuid import UUID

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from infrastructure.server_urls import next_redis_database

LISTEN_MILLISECONDS: Final = 5_000
CALL_MILLISECONDS: Final = 5_000
UNHEARD_MILLISECONDS: Final = 1_500
SHARE_MILLISECONDS: Final = 1_000
TENANTS_PER_CALL: Final = 1_000

ALIVE: Final = "hirelog:alive"
"""A key that is written to see whether others can be."""

ANNOUNCE: Final = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local call = {}
for i = 1, #KEYS, 3 do
    for j = 3, #ARGV do redis.call('zadd', KEYS[i], 'NX', now, ARGV[j]) end
    local oldest = redis.call('zrange', KEYS[i], 0, 0, 'WITHSCORES')[2]
    local unheard = oldest and now - oldest > tonumber(ARGV[2])
    if unheard or redis.call('zcount', KEYS[i + 1], now, '+inf') == 0 then
        if redis.call('set', KEYS[i + 2], '1', 'NX', 'PX', ARGV[1]) then call[#call + 1] = (i - 1) / 3 end
    end
end
return call
"""
"""Add tenants for all read models; the numbers of those for which nobody listens, so that a message is due."""

_LISTEN: Final = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('zremrangebyscore', KEYS[2], '-inf', now)
redis.call('zadd', KEYS[2], now + ARGV[2], ARGV[1])
local found = redis.call('zpopmin', KEYS[1], ARGV[3])
local tenants = {}
for i = 1, #found, 2 do tenants[#tenants + 1] = found[i] end
return {tenants, redis.call('zcard', KEYS[1])}
"""
_LEAVE: Final = """
if ARGV[2] == '1' or redis.call('zcard', KEYS[1]) == 0 then
    redis.call('zrem', KEYS[2], ARGV[1])
    return 1
end
return 0
"""


def keys(name: str) -> tuple[str, str, str]:
    """The keys of a read model: who is behind, who projects, was somebody called."""
    return f"hirelog:{name}:behind", f"hirelog:{name}:projecting", f"hirelog:{name}:called"


def announcement(tenants: Collection[UUID]) -> list[bytes | int]:
    """The arguments of `ANNOUNCE`."""
    return [CALL_MILLISECONDS, UNHEARD_MILLISECONDS, *(tenant_id.bytes for tenant_id in tenants)]


def broker_url(redis_url: str) -> str:
    """The address of the broker's own database, the one after that of `redis_url`: Dramatiq's script uses KEYS. The wake-ups are
    in it too."""
    return next_redis_database(redis_url)


def connect(redis_url: str) -> Redis:
    """A client of the broker's database: short time-outs, one retry for a connection that had gone stale."""
    return Redis.from_url(
        broker_url(redis_url),
        socket_timeout=5,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=0,
    )


def takes_wake_ups(redis: Redis) -> bool:
    """Whether Redis can be written to: one that is full, or a replica, answers and still wakes nobody."""
    try:
        return bool(redis.set(ALIVE, "1", px=CALL_MILLISECONDS))
    except RedisError:
        return False


class WakeUpCalls:
    """Announcing from code that may wait (the sweep, a worker, the command line)."""

    def __init__(self, redis: Redis) -> None:
        self._announce = redis.register_script(ANNOUNCE)

    def announce(self, names: Sequence[str], tenants: Collection[UUID]) -> list[str]:
        """Say that `tenants` have new events for these read models; those for which a message is due now."""
        if not names:
            return []
        chosen = list(tenants)
        due: list[int] = []
        for start in range(0, max(1, len(chosen)), TENANTS_PER_CALL):
            some = chosen[start : start + TENANTS_PER_CALL]
            due += cast(
                "list[int]", self._announce([key for name in names for key in keys(name)], announcement(some))
            )
        return [names[number] for number in dict.fromkeys(due)]


class Listening:
    """One projector's side of the wake-ups: which tenants were announced to it, and whether it may stop listening."""

    def __init__(self, redis: Redis, name: str, projector_id: str) -> None:
        self._redis = redis
        self._keys = keys(name)
        self._projector_id = projector_id
        self._listen = redis.register_script(_LISTEN)
        self._leave = redis.register_script(_LEAVE)

    def arrive(self) -> None:
        """The message that called this projector was heard."""
        self._redis.delete(self._keys[2])

    def take(self, limit: int) -> tuple[set[UUID], int]:
        """Up to `limit` tenants that are said to be behind, and how many more are waiting; says that we listen."""
        arguments: list[str | int] = [self._projector_id, LISTEN_MILLISECONDS, limit]
        found, waiting = cast("tuple[list[bytes], int]", self._listen(self._keys[:2], arguments))
        return {UUID(bytes=tenant_id) for tenant_id in found}, waiting

    def wait(self, seconds: float) -> UUID | None:
        """The first tenant that is announced within `seconds`, at once when it is."""
        found = cast(
            "tuple[Any, bytes, float] | None", self._redis.bzpopmin([self._keys[0]], timeout=seconds)
        )
        return None if found is None else UUID(bytes=found[1])

    def give_back(self, tenants: Collection[UUID]) -> None:
        """Leave tenants to another projector, and have one called at the next announcement, as if they had long been waiting."""
        if tenants:
            self._redis.zadd(self._keys[0], {tenant_id.bytes: 0 for tenant_id in tenants}, nx=True)

    def may_share(self) -> bool:
        """Whether another projector should be called to help; at most about once a second."""
        return bool(self._redis.set(f"{self._keys[2]}:help", "1", nx=True, px=SHARE_MILLISECONDS))

    def leave(self, *, regardless: bool = False) -> bool:
        """Stop listening, unless somebody was announced meanwhile: then False, and the projector stays."""
        return bool(self._leave(self._keys[:2], [self._projector_id, int(regardless)]))
