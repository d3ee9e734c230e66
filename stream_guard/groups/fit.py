"""How well one member's own conduct fits the conduct of its group: log odds in nats.

Group against honest population, for this account alone:

- every statistic of `conduct.py`: how often the group's other members show a value like this one, against how
  often honest accounts of the same request count do;
- sameness, where the group's prompts are the same: the cosine with their direction, less what strangers show.

The terms are not independent, so each is bounded and counts half, and so is the sum: a bystander on the
campaign's proxy lives where the honest live, and comes out below zero, whatever he shares.
"""

from math import log

import numpy as np

from stream_guard.groups.conduct import STATISTICS
from stream_guard.groups.evidence.cohort import MIN_WITNESSES, Cohort, Witness
from stream_guard.groups.evidence.content_sameness import directions
from stream_guard.groups.levels import BINS, bin_of, mass_of
from stream_guard.groups.reference import sketch_of
from stream_guard.groups.rows import GroupConduct
from stream_guard.records import Evidence

TEMPER = 0.5
MOST_FIT = 8.0
LEAST_TERM, MOST_TERM = -1.5, 1.5
SPEAKS = 1.0  # nats from which a test's evidence shapes the fit
TELLING = 4  # requests, below which shares of them are too coarse to compare
BORROWED = 4.0  # pseudo-members, spread as honest accounts are
MOST_COUNTED = 255


def conduct_of(cohort: Cohort, evidence: tuple[Evidence, ...]) -> GroupConduct:
    """How the group behaves."""
    names = {spoken.name for spoken in evidence if spoken.weight >= SPEAKS}
    return GroupConduct(
        counts=[_counts(cohort, statistic) for statistic in range(len(STATISTICS))],
        toward=_direction(cohort) if "content_sameness" in names else b"",
    )


def fit(group: GroupConduct, member: Witness) -> float:
    """Log odds of one member's conduct, in [-MOST_FIT, MOST_FIT]."""
    total = _of_content(group, member)
    for statistic, counts in enumerate(group.counts):
        value = member.values[statistic]
        if value is not None and counts:
            total += _of_value(counts, mass_of(member.level, statistic), bin_of(statistic, value))
    return max(-MOST_FIT, min(MOST_FIT, TEMPER * total))


def _of_value(counts: bytes, mass: list[float], place: int) -> float:
    """The others' share of a bin against the honest one, both smoothed over its neighbours; bounded."""
    beside = [i for i in (place - 1, place + 1) if 0 <= i < BINS]
    honest = (mass[place] / 2 + sum(mass[i] for i in beside) / 4) / sum(mass)
    own = counts[place] - (counts[place] > 0)  # this member's own, as a rule
    near = own / 2 + sum(counts[i] for i in beside) / 4
    seen = max(sum(counts) - 1, 0)
    ratio = (near + BORROWED * honest) / ((seen + BORROWED) * honest)
    return max(LEAST_TERM, min(MOST_TERM, log(ratio)))


def _of_content(group: GroupConduct, member: Witness) -> float:
    sketch = sketch_of(member.profile)
    if not group.toward or sketch is None or member.sketched_level is None:
        return 0.0
    away = sketch - np.frombuffer(member.sketched_level.centre)
    length = float(np.sqrt(away @ away))
    cosine = float(away @ np.frombuffer(group.toward)) / length if length > 0 else 0.0
    return max(-2.0, min(2.0, 4 * (cosine - 0.3)))


def _counts(cohort: Cohort, statistic: int) -> bytes:
    """Members per bin; empty where too few can tell."""
    counts = [0] * BINS
    for w in cohort.witnesses:
        value = w.values[statistic]
        if value is not None and w.profile.requests >= TELLING:
            counts[bin_of(statistic, value)] += 1
    if sum(counts) < MIN_WITNESSES:
        return b""
    return bytes(min(count, MOST_COUNTED) for count in counts)


def _direction(cohort: Cohort) -> bytes:
    found = directions(cohort)
    if found is None:
        return b""
    total = found[0].sum(axis=0)
    length = float(np.sqrt(total @ total))
    return (total / length).tobytes() if length > 0 else b""
