"""Addresses of peers: how they are written, and whether they are in some networks that the operator named."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache


class Networks:
    """Addresses and networks, IPv4 and IPv6."""

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, networks: tuple[str, ...]) -> "Networks":
        """Those of a setting, read once."""
        return cls(networks)

    __slots__ = ("_networks",)

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        if not self._networks:
            return False
        try:
            whole = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False  # a Unix socket's peer
        return any(whole in network for network in self._networks)


def counted_as(address: str) -> str:
    """What an address counts as: itself, or its /64, for whoever has one address of it has them all (RFC 6177)."""
    if ":" not in address:
        return address
    whole = ipaddress.IPv6Address(address.partition("%")[0])
    return str(ipaddress.IPv6Network((whole, 64), strict=False))


def end_of(name: object) -> tuple[str, int]:
    """Host and port of a socket's name; an IPv4 peer of an IPv6 socket is shown as IPv4."""
    if not isinstance(name, tuple) or len(name) < 2:
        return "local", 0  # a Unix socket
    return str(name[0]).removeprefix("::ffff:"), int(name[1])
