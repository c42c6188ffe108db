"""Access tokens: signed statements of who acts, in which role and company, by which session."""

import time
from collections import OrderedDict
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import jwt

from application.actor import STAFF, Actor, Role
from infrastructure.identity.revocations import Revocations
from infrastructure.identity.signing_keys import KeyRing

_ISSUER: Final = "hirelog"
_AUDIENCE: Final = "hirelog-api"
_TYPE: Final = "at+jwt"
_LEEWAY_SECONDS: Final = 30
_LONGEST: Final = 4096
_REMEMBERED: Final = 10_000
_HEADER: Final = {"alg", "kid", "typ"}
_REQUIRED: Final = ["iss", "aud", "sub", "sid", "iat", "exp"]


class InvalidToken(Exception):
    """The access token is not ours, not for this, not valid any more, or was revoked."""


class Tokens:
    """Issues and reads access tokens. A token names its key, and the key has one algorithm: the token cannot choose it."""

    def __init__(self, keys: KeyRing, revocations: Revocations, lifetime_seconds: int) -> None:
        self._keys = keys
        self._revocations = revocations
        self._verified: OrderedDict[str, tuple[Actor, float, float]] = OrderedDict()
        self._keys_seen = 0
        self.lifetime_seconds = lifetime_seconds

    def issue(self, actor: Actor, granted_at: datetime) -> str:
        """A token as of `granted_at` (the database's time, before the role was read). Raises `NoSigningKey`."""
        key = self._keys.signing
        issued_at = granted_at.timestamp()
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": str(actor.account_id),
            "role": actor.role,
            "company": None if actor.company_id is None else str(actor.company_id),
            "sid": str(actor.session_id),
            "jti": str(uuid4()),
            "iat": issued_at,
            "exp": int(issued_at) + self.lifetime_seconds,
        }
        return jwt.encode(claims, key.signs, key.algorithm, headers={"kid": key.key_id, "typ": _TYPE})

    @property
    def stale(self) -> bool:
        """Whether revocations must be caught up with (`make_current`) before a token can be judged."""
        return self._revocations.stale

    async def make_current(self) -> None:
        """Catch up with the revocations. Raises `RevocationsUnknown`."""
        await self._revocations.make_current()

    def read(self, token: str) -> Actor:
        """Who a token speaks for. Raises `InvalidToken`.

        A signature is checked once: the last tokens found good are remembered until they expire or their key is gone.
        """
        if self._keys_seen != self._revocations.keys_changed:
            self._keys_seen = self._revocations.keys_changed
            self._verified.clear()
        known = self._verified.get(token)
        if known is not None and time.time() < known[1] + _LEEWAY_SECONDS:
            self._verified.move_to_end(token)
        else:
            known = self._verified[token] = self._verify(token)
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        actor, _, issued_at = known
        revoked = self._revocations.revoked
        if revoked and (actor.session_id in revoked or revoked.get(actor.account_id, 0.0) >= issued_at):
            raise InvalidToken
        return actor

    def _verify(self, token: str) -> tuple[Actor, float, float]:
        if len(token) > _LONGEST:
            raise InvalidToken
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.of(header.get("kid"))
            if key is None or header.keys() != _HEADER or header["typ"] != _TYPE:
                raise InvalidToken
            claims: dict[str, Any] = jwt.decode(
                token,
                key.verifies,
                [key.algorithm],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
            role: Role = claims["role"]
            company_id = None if role == "candidate" else UUID(claims["company"])
            if role != "candidate" and role not in STAFF:
                raise InvalidToken
            actor = Actor(UUID(claims["sub"]), role, company_id, UUID(claims["sid"]))
            return actor, float(claims["exp"]), float(claims["iat"])
        except (
            jwt.PyJWTError,
            KeyError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise InvalidToken from error
