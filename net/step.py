"""The steps that all SASL mechanisms have in common: what a server says next."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the client is to answer next."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The client broke the rules of the mechanism; `reason` may be told."""

    reason: str
