"""Refresh tokens: a session is a family of them, of which one is good; what is stored of a token is its hash.

A refresh spends the token and answers its successor. When the answer was lost, the same token is answered again with the
same successor for a few seconds, as long as nobody has used that one. Any other use of a spent token means that two
parties hold it: the session ends.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from psycopg import AsyncConnection

from infrastructure.identity.accounts import Account
from infrastructure.identity.sessions import end_session, end_surplus

_CLIENT_CHARACTERS: Final = 200


class Granted(msgspec.Struct, frozen=True):
    """A session with its one good refresh token. What the access token will say must be read after `granted_at`, the
    database's time: a revocation that comes later then refuses it."""

    session_id: UUID
    account_id: UUID
    refresh_token: str
    granted_at: datetime


class Reused(msgspec.Struct, frozen=True):
    """A spent token came again: the session has been ended, and the account's owner must be told."""

    account_id: UUID


class SessionTokens:
    """Opens sessions and rotates their refresh tokens."""

    def __init__(
        self,
        secret_key: str,
        *,
        idle: timedelta,
        longest: timedelta,
        grace: timedelta = timedelta(seconds=10),
    ) -> None:
        self._key = hashlib.sha256(b"refresh tokens" + secret_key.encode()).digest()
        self._idle = idle
        self._longest = longest
        self._grace = grace

    async def open(self, connection: AsyncConnection[Any], account: Account, client: str) -> Granted | None:
        """A new session of an account whose password was right a moment ago; `client` is its User-Agent.

        None when the account was disabled or its password changed meanwhile. Its oldest sessions end beyond
        a hundred.
        """
        session_id, refresh_token = uuid4(), secrets.token_urlsafe(32)
        async with connection.transaction():
            cursor = await connection.execute(
                """
                with owner as (
                    select account_id from account
                    where account_id = %(account_id)s and password_hash = %(password_hash)s and disabled_at is null
                    for share
                ), opened as (
                    insert into session (session_id, account_id, client, expires_at)
                    select %(session_id)s, account_id, %(client)s, clock_timestamp() + %(longest)s from owner
                    returning session_id
                )
                insert into refresh_token (token_hash, session_id, expires_at)
                select %(token_hash)s, session_id, clock_timestamp() + %(idle)s from opened
                returning issued_at
                """,
                {
                    "account_id": account.account_id,
                    "password_hash": account.password_hash,
                    "session_id": session_id,
                    "client": _printable(client),
                    "longest": self._longest,
                    "idle": min(self._idle, self._longest),
                    "token_hash": _digest(refresh_token),
                },
            )
            opened: tuple[datetime] | None = await cursor.fetchone()
            if opened is None:
                return None
            await end_surplus(connection, account.account_id)
        return Granted(session_id, account.account_id, refresh_token, opened[0])

    async def refresh(self, connection: AsyncConnection[Any], refresh_token: str) -> Granted | Reused | None:
        """Spend a refresh token, within the caller's transaction; None when it is not good (any more).

        Concurrent calls with one token take turns on their session.
        """
        token_hash = _digest(refresh_token)
        cursor = await connection.execute(
            "select session_id from refresh_token where token_hash = %s", (token_hash,)
        )
        found: tuple[UUID] | None = await cursor.fetchone()
        if found is None:
            return None
        (session_id,) = found
        cursor = await connection.execute(
            "select account_id, expires_at from session where session_id = %s and ended_at is null for update",
            (session_id,),
        )
        session: tuple[UUID, datetime] | None = await cursor.fetchone()
        # The time is asked for when the session is locked, not before.
        cursor = await connection.execute(
            """select expires_at, spent_at, successor_salt, clock_timestamp() from refresh_token
               where token_hash = %s""",
            (token_hash,),
        )
        token: tuple[datetime, datetime | None, bytes | None, datetime] | None = await cursor.fetchone()
        if session is None or token is None:
            return None
        account_id, session_expires = session
        expires, spent_at, salt, now = token
        if now >= session_expires:
            return None
        if spent_at is None or salt is None:
            if now >= expires:
                return None
            successor = await self._spend(connection, session_id, refresh_token, session_expires, now)
            return Granted(session_id, account_id, successor, now)
        successor = self._successor(refresh_token, salt)
        if now - spent_at <= self._grace and await _is_unspent(connection, successor):
            return Granted(session_id, account_id, successor, now)
        await end_session(connection, account_id, session_id, "reuse_detected")
        return Reused(account_id)

    async def _spend(
        self,
        connection: AsyncConnection[Any],
        session_id: UUID,
        refresh_token: str,
        session_expires: datetime,
        now: datetime,
    ) -> str:
        salt = secrets.token_bytes(16)
        successor = self._successor(refresh_token, salt)
        await connection.execute(
            """
            with spent as (
                update refresh_token set spent_at = %(now)s, successor_salt = %(salt)s where token_hash = %(old)s
            ), used as (
                update session set refreshed_at = %(now)s where session_id = %(session_id)s
            )
            insert into refresh_token (token_hash, session_id, issued_at, expires_at)
            values (%(new)s, %(session_id)s, %(now)s, %(expires)s)
            """,
            {
                "now": now,
                "salt": salt,
                "old": _digest(refresh_token),
                "new": _digest(successor),
                "session_id": session_id,
                "expires": min(now + self._idle, session_expires),
            },
        )
        return successor

    def _successor(self, refresh_token: str, salt: bytes) -> str:
        """Whoever lost the answer is told it again, although the database keeps only hashes."""
        made = hmac.digest(self._key, salt + refresh_token.encode(), "sha256")
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


async def _is_unspent(connection: AsyncConnection[Any], refresh_token: str) -> bool:
    cursor = await connection.execute(
        "select spent_at is null from refresh_token where token_hash = %s", (_digest(refresh_token),)
    )
    return await cursor.fetchone() == (True,)


def _digest(refresh_token: str) -> bytes:
    """Tokens are random, so that a plain hash is enough."""
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()


def _printable(client: str) -> str:
    return "".join(filter(str.isprintable, client))[:_CLIENT_CHARACTERS]
