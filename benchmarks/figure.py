"""One number that a row measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`more` is better where a rate is measured; else less is better."""

    what: str
    value: float
    unit: str
    more: bool = False
