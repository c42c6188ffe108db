"""Where a request comes from, as far as those can be trusted who say so."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from infrastructure.operator_error import OperatorError

Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]


def networks(text: str) -> Networks:
    """The networks of a setting, separated by commas. Raises `OperatorError`."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise OperatorError(f"trusted proxies are addresses or networks: {error}") from error


def client_address(peer: str, forwarded: Sequence[str], trusted: Networks) -> str:
    """The nearest address that is not a trusted proxy's.

    `forwarded` are the values of X-Forwarded-For: each proxy appends whom it heard, so they are read from the end, and only
    while those who said it are trusted. An IPv6 address stands for its /64, which is what one customer has.
    """
    address = peer
    said = [part for value in forwarded for part in value.split(",")] if trusted else []
    while said and _is_of(address, trusted):
        address = _without_port(said.pop().strip())
    return _customer(address)


def _without_port(said: str) -> str:
    """Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`."""
    if said.startswith("["):
        return said[1:].partition("]")[0]
    return said.partition(":")[0] if said.count(":") == 1 else said


@lru_cache(maxsize=4_096)
def _is_of(address: str, trusted: Networks) -> bool:
    found = _read(address)
    return found is not None and any(found in network for network in trusted)


@lru_cache(maxsize=4_096)
def _customer(address: str) -> str:
    found = _read(address)
    if found is None:
        return "unknown"
    if isinstance(found, IPv4Address):
        return str(found)
    return str(IPv6Network((found, 64), strict=False).network_address)


def _read(address: str) -> IPv4Address | IPv6Address | None:
    """An address, that of version 4 for one in the clothes of version 6; None for what is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
