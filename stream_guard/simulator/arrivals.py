"""Spans of event time and the laws of gaps within them, as ServeGen found them.

Arrivals are a renewal process (Gamma or Weibull gaps of mean one and a given coefficient of variation)
on the clock of what an hour is expected to bring; `engine/rhythm.py` draws it.
"""

from dataclasses import dataclass
from functools import cache
from math import gamma as gamma_function
from typing import Final

HOUR: Final = 3600.0
DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Span:
    """The event time that the traffic covers, Unix seconds; starts on a whole hour."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Law:
    """How gaps vary about their mean."""

    cv: float  # standard deviation over mean; 1: no memory, above: bursts, below: regular
    is_gamma: bool


@cache
def weibull_shape(cv: float) -> float:
    """The shape whose coefficient of variation is ``cv`` (0.15 to 6), by halving an interval."""
    low, high = 0.2, 10.0  # cv 15.8 and 0.12
    for _ in range(50):
        middle = (low + high) / 2
        if gamma_function(1 + 2 / middle) / gamma_function(1 + 1 / middle) ** 2 - 1 > cv**2:
            low = middle
        else:
            high = middle
    return low
