"""How well one member's own conduct fits the conduct that its group was judged by: log odds in nats.

For each test that spoke, campaign against honest population, for this account alone:

- ranks: the group shifts the normal score by delta (its upper half's mean, since bystanders pull the mean
  down, at most 2.5): delta z - delta^2 / 2;
- evenness: normal densities of the log rate about the group's median, 0.35 wide against the pool's width;
- sameness: the cosine with the group's direction, less what strangers show.

The terms are not independent, so each counts half, and the sum is bounded: a bystander on the campaign's
proxy has ordinary ranks and comes out below zero, whatever he shares.
"""

from math import log
from statistics import median

import numpy as np

from stream_guard.groups.conduct import (
    CLIENTS,
    HIDDEN,
    LABELS,
    MISMATCH,
    NETWORKS,
    NO_NIGHT,
    NO_SESSIONS,
    RATE,
    REGULAR_GAPS,
)
from stream_guard.groups.evidence.cohort import Cohort, Witness
from stream_guard.groups.evidence.content_sameness import directions
from stream_guard.groups.reference import sketch_of
from stream_guard.groups.rows import GroupConduct
from stream_guard.records import Evidence

RANKED: dict[str, tuple[int, ...]] = {
    "prompt_labels": LABELS,
    "no_night": (NO_NIGHT,),
    "no_sessions": (NO_SESSIONS,),
    "regular_gaps": (REGULAR_GAPS,),
    "network_churn": (NETWORKS,),
    "client_churn": (CLIENTS,),
    "hidden_network": (HIDDEN,),
    "region_mismatch": (MISMATCH,),
}
TEMPER = 0.5
MOST_SHIFT = 2.5
MOST_FIT = 8.0
SPEAKS = 1.0  # nats from which a test's evidence shapes the fit
EVEN_WIDTH = 0.35


def conduct_of(cohort: Cohort, evidence: tuple[Evidence, ...]) -> GroupConduct:
    """What the tests that spoke say about how the group behaves."""
    names = {spoken.name for spoken in evidence if spoken.weight >= SPEAKS}
    shifts = [
        (statistic, shift)
        for name in sorted(names & RANKED.keys())
        for statistic in RANKED[name]
        if (shift := _shift(cohort, statistic)) > 0
    ]
    return GroupConduct(
        shifts=shifts,
        rate=_centre(cohort) if "load_evenness" in names else None,
        toward=_direction(cohort) if "content_sameness" in names else b"",
    )


def fit(group: GroupConduct, member: Witness) -> float:
    """Log odds of one member's conduct, in [-MOST_FIT, MOST_FIT]."""
    total = _of_rate(group, member) + _of_content(group, member)
    for statistic, shift in group.shifts:
        score = member.scores[statistic]
        if score is not None:
            total += shift * score - shift * shift / 2
    return max(-MOST_FIT, min(MOST_FIT, TEMPER * total))


def _of_rate(group: GroupConduct, member: Witness) -> float:
    rate = member.values[RATE]
    if group.rate is None or rate is None:
        return 0.0
    wide = max(member.level.rate_spread, 2 * EVEN_WIDTH)
    near = (rate - group.rate) / EVEN_WIDTH
    far = (rate - group.rate) / wide
    return max(-3.0, log(wide / EVEN_WIDTH) - (near * near - far * far) / 2)


def _of_content(group: GroupConduct, member: Witness) -> float:
    sketch = sketch_of(member.profile)
    if not group.toward or sketch is None or member.sketched_level is None:
        return 0.0
    away = sketch - np.frombuffer(member.sketched_level.centre)
    length = float(np.sqrt(away @ away))
    cosine = float(away @ np.frombuffer(group.toward)) / length if length > 0 else 0.0
    return max(-2.0, min(2.0, 4 * (cosine - 0.3)))


def _shift(cohort: Cohort, statistic: int) -> float:
    """Mean of the upper half of the group's scores, at most MOST_SHIFT; 0 where it is not above ordinary."""
    scores = sorted(score for w in cohort.witnesses if (score := w.scores[statistic]) is not None)
    upper = scores[len(scores) // 2 :]
    return min(MOST_SHIFT, sum(upper) / len(upper)) if upper and sum(upper) > 0.8 * len(upper) else 0.0


def _centre(cohort: Cohort) -> float | None:
    rates = [rate for w in cohort.witnesses if (rate := w.values[RATE]) is not None]
    return median(rates) if rates else None


def _direction(cohort: Cohort) -> bytes:
    found = directions(cohort)
    if found is None:
        return b""
    total = found[0].sum(axis=0)
    length = float(np.sqrt(total @ total))
    return (total / length).tobytes() if length > 0 else b""
