"""What a guard counts: plain numbers, cheap enough for the request path; `metrics.py` exports them.

Only added to, by one step of the interpreter each, so that threads lose no count under CPython's lock.

Glossary: *reaction* time from the moment at which a decision was taken (event time) to the first
request that it refused, of accounts that this gateway was letting pass until then.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from stream_guard.enforcement.check import Check

# A refusal comes within milliseconds of a written decision, some seconds after its event.
REACTION_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0, 120.0, 600.0)
# A check takes 0.1 ms on one machine; deadlines are some 10 ms.
CHECK_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)

Kind = tuple[str, str, str]
"""Of a check: action, outcome (passed, refused, shadow), source."""


def kind_of(check: Check) -> Kind:
    """What a check is counted as."""
    if check.shadow:
        return check.action, "shadow", check.source
    return check.action, "passed" if check.allowed else "refused", check.source


class Buckets:
    """A histogram: how many values came, by upper bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class GuardCounts:
    """All of one guard."""

    passed: int = 0  # checks of accounts without a decision, answered from the local copy
    checks: Counter[Kind] = field(default_factory=Counter)  # all others
    failures: Counter[str] = field(default_factory=Counter)  # timeout, unreachable, refused, lost
    invalidated: int = 0  # entries of the local copy that a push removed
    dials: int = 0  # connections made
    function_loads: int = 0
    reactions: Buckets = field(default_factory=lambda: Buckets(REACTION_BUCKETS))
    asked: Buckets = field(default_factory=lambda: Buckets(CHECK_BUCKETS))  # seconds, checks that asked Redis
