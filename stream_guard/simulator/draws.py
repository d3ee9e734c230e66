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
_PAIRS: Final = [first + second for first in _LETTERS for second in _LETTERS]


@cache
def zipf(size: int, steepness: float) -> list[float]:
    """Cumulative shares of the first, second and further of so many."""
    weights = [1 / (rank + 1) ** steepness for rank in range(size)]
    total = sum(weights)
    return [share / total for share in accumulate(weights)]


class Draw:
    """A named stream of draws; `child` gives another one that depends on nothing but names.

    ``between``, ``ratio``, ``log_between`` and ``count`` draw *parameters* and widen their range in
    the test split.  Everything else draws from a law whose parameters are given.
    """

    __slots__ = ("name", "rng", "split")

    def __init__(self, name: str, split: Split = "tune") -> None:
        self.name = name
        self.split = split
        self.rng = random.Random(f"stream_guard/{split}/{name}")  # noqa: S311  # traffic, no secret

    def child(self, name: str) -> "Draw":
        """An independent stream."""
        return Draw(f"{self.name}/{name}", self.split)

    def _range(self, low: float, high: float) -> tuple[float, float]:
        if self.split == "tune" or low == high:
            return low, high
        return low / WIDER, high * WIDER

    def between(self, low: float, high: float) -> float:
        """A parameter, evenly from a range of positive numbers."""
        low, high = self._range(low, high)
        return low + (high - low) * self.rng.random()

    def ratio(self, low: float, high: float) -> float:
        """A share, evenly from a range, never above 0.98."""
        return min(self.between(low, high), 0.98)

    def log_between(self, low: float, high: float) -> float:
        """A parameter, evenly in its logarithm."""
        low, high = self._range(low, high)
        return exp(log(low) + (log(high) - log(low)) * self.rng.random())

    def count(self, low: int, high: int) -> int:
        """A size, evenly in its logarithm, at least 1."""
        return max(1, round(self.log_between(low, high)))

    def chance(self, probability: float) -> bool:
        """True this often."""
        return self.rng.random() < probability

    def about(self, median: float, sigma: float) -> float:
        """Log-normal: most things that people do in different amounts."""
        return median * exp(self.rng.gauss(0.0, sigma))

    def pick(self, options: Sequence[T]) -> T:
        """One of several, evenly."""
        return options[int(self.rng.random() * len(options))]

    def popular(self, options: Sequence[T], steepness: float = 1.0) -> T:
        """One of several, the first most often (Zipf)."""
        position = bisect(zipf(len(options), steepness), self.rng.random())
        return options[min(position, len(options) - 1)]

    def weighted(self, options: "Weighted[T]") -> T:
        """One of several, by weight."""
        return self.rng.choices(options.values, cum_weights=options.cumulative)[0]

    def shares(self, size: int, concentration: float) -> list[float]:
        """Dirichlet: how someone's interest is spread over ``size`` things."""
        draws = [self.rng.gammavariate(concentration, 1.0) + 1e-9 for _ in range(size)]
        total = sum(draws)
        return [draw / total for draw in draws]

    def opaque(self, prefix: str, length: int = 16) -> str:
        """An identifier that says nothing, of an even length: the same form for everyone."""
        bits = self.rng.getrandbits(5 * length)
        return prefix + "".join([_PAIRS[bits >> shift & 1023] for shift in range(0, 5 * length, 10)])

    def hexadecimal(self, length: int = 16) -> str:
        """A hash-like text."""
        return f"{self.rng.getrandbits(4 * length):0{length}x}"


class Weighted(Generic[T]):
    """Options with weights, ready to draw from."""

    __slots__ = ("cumulative", "values")

    def __init__(self, weights: dict[T, float]) -> None:
        self.values = [value for value, weight in weights.items() if weight > 0]
        self.cumulative = list(accumulate(weight for weight in weights.values() if weight > 0))
        if not self.values:
            message = f"weights: expected one above zero; got {weights}"
            raise ValueError(message)
