"""What is in force, for whom, when: decisions as far as they are enforced.

An account's newest decision holds, until it expires; a shadow decision enforces nothing.  A block
refuses everything, a throttle all but the first ``limit_per_min`` exchanges of each clock minute (of
event time); a challenge refuses nothing here, since whoever can pay a person can answer it.

Glossary: *ruling* a decision as evaluation sees it; *in force from* when gateways know of it.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable
from operator import attrgetter
from typing import Literal

from msgspec import Struct

from stream_guard.evaluation.reading import decoded
from stream_guard.records import Action

MINUTE_S = 60.0
MINUTES_KEPT = 4  # per throttled account: events come at most a little out of order
Outcome = Literal["served", "throttled", "blocked"]


class Ruling(Struct, gc=False):
    """A decision, as far as it is enforced and counted."""

    account_id: str
    action: Action
    decided_at: float
    limit_per_min: int | None = None
    expires_at: float | None = None
    shadow: bool = False
    reason_codes: tuple[str, ...] = ()
    campaign_id: str | None = None


_start_of = attrgetter("decided_at")


class Table:
    """All rulings; what holds for an account at a time, and what a gateway that obeys would answer.

    Bound: every ruling that was made, and `MINUTES_KEPT` counters for each throttled account.
    """

    def __init__(self, rulings: Iterable[Ruling] = ()) -> None:
        self._rulings: dict[str, list[Ruling]] = {}
        self._minutes: dict[str, dict[int, int]] = {}
        for ruling in rulings:
            self.add(ruling)

    def __len__(self) -> int:
        return sum(map(len, self._rulings.values()))

    def add(self, ruling: Ruling) -> None:
        """From ``ruling.decided_at`` on it holds; of two at the same time, the later added one."""
        mine = self._rulings.setdefault(ruling.account_id, [])
        if mine and ruling.decided_at < mine[-1].decided_at:
            insort(mine, ruling, key=_start_of)
        else:
            mine.append(ruling)

    def of(self, account_id: str) -> list[Ruling]:
        """All rulings on an account, in time order."""
        return self._rulings.get(account_id, [])

    def accounts(self) -> Iterable[str]:
        """All accounts that were ruled on."""
        return self._rulings.keys()

    def holding(self, account_id: str, at: float) -> Ruling | None:
        """What is enforced at ``at``."""
        mine = self._rulings.get(account_id)
        if mine is None:
            return None
        index = bisect_right(mine, at, key=_start_of) - 1
        if index < 0:
            return None
        newest = mine[index]
        is_over = newest.expires_at is not None and at >= newest.expires_at
        return None if newest.shadow or is_over else newest

    def answer(self, account_id: str, at: float) -> Outcome:
        """What becomes of an exchange; asked once for each, since throttled ones use up their minute."""
        holding = self.holding(account_id, at)
        if holding is None or holding.action in ("allow", "challenge"):
            return "served"
        if holding.action == "block":
            return "blocked"
        minutes, minute = self._minutes.setdefault(account_id, {}), int(at // MINUTE_S)
        used = minutes.get(minute, 0)
        if used >= (holding.limit_per_min or 0):
            return "throttled"
        minutes[minute] = used + 1
        if len(minutes) > MINUTES_KEPT:
            del minutes[min(minutes)]
        return "served"


def read_rulings(lines: Iterable[bytes], place: str) -> Iterable[Ruling]:
    """Decisions from a file; ConfigurationError that names ``place`` and line if one is none."""
    return (ruling for _, ruling in decoded(lines, place, Ruling, "a decision"))
