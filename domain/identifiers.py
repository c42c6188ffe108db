"""Ids that say which tenant's log they live in.

An id is a UUID of version 8 (RFC 9562). Its first 60 free bits are the tenant's key and are shared by everything in that
tenant's log; the last 62 are random, or a hash of what must be unique. So any id routes to its log without a lookup,
and identity that must be unique is a stream id.
"""

import hashlib
from functools import lru_cache
from uuid import UUID

import msgspec

_VERSION_AND_VARIANT = (0x8 << 76) | (0b10 << 62)
_TENANT_BITS = (((1 << 48) - 1) << 80) | (((1 << 12) - 1) << 64)
_OWN_BITS = (1 << 62) - 1


def from_bytes(value: bytes) -> UUID:
    """The id of these 16 bytes, made in C: `UUID(bytes=value)` takes more than twice as long."""
    return msgspec.convert(value, UUID)


def _from_int(value: int) -> UUID:
    return from_bytes(value.to_bytes(16, "big"))


def tenant_id(random: UUID) -> UUID:
    """A tenant's id from 60 of the bits of `random`; it is its own `tenant_of`."""
    return _from_int((random.int & _TENANT_BITS) | _VERSION_AND_VARIANT)


def tenant_of(identifier: UUID) -> UUID:
    """The tenant whose log holds `identifier`; an unknown id names a tenant without a log."""
    return _tenant_with(identifier.int >> 64)


@lru_cache(maxsize=4_096)
def _tenant_with(key: int) -> UUID:
    return tenant_id(UUID(int=key << 64))


def random_id(tenant: UUID, random: UUID) -> UUID:
    """A new id in a tenant's log from 62 of the bits of `random`."""
    return _from_int((tenant.int & _TENANT_BITS) | _VERSION_AND_VARIANT | (random.int & _OWN_BITS))


def derived_id(tenant: UUID, kind: str, *parts: UUID) -> UUID:
    """The one id of a `kind` for these parts: what must be unique becomes a version conflict on its stream."""
    digest = hashlib.sha256(kind.encode() + b"".join([part.bytes for part in parts])).digest()
    own = int.from_bytes(digest[:8], "big") & _OWN_BITS
    return _from_int((tenant.int & _TENANT_BITS) | _VERSION_AND_VARIANT | own)
