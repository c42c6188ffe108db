"""Keys from a file: which are taken, and what is refused at start-up."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from application.actor import Actor
from infrastructure.identity.access_tokens import InvalidToken, Tokens
from infrastructure.identity.revocations import Revocations
from infrastructure.identity.signing_keys import KeyRing
from infrastructure.settings import SettingsError

SECRET: Final = "a key of more than thirty-two bytes, for tests"
RSA: Final = rsa.generate_private_key(65537, 2048)
UNKNOWN: Final = b"-----BEGIN PRIVATE KEY-----\nMBMCAQAwBwYFKgMEBQYEBQQDYWJj\n-----END PRIVATE KEY-----\n"
"""Of the kind 1.2.3.4.5.6."""

PrivateKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem(*keys: PrivateKey, encryption: KeySerializationEncryption | None = None) -> bytes:
    return b"# a comment\n".join(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()) for key in keys
    )


@pytest.mark.parametrize(
    ("key", "algorithm"), [(ed25519.Ed25519PrivateKey.generate(), "EdDSA"), (RSA, "RS256")]
)
async def test_a_key_file_signs_with_its_first_key_and_takes_all(
    tmp_path: Path, database_url: str, key: PrivateKey, algorithm: str
) -> None:
    file, other = tmp_path / "keys.pem", ed25519.Ed25519PrivateKey.generate()
    file.write_bytes(pem(key, other))
    keys, actor = KeyRing(SECRET, file), Actor(uuid4(), "candidate", None, uuid4())
    async with Revocations(database_url, keys, timedelta(hours=1)) as revocations:
        tokens = Tokens(keys, revocations, 3600)
        token = tokens.issue(actor, datetime.now(UTC))
        assert keys.signing.algorithm == algorithm
        assert tokens.read(token) == actor
        file.write_bytes(pem(other, key))
        os.utime(file, (1, 1))
        await revocations.refresh()
        another = tokens.issue(actor, datetime.now(UTC))
        assert keys.signing.algorithm == "EdDSA"
        assert tokens.read(token) == tokens.read(another) == actor
        for moment, no_good in enumerate((b"half a", UNKNOWN), start=2):
            file.write_bytes(no_good)
            os.utime(file, (moment, moment))
            await revocations.refresh()
            assert tokens.read(another) == actor
        file.write_bytes(pem(other))
        os.utime(file, (9, 9))
        await revocations.refresh()
        with pytest.raises(InvalidToken):
            tokens.read(token)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
        (UNKNOWN, "unknown kind"),
        (pem(RSA, encryption=BestAvailableEncryption(b"hush")), "without a password"),
        (pem(rsa.generate_private_key(65537, 1024)), "1024 bits, 2048 are needed"),  # noqa: S505
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither Ed25519 nor RSA"),
        (None, "No such file"),
    ],
)
def test_a_key_that_is_no_good_is_refused_at_start(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "keys.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=why):
        KeyRing(SECRET, file)


def test_a_short_secret_key_is_refused_at_start() -> None:
    with pytest.raises(SettingsError, match="31 bytes"):
        KeyRing("x" * 31)
