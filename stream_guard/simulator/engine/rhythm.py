"""When accounts begin a conversation: ServeGen's renewal processes, an hour of event time at once.

A habit says how many conversations an average day brings, and its curve how they are spread over
hours.  Arrivals are a renewal process (Gamma or Weibull gaps of mean one, with a coefficient of
variation of its own) that runs on the clock of the expected number: twice the pace, half the gap.
At each account's midnight a new day is drawn: a day off, a better or a worse one.

Bound: two numbers per account.

Glossary: *left* what is expected to pass until the next arrival; *pace* expected arrivals in an hour.
"""

from math import gamma as gamma_function
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.arrivals import HOUR, Law, weibull_shape
from stream_guard.simulator.engine.roster import Roster

Array = NDArray[Any]
MOST: Final = 4096  # gaps drawn at once for one account


def shape_of(law: Law) -> float:
    """The law's shape parameter, for gaps of mean one."""
    cv = min(max(law.cv, 0.15), 6.0)
    return 1 / cv**2 if law.is_gamma else weibull_shape(round(cv, 2))


_SHAPES: Final = np.linspace(0.2, 10.0, 2048)  # of Weibull laws, see `weibull_shape`
_MEANS: Final = np.array([gamma_function(1 + 1 / shape) for shape in _SHAPES])


def gaps(rng: np.random.Generator, shape: Array, is_gamma: Array) -> Array:
    """A gap of mean one for each."""
    made = rng.standard_gamma(np.where(is_gamma, shape, 1.0))  # shape one: what a Weibull law is made of
    weibull = ~is_gamma
    if weibull.any():
        of = shape[weibull]
        made[weibull] = made[weibull] ** (1 / of) / np.interp(of, _SHAPES, _MEANS)
    made[is_gamma] /= shape[is_gamma]
    return made


def remainders(rng: np.random.Generator, shape: Array, is_gamma: Array) -> Array:
    """What is left of the gap that a random moment falls into: long gaps are hit more often."""
    hit = rng.standard_gamma(np.where(is_gamma, shape + 1, 1 + 1 / shape))
    weibull = hit ** (1 / shape) / np.interp(shape, _SHAPES, _MEANS)
    left: Array = np.where(is_gamma, hit / shape, weibull) * rng.random(len(shape))
    return left


def renew(
    rng: np.random.Generator, left: Array, pace: Array, shape: Array, is_gamma: Array
) -> tuple[Array, Array]:
    """Arrivals within one hour: whose, and at which part of it; ``left`` moves on.

    Whoever's next arrival lies within the pace arrives; then gaps are drawn, about as many as the
    hour still has room for, until each has one that reaches beyond it.
    """
    who: list[Array] = []
    when: list[Array] = []
    live = np.flatnonzero(left <= pace)
    while live.size:
        count = np.minimum(np.maximum(np.ceil(pace[live] - left[live]).astype(np.int64), 1), MOST)
        owner = np.repeat(np.arange(len(live)), count)
        first = np.cumsum(count) - count
        drawn = np.cumsum(gaps(rng, shape[live][owner], is_gamma[live][owner]))
        before = np.concatenate([[0.0], drawn[:-1]])
        reached = left[live][owner] + drawn - before[first][owner]  # the arrival after each drawn gap
        arrival = np.concatenate([[0.0], reached[:-1]])
        arrival[first] = left[live]
        is_within = arrival <= pace[live][owner]
        kept = np.add.reduceat(is_within, first, dtype=np.int64)
        who.append(live[owner[is_within]])
        when.append(arrival[is_within] / pace[live][owner[is_within]])
        left[live] = reached[first + kept - 1]
        live = live[left[live] <= pace[live]]
    left -= pace
    if not who:
        return np.empty(0, np.int64), np.empty(0)
    return np.concatenate(who), np.concatenate(when)


class Rhythm:
    """All accounts that come by their own habit."""

    def __init__(self, roster: Roster, rng: np.random.Generator) -> None:
        self._roster = roster
        self._rng = rng
        self._left = np.empty(0)
        self._today = np.empty(0)

    def expected(self, begin: float) -> float:
        """Requests that the hour would bring if every day were an average one."""
        index = self._present(begin)
        return float((self._pace(index, begin) * self._roster.table["turns"][index]).sum())

    def hour(self, begin: float) -> tuple[Array, Array]:
        """Who begins a conversation within the hour, and when."""
        self._admit(begin)
        index = self._present(begin)
        self._new_days(index, begin)
        rows = self._roster.table
        pace = self._pace(index, begin) * self._today[index]
        left = self._left[index]
        who, when = renew(self._rng, left, pace, rows["shape"][index], rows["is_gamma"][index])
        self._left[index] = left
        who, at = index[who], begin + when * HOUR
        is_in_use = (at >= rows["begin"][who]) & (at < rows["end"][who])
        return who[is_in_use], at[is_in_use]

    def _present(self, begin: float) -> Array:
        rows = self._roster.table
        return np.flatnonzero((rows["sessions"] > 0) & (rows["begin"] < begin + HOUR) & (rows["end"] > begin))

    def _pace(self, index: Array, begin: float) -> Array:
        rows = self._roster.table
        hour = (int(begin // HOUR) + 72 + rows["shift"][index]) % 336  # 1 January 1970 was a Thursday
        pace: Array = rows["sessions"][index] / 24 * self._roster.curves.array[rows["curve"][index], hour]
        return pace

    def _admit(self, begin: float) -> None:
        """Draw the first gap and the first day of accounts that came since."""
        new = np.arange(len(self._left), self._roster.size)
        if not new.size:
            return
        self._left = np.concatenate([self._left, np.zeros(new.size)])
        self._today = np.concatenate([self._today, np.zeros(new.size)])
        new = new[self._roster.table["sessions"][new] > 0]  # who is dealt work uses up no randomness
        rows = self._roster.table.of(new)
        self._left[new] = remainders(self._rng, rows["shape"].astype(np.float64), rows["is_gamma"])
        self._draw_days(new, begin)

    def _new_days(self, index: Array, begin: float) -> None:
        is_midnight = (int(begin // HOUR) + self._roster.table["shift"][index]) % 24 == 0
        if is_midnight.any():
            self._draw_days(index[is_midnight], begin)

    def _draw_days(self, index: Array, begin: float) -> None:
        rows = self._roster.table
        date = (int(begin // HOUR) + rows["shift"][index]) // 24
        is_weekend = (date + 3) % 7 >= 5
        spread, rest = rows["spread"][index], rows["rest"][index]
        work = (1 - rest) * np.where(is_weekend, rows["weekend"][index], 1.0)
        better = np.exp(spread * self._rng.standard_normal(len(index)))
        self._today[index] = np.where(self._rng.random(len(index)) < work, better, 0.0)
