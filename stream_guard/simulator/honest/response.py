"""What honest customers do when they are refused.

A client's library asks again a few times when it is throttled; a person waits a little or gives the
conversation up.  Whoever is shut out tries again now and then, some write to the provider, and many
leave for good when it lasts.

Bound: one entry per customer who was refused, and the conversations he gave up.
"""

import random
from dataclasses import dataclass, field
from typing import Final

from stream_guard.simulator.arrivals import DAY
from stream_guard.simulator.engine.lines import Row
from stream_guard.simulator.engine.loop import ACCOUNT, AT, SESSION, at_least_a_ms, replaced
from stream_guard.simulator.engine.roster import Roster
from stream_guard.simulator.order import Complaint

PATIENCE: Final = 3  # attempts at one request
REMEMBERED: Final = 16  # conversations given up
COMPLAINS: Final = 0.3  # who is shut out, once


@dataclass(slots=True)
class Mood:
    """One customer's experience."""

    since: float  # first refusal of this trouble
    tries: int = 0  # of the request under way
    away_until: float = 0.0
    is_gone: bool = False
    has_complained: bool = False
    given_up: list[int] = field(default_factory=list)


class Customers:
    """All of them."""

    def __init__(self, roster: Roster, rng: random.Random, complaints: list[Complaint]) -> None:
        self._roster = roster
        self._rng = rng
        self._complaints = complaints
        self._moods: dict[int, Mood] = {}

    def before(self, row: Row) -> Row | None:
        """He comes unless he gave up, is away or has left."""
        mood = self._moods[row[ACCOUNT]]
        if mood.is_gone or row[AT] < mood.away_until * 1000 or row[SESSION] in mood.given_up:
            return None
        return row

    def refused(self, row: Row, status: int) -> list[Row]:
        """Asks again, or not."""
        rng, at = self._rng, row[AT] / 1000
        mood = self._moods.setdefault(row[ACCOUNT], Mood(at))
        if at - mood.since > 14 * DAY:
            mood.since = at  # an old story
        mood.tries += 1
        if status == 429 and mood.tries < PATIENCE and rng.random() < 0.7:
            wait = rng.lognormvariate(1.5, 1.0) * 2**mood.tries
            return [replaced(row, {AT: at_least_a_ms(at + wait, row)})]
        mood.tries = 0
        mood.given_up = [row[SESSION], *mood.given_up[: REMEMBERED - 1]]
        if status != 429:
            self._shut_out(row, mood, at)
        return []

    def _shut_out(self, row: Row, mood: Mood, at: float) -> None:
        rng = self._rng
        if not mood.has_complained and rng.random() < COMPLAINS:
            mood.has_complained = True
            self._complaints.append(Complaint(account_id=self._roster.ids[row[ACCOUNT]], at=at, status=403))
        mood.away_until = at + rng.lognormvariate(7.5, 1.5)  # half an hour, more or less
        mood.is_gone = rng.random() < 0.03 + 0.1 * (at - mood.since) / DAY
