"""What honest accounts show, learnt online: the pooled reference that every test ranks against.

One reference per partition (which sees a random share of all accounts), over all kinds of account, each
counting once per *level*: the bit length of its request count.  ACCOUNTS sends a profile to the reference at
each power of two; only those teach, so that a busy account weighs no more than a quiet one.

A histogram per statistic and level starts with `PRIOR_ACCOUNTS` pseudo-accounts spread by the shipped prior
(`conduct.Statistic`), whose heavy tails stay in for good: no rank ever becomes infinitely surprising.  A rank
becomes a *normal score*: the mean of a standard normal over the part of it that the bin occupies.  A
conditional mean is smaller in convex order than the normal itself, so sums of scores of strangers have
lighter tails than sums of normals, whatever the ties: what the e-values of `evidence/ranks.py` lean on.

Guarded: members of rare suspected groups, accounts whose conduct fits a common one (else a popular client
that a class uses too would empty the reference), and accounts whose own score is extreme teach nothing and
are counted.  What other partitions suspect can not be seen here, so a campaign still weighs its share of the
accounts; the prior's tail and the ranks bound what it gains by that.

Bounds: `BINS` x statistics integers per level, some 25 levels; counts are halved at `HALVE_AT`.
"""

from functools import lru_cache
from itertools import pairwise
from math import exp, isfinite, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from stream_guard.clock import HOUR_MS
from stream_guard.groups.conduct import RATE, STATISTICS, Values, values_of
from stream_guard.groups.rows import MAX_SLOTS, SIGN_UPS, LevelRow, SignUpsRow, level_key, lit_key
from stream_guard.records import Profile
from stream_guard.topology import Out, Rows

BINS = 24
PRIOR_ACCOUNTS = 50  # pseudo-accounts of the shipped prior; below as many real ones a level is cold
HALVE_AT = 20_000  # accounts in a histogram; older ones fade by halves
EXTREME_SCORE = 0.999  # an account's own score from which it teaches nothing
MEAN_MEMORY = 2_000  # accounts that the mean sketch remembers
SKETCH_DIMENSIONS = 64
SLOT_MS = 6 * HOUR_MS
OLDER = -1  # slot of all sign-ups older than `MAX_SLOTS` slots
Vector = NDArray[np.float64]

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
def prior(statistic: int) -> tuple[float, ...]:
    """Pseudo-accounts per bin before anything was learnt."""
    spec = STATISTICS[statistic]
    width = (spec.high - spec.low) / BINS
    edges = [spec.low + width * place for place in range(1, BINS)]
    below = [1 / (1 + exp((spec.centre - edge) / spec.spread)) for edge in edges]
    cumulative = [0.0, *below, 1.0]
    shares = [(1 - spec.zero) * (b - a) for a, b in pairwise(cumulative)]
    shares[0] += spec.zero
    return tuple(PRIOR_ACCOUNTS * share for share in shares)


def normal_scores(statistic: int, counts: list[int]) -> list[float]:
    """Mean of a standard normal over each bin's part of it, prior included."""
    mass = [a + b for a, b in zip(counts, prior(statistic), strict=True)]
    total, upto = sum(mass), 0.0
    scores, left = [], 0.0  # density at the left edge
    for part in mass:
        upto = min(upto + part, total)
        share = upto / total
        right = _normal.pdf(_normal.inv_cdf(share)) if 0 < share < 1 - 1e-12 else 0.0
        scores.append((left - right) * total / part if part > 0 else 0.0)
        left = right
    return scores


@lru_cache(maxsize=1)
def _prior_scores() -> list[list[float]]:
    return [normal_scores(statistic, [0] * BINS) for statistic in range(len(STATISTICS))]


@lru_cache(maxsize=1)
def _prior_spread() -> float:
    return spread(RATE, [0] * BINS)


def fresh_level() -> LevelRow:
    """A level that has learnt nothing."""
    zeros = bytes(8 * SKETCH_DIMENSIONS)
    counts = [[0] * BINS for _ in STATISTICS]
    return LevelRow(
        counts=counts, scores=_prior_scores(), rate_spread=_prior_spread(), centre=zeros, drift=zeros
    )


