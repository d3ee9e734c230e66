"""Confidence intervals: exact ones for what is counted, Student's for what differs from seed to seed.

Zero of something is no proof that there is none: with no false block in n account-days the rate may
still be 3 / n.  These intervals say so, without assuming that counts are large.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from scipy.special import betaincinv, gammaincinv, stdtrit

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A two-sided interval."""

    low: float
    high: float


def of_share(hits: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """Clopper and Pearson's interval of a probability, after ``hits`` in ``of`` tries (Biometrika 1934)."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, tail))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 1 - tail))
    return Interval(low, high)


def of_rate(hits: int, exposure: float, confidence: float = CONFIDENCE) -> Interval:
    """Garwood's interval of a Poisson rate, after ``hits`` in ``exposure`` (Biometrika 1936)."""
    if exposure <= 0:
        return Interval(0.0, float("inf"))
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(gammaincinv(hits, tail))
    return Interval(low / exposure, float(gammaincinv(hits + 1, 1 - tail)) / exposure)


def of_mean(shares: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Student's interval of the mean of shares that were drawn alike, within [0, 1]; None of less than two.

    Shares of few seeds are not normal, so this is a rough one; of two seeds it is nearly everything.
    """
    if len(shares) < 2:
        return None
    reach = float(stdtrit(len(shares) - 1, 1 - (1 - confidence) / 2)) * stdev(shares) / sqrt(len(shares))
    mean = fmean(shares)
    return Interval(max(0.0, mean - reach), min(1.0, mean + reach))
