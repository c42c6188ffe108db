"""Passwords and access tokens."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, cast
from uuid import UUID, uuid4

import bcrypt
import jwt

from application.actor import STAFF, Actor, Role

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "hirelog"
_AUDIENCE: Final = "hirelog-api"
_LEEWAY_SECONDS: Final = 30
_KEY_BYTES: Final = 32
_REMEMBERED: Final = 10_000


class Passwords:
    """Hashes and checks passwords with bcrypt over an HMAC (bcrypt itself reads 72 bytes at most).

    bcrypt takes tens of milliseconds of CPU by design, so it runs in a small pool of threads, off the event loop.
    """

    def __init__(self, secret_key: str, cost: int, threads: int = 2) -> None:
        self._pepper = hashlib.sha256(b"password pepper" + secret_key.encode()).digest()
        self._cost = cost
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")
        self._unknown = bcrypt.hashpw(b"nobody", bcrypt.gensalt(cost))

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        hashed = await self._run(lambda: bcrypt.hashpw(self._prepared(password), bcrypt.gensalt(self._cost)))
        return cast("bytes", hashed).decode("ascii")

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password is the one; without a hash it takes as long and is not."""
        stored = self._unknown if password_hash is None else password_hash.encode()
        same = await self._run(lambda: bcrypt.checkpw(self._prepared(password), stored))
        return bool(same) and password_hash is not None

    async def _run(self, work: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _prepared(self, password: str) -> bytes:
        return base64.b64encode(hmac.digest(self._pepper, password.encode(), "sha256"))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class InvalidToken(Exception):
    """The access token is not ours, not for this, or not valid any more."""


class Tokens:
    """Issues and reads access tokens: signed with one pinned algorithm, for one issuer, audience and type."""

    def __init__(self, secret_key: str, lifetime_seconds: int) -> None:
        key = secret_key.encode()
        if len(key) < _KEY_BYTES:
            raise ValueError(f"the secret key has {len(key)} bytes, at least {_KEY_BYTES} are needed")
        self._key = key
        self._verified: OrderedDict[str, tuple[Actor, int]] = OrderedDict()
        self.lifetime_seconds = lifetime_seconds

    def issue(self, actor: Actor) -> str:
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": str(actor.account_id),
            "role": actor.role,
            "company": None if actor.company_id is None else str(actor.company_id),
            "jti": str(uuid4()),
            "typ": "access",
            "iat": now,
            "exp": now + self.lifetime_seconds,
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def read(self, token: str) -> Actor:
        """Who a token speaks for. Raises `InvalidToken`.

        A signature is checked once: the last tokens found good are remembered until they expire.
        """
        known = self._verified.get(token)
        if known is not None and time.time() < known[1] + _LEEWAY_SECONDS:
            self._verified.move_to_end(token)
            return known[0]
        actor, expires = self._verify(token)
        self._verified[token] = (actor, expires)
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
        return actor

    def _verify(self, token: str) -> tuple[Actor, int]:
        try:
            claims = jwt.decode(
                token,
                self._key,
                [_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
            if claims.get("typ") != "access":
                raise InvalidToken
            role: Role = claims["role"]
            company_id = None if role == "candidate" else UUID(claims["company"])
            if role != "candidate" and role not in STAFF:
                raise InvalidToken
            return Actor(UUID(claims["sub"]), role, company_id), int(claims["exp"])
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidToken from error