def sketch_of(profile: Profile) -> Vector | None:
    """The mean prompt sketch, or None where there is none that can be read."""
    if len(profile.sketch) != 2 * SKETCH_DIMENSIONS or profile.sketched <= 0:
        return None
    return np.frombuffer(profile.sketch, "<i2").astype(np.float64) / 256.0


class Reference:
    """One partition's reference, over its rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._levels: dict[int, LevelRow] = {}

    def level(self, requests: int) -> LevelRow:
        """What accounts of so many requests show."""
        level = requests.bit_length()
        row = self._levels.get(level)
        if row is None:
            row = self._levels[level] = self._rows.get(level_key(level)) or fresh_level()
        return row

    def sign_ups(self) -> SignUpsRow:
        """When honest accounts signed up."""
        row: SignUpsRow | None = self._rows.get(SIGN_UPS)
        return row or SignUpsRow()


def expected(level: LevelRow, statistic: int) -> float:
    """The mean of a statistic over honest accounts of a level."""
    mass = [a + b for a, b in zip(level.counts[statistic], prior(statistic), strict=True)]
    return sum(m * middle_of(statistic, place) for place, m in enumerate(mass)) / sum(mass)


def spread(statistic: int, counts: list[int]) -> float:
    """The standard deviation of a statistic over honest accounts, prior included."""
    mass = [a + b for a, b in zip(counts, prior(statistic), strict=True)]
    middles = [middle_of(statistic, place) for place in range(BINS)]
    total = sum(mass)
    mean = sum(m * x for m, x in zip(mass, middles, strict=True)) / total
    return sqrt(sum(m * (x - mean) ** 2 for m, x in zip(mass, middles, strict=True)) / total)


def learn(rows: Rows, profile: Profile, out: Out) -> bool:
    """Let an account teach its level; whether it was the account's first profile here.

    Only powers of two teach: the other profiles (one a day) would let busy accounts weigh more.
    """
    requests = profile.requests
    if profile.conduct is None or requests & (requests - 1):
        return False
    if not isfinite(profile.score) or profile.score >= EXTREME_SCORE or rows.get(lit_key(profile.account_id)):
        out.count("reference_refused")
        return False
    level = requests.bit_length()
    row: LevelRow = rows.get(level_key(level)) or fresh_level()
    rows.put(level_key(level), row)
    row.seen += 1
    _count(row, values_of(profile))
    _average(row, sketch_of(profile))
    if row.seen - row.scored >= max(4, row.scored // 8):
        row.scores = [normal_scores(i, counts) for i, counts in enumerate(row.counts)]
        row.rate_spread = spread(RATE, row.counts[RATE])
        row.scored = row.seen
    out.count("reference_learnt")
    is_first = requests == 4
    if is_first and profile.conduct.created_at > 0:
        _count_sign_up(rows, profile.conduct.created_at)
    return is_first


def _count(row: LevelRow, values: Values) -> None:
    for statistic, value in enumerate(values):
        if value is not None:
            row.counts[statistic][bin_of(statistic, value)] += 1
    if row.seen % HALVE_AT == 0:
        row.counts = [[count // 2 for count in counts] for counts in row.counts]


def _average(row: LevelRow, sketch: Vector | None) -> None:
    """Move the mean of mean sketches, and the mean of their directions about it."""
    if sketch is None:
        return
    row.sketched += 1
    pace = 1 / min(row.sketched, MEAN_MEMORY)
    centre = np.frombuffer(row.centre)
    away = sketch - centre
    length = float(np.sqrt(away @ away))
    drift = np.frombuffer(row.drift)
    if row.sketched > 1 and length > 0:
        row.drift = (drift + (away / length - drift) * pace).tobytes()
    row.centre = (centre + away * pace).tobytes()


def _count_sign_up(rows: Rows, created_at: int) -> None:
    row: SignUpsRow = rows.get(SIGN_UPS) or SignUpsRow()
    rows.put(SIGN_UPS, row)
    slot = created_at // SLOT_MS
    row.slots[slot] = row.slots.get(slot, 0) + 1
    row.total += 1
    while len(row.slots) > MAX_SLOTS:
        oldest = min(slot for slot in row.slots if slot != OLDER)
        row.slots[OLDER] = row.slots.get(OLDER, 0) + row.slots.pop(oldest)
