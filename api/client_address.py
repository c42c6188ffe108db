"""Where a request comes from, as far as those can be trusted who say so."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
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
    said = [part.strip() for value in forwarded for part in value.split(",")] if trusted else []
    while said and _is_of(address, trusted):
        address = said.pop()
    return _customer(address)


@lru_cache(maxsize=4_096)
def _is_of(address: str, trusted: Networks) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in trusted)


@lru_cache(maxsize=4_096)
def _customer(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found, 64), strict=False).network_address)
