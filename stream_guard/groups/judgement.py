"""From readings to a judgement: what the tests say together, and the line it is held against.

Merging.  Tests of one cause speak about the same thing, so their e-values are averaged: one VPN never
speaks three times.  Each cause then stakes half of what it has: (1 + e) / 2, an e-value again, so that a
cause that sees nothing costs ln 2 and not everything.  Causes multiply: that is exact where they are
independent among honest accounts and is the one assumption here; hence the votes: a conviction needs
several causes of at least `VOTE` nats each, from more than one family, however large the product.  The
cause that formed the group, and what it brings about by itself (`kinds.py`), is silent.

The line.  The operator grants B false blocks per 100,000 account-days.  Each look at a candidate group of
honest accounts convicts falsely with probability at most exp(-L) (Markov), whether or not the group was
looked at before.  So r looks per account-day make r exp(-L) false convictions per account-day, and
L = ln(r 100,000 / B).  r is counted here, over the account-days that the partition has seen (at least one day
of the accounts it knows, lent in advance); it does not depend on the provider's size, and falls as groups
age: about 10 in a young installation at B = 1.

Below the line a group is already worth a finding from `SUSPECT` on: a farm shows itself as many overlapping
candidates, and CAMPAIGNS judges their union.
"""

from dataclasses import dataclass
from math import exp, log, log1p

from stream_guard.groups.evidence import TESTS
from stream_guard.groups.evidence.cohort import Cohort, log_mean_exp
from stream_guard.records import Evidence

VOTE = log(10)  # nats from which a cause counts as one that speaks
SUSPECT = 4.0  # nats from which a group is worth a finding: one in 55 strangers' groups at most
FALL = 3.0  # nats below SUSPECT at which it falls back: a farm's evidence comes and goes
LEAST_RATIO, MOST_RATIO = 0.1, 5.0  # looks per account-day that are believed
GROWTH = 2.0
NEAR_GROWTH = 1.15  # of groups that are suspected or nearly so
FIRST_INFO = 6  # `GroupRow.info` of the first look: three accounts of eight to sixteen requests


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the tests say of one group."""

    log_e: float
    evidence: tuple[Evidence, ...]  # strongest first, only what speaks for one hand
    causes: tuple[str, ...]  # causes with a vote, sorted
    families: tuple[str, ...]
    heard: tuple[tuple[str, float], ...] = ()  # each cause that could speak, and its merged log e-value


def judge(cohort: Cohort, silent: frozenset[str]) -> Judgement:
    """Read all tests that may speak and merge them."""
    by_cause: dict[str, list[float]] = {}
    spoken: list[Evidence] = []
    for test in TESTS:
        if test.cause in silent:
            continue
        reading = test.read(cohort)
        if reading is None:
            continue
        weight = min(reading.log_e, test.cap)
        by_cause.setdefault(test.cause, []).append(weight)
        if weight > 0:
            spoken.append(
                Evidence(
                    name=test.name, value=reading.value, expected=reading.expected, weight=weight,
                    cause=test.cause, family=test.family, is_cold=reading.is_cold,
                )
            )  # fmt: skip
    merged = {cause: log_mean_exp(weights) for cause, weights in by_cause.items()}
    causes = tuple(sorted(cause for cause, weight in merged.items() if weight >= VOTE))
    families = {evidence.family for evidence in spoken if evidence.cause in causes}
    spoken.sort(key=lambda evidence: (-evidence.weight, evidence.name))
    total = sum(_staked(weight) for _, weight in sorted(merged.items()))
    heard = tuple(sorted(merged.items()))
    return Judgement(total, tuple(spoken), causes, tuple(sorted(families)), heard)


def _staked(weight: float) -> float:
    """ln((1 + e) / 2) from ln e."""
    return log1p(exp(weight)) - log(2) if weight < 30 else weight - log(2)


def line(looks: int, account_days: float, false_blocks: float) -> float:
    """The line after ``looks`` at candidate groups in ``account_days``.

    >>> round(line(400, 1000, 1.0), 1)
    10.6
    """
    ratio = min(max(looks / max(account_days, 1.0), LEAST_RATIO), MOST_RATIO)
    return log(ratio * 100_000 / false_blocks)


def next_look(info: int, log_e: float) -> int:
    """`info` from which a group is judged again: sooner where it is suspected or nearly so."""
    return max(FIRST_INFO, int(info * (NEAR_GROWTH if log_e >= SUSPECT / 2 else GROWTH)) + 1)
