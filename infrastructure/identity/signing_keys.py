"""The keys that access tokens are signed with: which one signs, which are taken, and how the next one takes over.

By default they are HMAC keys (HS256), each made of `SECRET_KEY` and a random salt in the table `signing_key`: neither alone
forges a token. With a key file they are its private keys (Ed25519: EdDSA, RSA: RS256); the first signs, all are taken.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from psycopg import AsyncConnection, Connection

from infrastructure.settings import SECRET_KEY_BYTES, Settings, SettingsError

Algorithm: TypeAlias = Literal["HS256", "EdDSA", "RS256"]

TAKES_OVER_AFTER: Final = timedelta(seconds=10)
"""A new key signs when every process has heard of it: none decides on knowledge older than half of this."""

_RSA_BITS: Final = 2048
_PEM: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)

_log = structlog.get_logger(__name__)


class SigningKey(msgspec.Struct, frozen=True):
    """One key with the one algorithm that it is for; `key_id` is the `kid` of its tokens."""

    key_id: str
    algorithm: Algorithm
    signs: bytes | Ed25519PrivateKey | RSAPrivateKey
    verifies: bytes | Ed25519PublicKey | RSAPublicKey


class StoredKey(msgspec.Struct, frozen=True):
    """A row of `signing_key`."""

    key_id: str
    salt: bytes
    signs_from: datetime


class NoSigningKey(Exception):
    """The keys could not be read from the database yet."""


class KeyRing:
    """The keys as this process knows them. Raises `SettingsError` for a key that is too short or of another kind."""

    def __init__(self, secret_key: str, key_file: Path | None = None) -> None:
        if len(secret_key.encode()) < SECRET_KEY_BYTES:
            given = len(secret_key.encode())
            raise SettingsError(f"the secret key has {given} bytes, at least {SECRET_KEY_BYTES} are needed")
        self._secret = secret_key.encode()
        self._file = key_file
        self._changed_at = 0
        self._keys: dict[str, SigningKey] = {}
        self._signing: SigningKey | None = None
        if key_file is not None:
            self._changed_at = _changed_at(key_file)
            self._take(keys_of(key_file))

    @property
    def uses_database(self) -> bool:
        return self._file is None

    @property
    def signing(self) -> SigningKey:
        """The key for a new token. Raises `NoSigningKey`."""
        if self._signing is None:
            raise NoSigningKey
        return self._signing

    def of(self, key_id: object) -> SigningKey | None:
        """The key that a token names."""
        return self._keys.get(key_id) if isinstance(key_id, str) else None

    def take_stored(self, rows: Iterable[StoredKey], now: datetime) -> bool:
        """Use the keys of the database, whose time is `now`; true when a key is gone or new."""
        ordered = sorted(rows, key=lambda row: (row.signs_from, row.key_id), reverse=True)
        if not ordered:
            return False
        keys = {row.key_id: self._keys.get(row.key_id) or self._derived(row) for row in ordered}
        signing = next((row for row in ordered if row.signs_from <= now), ordered[-1])
        changed = keys.keys() != self._keys.keys()
        self._keys, self._signing = keys, keys[signing.key_id]
        return changed

    def reread(self) -> bool:
        """Look whether the key file has changed; true when it has. A file that is no good meanwhile changes nothing."""
        if self._file is None:
            return False
        try:
            changed_at = _changed_at(self._file)
            if changed_at == self._changed_at:
                return False
            self._take(keys_of(self._file))
        except SettingsError as error:
            _log.warning("key file ignored", reason=str(error))
            return False
        self._changed_at = changed_at
        return True

    def _take(self, keys: list[SigningKey]) -> None:
        self._keys, self._signing = {key.key_id: key for key in keys}, keys[0]

    def _derived(self, row: StoredKey) -> SigningKey:
        key = hmac.digest(self._secret, b"access token " + row.key_id.encode() + row.salt, "sha256")
        return SigningKey(row.key_id, "HS256", key, key)


def check_key_file(settings: Settings) -> None:
    """Raise `SettingsError` when the settings name a key file that is no good."""
    if settings.token_key_file is not None:
        keys_of(Path(settings.token_key_file))


def keys_of(path: Path) -> list[SigningKey]:
    """The private keys of a PEM file, at least one. Raises `SettingsError` with one line."""
    try:
        blocks = _PEM.findall(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    if not blocks:
        raise SettingsError(f"{path} holds no private key (PEM)")
    return [_key(block, path) for block in blocks]


def _key(block: bytes, path: Path) -> SigningKey:
    try:
        private = load_pem_private_key(block, None)
    except UnsupportedAlgorithm as error:
        raise SettingsError(f"{path} holds a private key of an unknown kind") from error
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{path} holds a private key that cannot be read without a password") from error
    match private:
        case Ed25519PrivateKey():
            public = private.public_key()
            return SigningKey(_fingerprint(public), "EdDSA", private, public)
        case RSAPrivateKey() if private.key_size >= _RSA_BITS:
            rsa = private.public_key()
            return SigningKey(_fingerprint(rsa), "RS256", private, rsa)
        case RSAPrivateKey():
            raise SettingsError(f"{path} holds an RSA key of {private.key_size} bits, {_RSA_BITS} are needed")
        case _:
            raise SettingsError(f"{path} holds a key that is neither Ed25519 nor RSA")


def _fingerprint(key: Ed25519PublicKey | RSAPublicKey) -> str:
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()[:16]


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error


async def stored_keys(connection: AsyncConnection[Any]) -> list[StoredKey]:
    cursor = await connection.execute("select key_id, salt, signs_from from signing_key")
    return [StoredKey(*row) for row in await cursor.fetchall()]


async def forget_replaced(connection: AsyncConnection[Any], after: timedelta) -> None:
    """Delete the keys whose successor has signed for so long that none of their tokens is good any more."""
    await connection.execute(
        """delete from signing_key where exists (
               select from signing_key as successor
               where successor.signs_from > signing_key.signs_from
                   and successor.signs_from < clock_timestamp() - %s::interval
           )""",
        (after,),
    )


def rotate(connection: Connection[Any], *, at_once: bool = False) -> str:
    """Make the next key; its id. The old ones are taken as long as their tokens live; `at_once` drops them instead."""
    key_id = secrets.token_hex(8)
    with connection.transaction():
        if at_once:
            connection.execute("delete from signing_key")
        connection.execute(
            "insert into signing_key (key_id, salt, signs_from) values (%s, %s, clock_timestamp() + %s)",
            (key_id, secrets.token_bytes(32), timedelta() if at_once else TAKES_OVER_AFTER),
        )
    return key_id
