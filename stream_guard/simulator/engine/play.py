"""Stretch after stretch of event time: who begins what, what falls due, what the provider's limits refuse.

A stretch is some hours, as many as hold about `ENOUGH` requests and never across midnight (UTC).
Conversations that begin in it become rows at once; rows that fall due later wait.

Bound: the rows of a stretch and of conversations under way.

Glossary: *stretch* as above; *operation* somebody who deals work over accounts of his.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.arrivals import DAY, HOUR
from stream_guard.simulator.engine.rhythm import Rhythm
from stream_guard.simulator.engine.sessions import (
    REQUEST,
    Batch,
    Sessions,
    taken,
    together,
    without_calls,
)
from stream_guard.simulator.engine.world import World

Array = NDArray[Any]
ENOUGH: Final = 30_000  # requests that make a stretch worth its fixed cost
WARM_UP_S: Final = 3 * HOUR  # conversations under way when the span begins


class Dealer(Protocol):
    """Deals work over accounts that have no habit of their own; asked once per hour, in order."""

    def deal(self, begin: float) -> Batch | None:
        """Conversations that begin within the hour."""
        ...

    def expected(self, begin: float) -> float:
        """Requests that the hour will bring, about."""
        ...


class Plan:
    """Everything that would happen if nobody were refused."""

    def __init__(self, world: World, dealers: Sequence[Dealer], sketch_ratio: float) -> None:
        self._world = world
        self._dealers = dealers
        self._rhythm = Rhythm(world.roster, world.rng("rhythm"))
        rng = world.rng("sessions")
        self._sessions = Sessions(world.roster, world.clients, world.provider, rng)
        self._sessions.sketch_ratio = sketch_ratio
        self._limits = Limits(world)

    def stretches(self) -> Iterator[Array]:
        """Rows in order of time, stretch by stretch."""
        span = self._world.span
        waiting = np.empty(0, REQUEST)
        at = span.start - WARM_UP_S
        while at < span.end:
            until = at + HOUR * self._hours(at)
            begun = [waiting]
            while at < until:
                begun += [self._sessions.expand(batch) for batch in self._begin(at)]
                at += HOUR
            rows = together(begun)
            times = rows["at"].copy()
            is_due = times < min(until, span.end) * 1000
            waiting = taken(rows, np.flatnonzero(~is_due))
            chosen = np.flatnonzero(is_due & (times >= span.start * 1000))
            due = taken(rows, chosen[np.argsort(times[chosen], kind="stable")])
            self._limits.apply(due)
            yield due

    def _begin(self, at: float) -> Iterator[Batch]:
        yield Batch(*self._rhythm.hour(at))
        for dealer in self._dealers:
            batch = dealer.deal(at)
            if batch is not None:
                yield batch

    def _hours(self, at: float) -> int:
        expected = self._rhythm.expected(at) + sum(dealer.expected(at) for dealer in self._dealers)
        to_midnight = round((DAY - at % DAY) / HOUR)
        return max(1, min(to_midnight, int(ENOUGH / max(expected, 1.0))))


class Limits:
    """The provider's own limits per minute and day, for everybody by his tier."""

    def __init__(self, world: World) -> None:
        self._roster = world.roster
        self._rng = world.rng("limits")
        self._day = -1
        self._today: Array = np.zeros(0, np.int64)

    def apply(self, rows: Array) -> None:
        """Refuse what is too much; rows of one stretch, in order."""
        if not len(rows):
            return
        account = rows["account"]
        counts = np.bincount(account, minlength=self._roster.size)
        self._admit(int(rows["at"][0] // 86_400_000))
        table = self._roster.table
        before = self._today
        self._today = before + counts
        suspects = (counts > table["per_min"]) | (self._today > table["per_day"])
        chosen = np.flatnonzero(suspects[account])
        if not chosen.size:
            return
        who = account[chosen].astype(np.int64)
        minute = rows["at"][chosen] // 60_000
        in_minute = ranks(who * (1 << 32) + minute)
        in_day = ranks(who) + before[who]
        is_over = (in_minute >= table["per_min"][who]) | (in_day >= table["per_day"][who])
        refused = chosen[is_over & (rows["status"][chosen] < 400)]
        rows["status"][refused] = 429
        rows["tail"][refused] = without_calls(rows["tail"][refused])
        rows["latency"][refused] = 450 * np.exp(0.5 * self._rng.standard_normal(len(refused)))

    def _admit(self, day: int) -> None:
        new = self._roster.size - len(self._today)
        self._today = np.concatenate([self._today, np.zeros(new, np.int64)])
        if day != self._day:
            self._day = day
            self._today = np.zeros_like(self._today)


def ranks(keys: Array) -> Array:
    """For each, how many of the same key stand before it."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.concatenate([starts, [len(keys)]]))
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(starts, sizes)
    return rank
