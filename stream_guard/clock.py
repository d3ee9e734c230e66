"""Time is passed in: the core never asks for it.

Event time inside the stream is an ``int`` of Unix milliseconds (``at``, ``now``); records that
leave the program carry float Unix seconds (``*_at``), as the contract says.
"""

import time
from typing import Protocol

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def to_ms(seconds: float) -> int:
    """Unix seconds to Unix milliseconds, rounded to the nearest."""
    return round(seconds * 1000)


def to_seconds(ms: int) -> float:
    """Unix milliseconds to Unix seconds."""
    return ms / 1000


class Clock(Protocol):
    """Wall clock, for shells and sinks only."""

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock for tests: it stands still until it is moved."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return self._now_ms

    def advance(self, ms: int) -> None:
        """Move the clock on by ``ms`` milliseconds."""
        self._now_ms += ms
