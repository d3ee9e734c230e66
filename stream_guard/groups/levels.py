"""The numbers of one level of the reference: histograms, what they borrow, and normal scores.

Each statistic has a histogram of `BINS` bins per level.  To what was counted come `PRIOR_ACCOUNTS`
pseudo-accounts: spread like the level below where there is one (conduct changes little from one doubling to
the next), with `SHIPPED_RATIO` of them as the shipped prior says (`conduct.Statistic`), whose heavy tails
stay in for good: no rank ever becomes infinitely surprising.

A rank becomes a *normal score*: the mean of a standard normal over the part of it that the bin occupies.  A
conditional mean is smaller in convex order than the normal itself, so sums of scores of strangers have
lighter tails than sums of normals, whatever the ties: what the e-values of `evidence/ranks.py` lean on.

*Doubt* says how much of a histogram was not learnt here, 0 to 1: the share of pseudo-accounts, times 1
where they are the shipped prior, times the doubt of the level below (at least `NEIGHBOUR`: it is not the
same level) where they are borrowed.
"""

from functools import lru_cache
from itertools import pairwise
from math import exp, sqrt
from statistics import NormalDist

from stream_guard.groups.conduct import RANKED, RATE, STATISTICS
from stream_guard.groups.rows import LevelRow

BINS = 24
PRIOR_ACCOUNTS = 50
SHIPPED_RATIO = 0.2
NEIGHBOUR = 0.3
SKETCH_DIMENSIONS = 64
COLD = 0.5  # doubt from which what was seen is cold

_normal = NormalDist()
_SCALES = tuple((spec.low, BINS / (spec.high - spec.low)) for spec in STATISTICS)


def bin_of(statistic: int, value: float) -> int:
    """The bin of a value; what lies outside the range is put into the outermost one."""
    low, scale = _SCALES[statistic]
    place = int((value - low) * scale)
    return 0 if place < 0 else BINS - 1 if place >= BINS else place


def middle_of(statistic: int, place: int) -> float:
    """The middle of a bin; the lowest edge for the lowest bin, where ties at zero sit."""
    spec = STATISTICS[statistic]
    return spec.low + (spec.high - spec.low) * (place + 0.5 * (place > 0)) / BINS


@lru_cache(maxsize=len(STATISTICS))
def shipped(statistic: int) -> tuple[float, ...]:
    """`PRIOR_ACCOUNTS` pseudo-accounts per bin before anything was learnt."""
    spec = STATISTICS[statistic]
    width = (spec.high - spec.low) / BINS
    edges = [spec.low + width * place for place in range(1, BINS)]
    below = [1 / (1 + exp((spec.centre - edge) / spec.spread)) for edge in edges]
    shares = [(1 - spec.zero) * (b - a) for a, b in pairwise([0.0, *below, 1.0])]
    shares[0] += spec.zero
    return tuple(PRIOR_ACCOUNTS * share for share in shares)


def mass_of(level: LevelRow, statistic: int) -> list[float]:
    """Accounts per bin, pseudo-accounts included."""
    return [a + b for a, b in zip(level.counts[statistic], level.prior[statistic], strict=True)]


def normal_scores(mass: list[float]) -> list[float]:
    """Mean of a standard normal over each bin's part of it."""
    total, upto = sum(mass), 0.0
    scores, left = [], 0.0  # density at the left edge
    for part in mass:
        upto = min(upto + part, total)
        share = upto / total
        right = _normal.pdf(_normal.inv_cdf(share)) if 0 < share < 1 - 1e-12 else 0.0
        scores.append((left - right) * total / part if part > 0 else 0.0)
        left = right
    return scores


def expected(level: LevelRow, statistic: int) -> float:
    """The mean of a statistic over honest accounts of a level."""
    mass = mass_of(level, statistic)
    return sum(m * middle_of(statistic, place) for place, m in enumerate(mass)) / sum(mass)


def rescore(level: LevelRow, below: LevelRow | None) -> None:
    """Make a level's scores anew from what was counted and what the level below lends."""
    numbers = range(len(STATISTICS))
    level.prior = [_borrow(below, statistic) for statistic in numbers]
    level.doubts = [_doubt(level, below, statistic) for statistic in numbers]
    level.scores = [normal_scores(mass_of(level, statistic)) for statistic in range(RANKED)]
    level.rate_spread = _spread(level)
    level.scored = level.seen


def fresh_level(below: LevelRow | None) -> LevelRow:
    """A level that has learnt nothing: the level below, or the shipped prior."""
    zeros = bytes(8 * SKETCH_DIMENSIONS)
    level = LevelRow(counts=[[0] * BINS for _ in STATISTICS], centre=zeros, drift=zeros)
    rescore(level, below)
    return level


def _borrow(below: LevelRow | None, statistic: int) -> list[float]:
    if below is None:
        return list(shipped(statistic))
    mass = mass_of(below, statistic)
    scale = (1 - SHIPPED_RATIO) * PRIOR_ACCOUNTS / sum(mass)
    return [m * scale + SHIPPED_RATIO * p for m, p in zip(mass, shipped(statistic), strict=True)]


def _doubt(level: LevelRow, below: LevelRow | None, statistic: int) -> float:
    own = PRIOR_ACCOUNTS / (PRIOR_ACCOUNTS + sum(level.counts[statistic]))
    return own if below is None else own * max(below.doubts[statistic], NEIGHBOUR)


def _spread(level: LevelRow) -> float:
    """Standard deviation of the log rate."""
    mass, middles = mass_of(level, RATE), [middle_of(RATE, place) for place in range(BINS)]
    total = sum(mass)
    mean = sum(m * x for m, x in zip(mass, middles, strict=True)) / total
    return sqrt(sum(m * (x - mean) ** 2 for m, x in zip(mass, middles, strict=True)) / total)
