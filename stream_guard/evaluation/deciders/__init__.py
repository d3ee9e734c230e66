"""Who decides: the guard, and what people use today, all asked in the same way."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from stream_guard.evaluation.grouping import Found
from stream_guard.evaluation.rulings import Ruling


class Decider(Protocol):
    """Takes traffic, gives rulings.  It never sees the truth.

    `openlog.py` and `loop.py` call ``take`` with the lines since the last call, in order, and the
    event time that has been reached; it returns all rulings that it knows of by then and did not
    return before.  ``finish`` is called once, after the last line.  It may keep state only on itself.
    """

    @property
    def name(self) -> str:
        """How reports call it."""
        ...

    def take(self, lines: Sequence[bytes], now: float) -> list[Ruling]:
        """Observe; returns what is newly ruled."""
        ...

    def finish(self) -> list[Ruling]:
        """There is no more traffic; returns what is still ruled."""
        ...

    def found(self) -> Mapping[str, Found]:
        """Campaigns as it tells them; empty for whoever finds none."""
        ...
