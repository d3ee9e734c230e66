"""Baseline: too many requests of one account in a day, and it is blocked.

What every gateway can do.  It sees one account at a time: 28.8 million exchanges over 25,000
accounts are 26 a day for each, less than many honest people ask.
"""

from collections.abc import Mapping, Sequence

from stream_guard.evaluation.deciders.shown import blocks, shown
from stream_guard.evaluation.grouping import Found
from stream_guard.evaluation.rulings import Ruling

DAY_S = 86_400.0


class RateRule:
    """Blocks whoever asks more than ``per_day`` times on a UTC day.  Bound: a number per account and day."""

    def __init__(self, per_day: float) -> None:
        self.name = f"rate over {per_day:g} a day"
        self._per_day = per_day
        self._day = 0
        self._asked: dict[str, int] = {}
        self._blocked: set[str] = set()

    def take(self, lines: Sequence[bytes], now: float) -> list[Ruling]:  # noqa: ARG002 - events tell the time
        """Count."""
        rulings: list[Ruling] = []
        for event in shown(lines):
            day = int(event.occurred_at // DAY_S)
            if day > self._day:
                self._day, self._asked = day, {}
            account = event.account_id
            asked = self._asked[account] = self._asked.get(account, 0) + 1
            if asked > self._per_day and account not in self._blocked:
                self._blocked.add(account)
                rulings += blocks([account], event.occurred_at, "rate")
        return rulings

    def finish(self) -> list[Ruling]:
        """Nothing is left."""
        return []

    def found(self) -> Mapping[str, Found]:
        """It knows no campaigns."""
        return {}
