"""What honest accounts show, learnt online: the pooled reference that every test ranks against.

One reference per partition (which sees a random share of all accounts), over all kinds of account, each
counting once per *level*: the bit length of its request count.  ACCOUNTS sends a profile to the reference at
each power of two; only those teach, so that a busy account weighs no more than a quiet one.  The numbers of a
level are made in `levels.py`.

Guarded: members of rare suspected groups, accounts whose conduct fits a common one (else a popular client
that a class uses too would empty the reference), and accounts whose own score is extreme teach nothing and
are counted.  What other partitions suspect can not be seen here, so a campaign still weighs its share of the
accounts; the prior's tail and the ranks bound what it gains by that.

Bounds: `BINS` x statistics integers per level, some 25 levels; counts are halved at `HALVE_AT`.
"""

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from stream_guard.clock import HOUR_MS
from stream_guard.groups import popular
from stream_guard.groups.conduct import Values, values_of
from stream_guard.groups.levels import SKETCH_DIMENSIONS, bin_of, fresh_level, rescore
from stream_guard.groups.popular import Popular
from stream_guard.groups.rows import (
    MAX_SLOTS,
    SIGN_UPS,
    LevelRow,
    SignUpsRow,
    level_key,
    lit_key,
)
from stream_guard.records import Profile
from stream_guard.topology import Out, Rows

FIRST_REQUESTS = 2  # at the first profile of an account
LOWEST_LEVEL = FIRST_REQUESTS.bit_length()
HALVE_AT = 20_000  # accounts in a histogram; older ones fade by halves
EXTREME_SCORE = 0.999  # an account's own score from which it teaches nothing
MEAN_MEMORY = 2_000  # accounts that the mean sketch remembers
MIN_SKETCHED = 30  # accounts from which a level's mean sketch is used
SLOT_MS = 6 * HOUR_MS
OLDER = -1  # slot of all sign-ups older than `MAX_SLOTS` slots
Vector = NDArray[np.float64]


def sketch_of(profile: Profile) -> Vector | None:
    """The mean prompt sketch, or None where there is none that can be read."""
    if len(profile.sketch) != 2 * SKETCH_DIMENSIONS or profile.sketched <= 0:
        return None
    return np.frombuffer(profile.sketch, "<i2").astype(np.float64) / 256.0


class Reference:
    """One partition's reference, over its rows, as of one boundary."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._levels: dict[int, LevelRow] = {}
        self._popular: Popular | None = None

    def level(self, requests: int) -> LevelRow:
        """What accounts of so many requests show."""
        return self._at(max(requests.bit_length(), LOWEST_LEVEL))

    def sketched_level(self, requests: int) -> LevelRow | None:
        """The nearest level at or below that of so many requests whose mean sketch can be used."""
        for level in range(requests.bit_length(), LOWEST_LEVEL - 1, -1):
            row = self._at(level)
            if row.sketched >= MIN_SKETCHED:
                return row
        return None

    def below(self, level: int) -> LevelRow | None:
        """The level below, which lends what a level lacks; None below the lowest."""
        return self._at(level - 1) if level > LOWEST_LEVEL else None

    def sign_ups(self) -> SignUpsRow:
        """When honest accounts signed up."""
        row: SignUpsRow | None = self._rows.get(SIGN_UPS)
        return row or SignUpsRow()

    def popular(self) -> Popular:
        """How many honest accounts show a value."""
        if self._popular is None:
            self._popular = Popular(self._rows)
        return self._popular

    def _at(self, level: int) -> LevelRow:
        row = self._levels.get(level)
        if row is None:
            row = self._levels[level] = self._rows.get(level_key(level)) or fresh_level(self.below(level))
        return row


def learn(rows: Rows, profile: Profile, out: Out) -> bool:
    """Let an account teach its level; whether it was the account's first profile here.

    Only powers of two teach: the other profiles (one a day) would let busy accounts weigh more.
    """
    requests = profile.requests
    if profile.conduct is None or requests & (requests - 1) or requests < FIRST_REQUESTS:
        return False
    if not isfinite(profile.score) or profile.score >= EXTREME_SCORE or rows.get(lit_key(profile.account_id)):
        out.count("reference_refused")
        return False
    level = requests.bit_length()
    row: LevelRow | None = rows.get(level_key(level))
    if row is None:
        row = fresh_level(Reference(rows).below(level))
    rows.put(level_key(level), row)
    row.seen += 1
    _count(row, values_of(profile))
    _average(row, sketch_of(profile))
    if row.seen - row.scored >= max(4, row.scored // 5):
        rescore(row, Reference(rows).below(level))
    out.count("reference_learnt")
    is_first = requests == FIRST_REQUESTS
    if is_first:
        popular.count(rows, profile.indicators)
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
