"""How many connections are inside a door, in all and from one address.

An IPv6 address counts by its /64: whoever has one address of it has them all (RFC 6177). What is inside in all is
a limit of one process, for it bounds that process's memory. What one address may have is a promise about the
address, so where a door has several processes they count together (`net.limits`).
"""

from collections.abc import Callable
from typing import Literal

from net.limits import Slot, Slots
from net.networks import counted_as


class Guests:
    """Those of one process; `slots`, with a name for the door, where it is one of several."""

    __slots__ = ("_by_address", "_kind", "_slots", "_told", "most", "most_per_address", "total")

    def __init__(
        self,
        most: int = 10_000,
        most_per_address: int | None = None,
        *,
        slots: Slots | None = None,
        kind: str = "",
        told: Callable[[Literal["in", "out", "away"]], None]
        | None = None,  # hears who comes, goes, is sent away
    ) -> None:
        self.most = most
        self.most_per_address = most_per_address
        self.total = 0
        self._slots = slots
        self._kind = f"{kind}-addresses"
        self._told = told
        self._by_address: dict[str, list[Slot | None]] = {}

    def admit(self, address: str) -> str:
        """Count one in; else what is full: the `house`, or the `address`."""
        full = self._admit(address)
        if self._told is not None:
            self._told("away" if full else "in")
        return full

    def _admit(self, address: str) -> str:
        if self.total >= self.most:
            return "house"
        key = counted_as(address)
        here = self._by_address.get(key, [])
        slot = None
        if self.most_per_address is not None and address != "local":  # a Unix socket's peer has no address
            if len(here) >= self.most_per_address:
                return "address"
            if self._slots is not None:
                slot = self._slots.take(self._kind, key, self.most_per_address)
                if slot is None:
                    return "address"
        self.total += 1
        here.append(slot)
        self._by_address[key] = here
        return ""

    def enter(self, address: str) -> bool:
        """Count one in; false, and not counted, when the house or that address is full."""
        return not self.admit(address)

    def leave(self, address: str) -> None:
        if self._told is not None:
            self._told("out")
        self.total -= 1
        key = counted_as(address)
        here = self._by_address[key]
        slot = here.pop()
        if slot is not None:
            slot.free()
        if not here:
            del self._by_address[key]
