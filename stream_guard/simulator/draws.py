"""Randomness by name: every part of the traffic has its own stream, so that one change moves one part.

Seeds of the two splits never meet: ``tune`` is for whoever sets a threshold, ``test`` for whoever
judges it, and ``test`` draws every parameter from a range that is wider by `WIDER` at both ends.

`random.Random` throughout: the same on every platform, seeded by text.
"""

import random
from bisect import bisect
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from math import exp, log
from typing import Final, Generic, Literal, TypeVar

Split = Literal["tune", "test"]
WIDER: Final = 1.35
T = TypeVar("T")
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_HALF: Final = (1 << 40) - 1  # bits of eight letters
_PAIRS: Final = [first + second for first in _LETTERS for second in _LETTERS]


@cache
def zipf(size: int, steepness: float) -> list[float]:
    """Cumulative shares of the first, second and further of so many; the last, which is all, left out."""
    weights = [1 / (rank + 1) ** steepness for rank in range(size)]
    total = sum(weights)
    return [share / total for share in accumulate(weights)][:-1]


class Draw:
    """A named stream of draws; `child` gives another one that depends on nothing but names.

    ``between``, ``ratio``, ``log_between`` and ``count`` draw *parameters* and widen their range in
    the test split.  Everything else draws from a law whose parameters are given.

    Accounts are drawn one by one, with some eighty draws each: hence no layer that is not needed.
    """

    __slots__ = ("_bits", "_is_wide", "_random", "name", "rng", "split")

    def __init__(self, name: str, split: Split = "tune") -> None:
        self.name = name
        self.split = split
        self.rng = random.Random(f"stream_guard/{split}/{name}")  # noqa: S311  # traffic, no secret
        self._random, self._bits = self.rng.random, self.rng.getrandbits
        self._is_wide = split != "tune"

    def child(self, name: str) -> "Draw":
        """An independent stream."""
        return Draw(f"{self.name}/{name}", self.split)

    def between(self, low: float, high: float) -> float:
        """A parameter, evenly from a range of positive numbers."""
        if self._is_wide and low != high:
            low, high = low / WIDER, high * WIDER
        return low + (high - low) * self._random()

    def ratio(self, low: float, high: float) -> float:
        """A share, evenly from a range, never above 0.98."""
        if self._is_wide and low != high:
            low, high = low / WIDER, high * WIDER
        drawn = low + (high - low) * self._random()
        return drawn if drawn < 0.98 else 0.98

    def log_between(self, low: float, high: float) -> float:
        """A parameter, evenly in its logarithm."""
        if self._is_wide and low != high:
            low, high = low / WIDER, high * WIDER
        return exp(log(low) + (log(high) - log(low)) * self._random())

    def count(self, low: int, high: int) -> int:
        """A size, evenly in its logarithm, at least 1."""
        return max(1, round(self.log_between(low, high)))

    def chance(self, probability: float) -> bool:
        """True this often."""
        return self._random() < probability

    def about(self, median: float, sigma: float) -> float:
        """Log-normal: most things that people do in different amounts."""
        return median * exp(self.rng.gauss(0.0, sigma))

    def pick(self, options: Sequence[T]) -> T:
        """One of several, evenly."""
        return options[int(self._random() * len(options))]

    def below(self, size: int) -> int:
        """A whole number from 0 to ``size - 1``, evenly: what `random.randrange` gives, in half the time."""
        width = size.bit_length()
        drawn = self._bits(width)
        while drawn >= size:
            drawn = self._bits(width)
        return drawn

    def distinct(self, size: int, count: int) -> list[int]:
        """Few different ones out of many whole numbers from 0 to ``size - 1``."""
        drawn: dict[int, None] = {}
        while len(drawn) < count:
            drawn[self.below(size)] = None
        return list(drawn)

    def popular(self, options: Sequence[T], steepness: float = 1.0) -> T:
        """One of several, the first most often (Zipf)."""
        return options[bisect(zipf(len(options), steepness), self._random())]

    def weighted(self, options: "Weighted[T]") -> T:
        """One of several, by weight."""
        return options.values[bisect(options.reach, self._random() * options.total)]

    def shares(self, size: int, concentration: float) -> list[float]:
        """Dirichlet: how someone's interest is spread over ``size`` things."""
        draws = [self.rng.gammavariate(concentration, 1.0) + 1e-9 for _ in range(size)]
        total = sum(draws)
        return [draw / total for draw in draws]

    def opaque(self, prefix: str, length: int = 16) -> str:
        """An identifier that says nothing, of an even length: the same form for everyone."""
        bits = self._bits(5 * length)
        if length == 16:  # nearly all
            low, high = bits & _HALF, bits >> 40
            return (
                f"{prefix}{_PAIRS[low & 1023]}{_PAIRS[low >> 10 & 1023]}{_PAIRS[low >> 20 & 1023]}"
                f"{_PAIRS[low >> 30]}{_PAIRS[high & 1023]}{_PAIRS[high >> 10 & 1023]}"
                f"{_PAIRS[high >> 20 & 1023]}{_PAIRS[high >> 30]}"
            )
        return prefix + "".join([_PAIRS[bits >> shift & 1023] for shift in range(0, 5 * length, 10)])

    def hexadecimal(self, length: int = 16) -> str:
        """A hash-like text."""
        return f"{self._bits(4 * length):0{length}x}"


class Weighted(Generic[T]):
    """Options with weights, ready to draw from."""

    __slots__ = ("reach", "total", "values")

    def __init__(self, weights: dict[T, float]) -> None:
        self.values = [value for value, weight in weights.items() if weight > 0]
        if not self.values:
            message = f"weights: expected one above zero; got {weights}"
            raise ValueError(message)
        *self.reach, self.total = accumulate(weight for weight in weights.values() if weight > 0)
