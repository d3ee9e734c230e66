"""When requests come: renewal processes with ServeGen's burstiness under real day and week rhythms.

A *pace* is what an hour is expected to bring: one number per hour of the traffic's span.  Arrivals
are a renewal process (Gamma or Weibull gaps of mean one and a given coefficient of variation) that
runs on the clock of the pace: twice the pace, half the gap.  That is ServeGen's model, with its
600 s windows averaged to hours.

Two sources of rhythm: a service follows one ServeGen client's hours as they were; a person follows
a day whose shape is that of a ServeGen client with a clear night, turned to the person's own clock,
with weaker or stronger weekends and better and worse days.

Bound: one float per hour and account; arrivals are made one at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import gamma as gamma_function
from typing import Final

from stream_guard.simulator.draws import Draw

HOUR: Final = 3600.0
DAY: Final = 86_400.0
Pace = list[float]  # expected arrivals per hour, by hour of the span


@dataclass(frozen=True, slots=True)
class Span:
    """The event time that the traffic covers, Unix seconds; starts on a whole hour."""

    start: float
    end: float

    @property
    def hours(self) -> int:
        """How many hours it has, the last one perhaps not whole."""
        return max(1, int(-(-(self.end - self.start) // HOUR)))

    def cut(self, begin: float, end: float) -> "Span":
        """The part of it between two times."""
        return Span(max(self.start, begin), min(self.end, end))


@dataclass(frozen=True, slots=True)
class Law:
    """How gaps vary about their mean."""

    cv: float  # standard deviation over mean; 1: no memory, above: bursts, below: regular
    is_gamma: bool

    def gap(self, draw: Draw) -> float:
        """A gap of mean one."""
        cv = min(max(self.cv, 0.15), 6.0)
        if self.is_gamma:
            return draw.rng.gammavariate(1 / cv**2, cv**2)
        shape = weibull_shape(round(cv, 2))
        return draw.rng.weibullvariate(1 / gamma_function(1 + 1 / shape), shape)

    def remainder(self, draw: Draw) -> float:
        """What is left of the gap that a random moment falls into: long gaps are hit more often."""
        cv = min(max(self.cv, 0.15), 6.0)
        if self.is_gamma:
            hit = draw.rng.gammavariate(1 / cv**2 + 1, cv**2)
        else:
            inverse = 1 / weibull_shape(round(cv, 2))
            hit = draw.rng.gammavariate(1 + inverse, 1.0) ** inverse / gamma_function(1 + inverse)
        return hit * draw.rng.random()


@cache
def weibull_shape(cv: float) -> float:
    """The shape whose coefficient of variation is ``cv`` (0.15 to 6), by halving an interval."""
    low, high = 0.2, 10.0  # cv 15.8 and 0.12
    for _ in range(50):
        middle = (low + high) / 2
        if gamma_function(1 + 2 / middle) / gamma_function(1 + 1 / middle) ** 2 - 1 > cv**2:
            low = middle
        else:
            high = middle
    return low


def arrivals(draw: Draw, pace: Pace, span: Span, law: Law, within: Span) -> Iterator[float]:
    """Times of arrivals within a part of the span, in order.

    Nothing begins with the span: the first gap is what remains of one.
    """
    left = law.remainder(draw)
    for hour, expected in enumerate(pace):
        begin = span.start + hour * HOUR
        if begin + HOUR <= within.start or expected <= 0:
            continue
        if begin >= within.end:
            return
        done = 0.0
        while done + left <= expected:
            done += left
            left = law.gap(draw)
            at = begin + done / expected * HOUR
            if within.start <= at < within.end:
                yield at
        left -= expected - done


def human_pace(draw: Draw, day: Sequence[float], span: Span, per_day: float, zone: float) -> Pace:
    """Hours of a person: ``day`` by local hour (mean one), weekends, better and worse days."""
    weekend = draw.ratio(0.2, 0.9)
    rest = draw.ratio(0.05, 0.3)
    spread = draw.between(0.3, 0.8)
    start = span.start / HOUR + zone
    factors: dict[int, float] = {}
    pace = []
    for hour in range(span.hours):
        date, of_day = divmod(int(start + hour), 24)
        if date not in factors:
            is_weekend = (date + 3) % 7 >= 5  # 1 January 1970 was a Thursday
            active = draw.chance((1 - rest) * (weekend if is_weekend else 1.0))
            factors[date] = draw.about(1.0, spread) if active else 0.0
        pace.append(per_day / 24 * day[of_day] * factors[date])
    return pace


def flat_pace(span: Span, per_day: float) -> Pace:
    """All hours alike."""
    return [per_day / 24] * span.hours
