"""From readings to a judgement: what the tests say together, and the line it is held against.

Merging.  Tests of one cause speak about the same thing, so their e-values are averaged: one VPN never
speaks three times.  Each cause then stakes a part of what it has (`staking.py`), so that a cause that sees
nothing costs little and not everything.  Causes multiply: that is exact where they are
independent among honest accounts and is the one assumption here; hence the votes: a conviction needs
several causes of at least `VOTE` nats each, from more than one family, however large the product.  The
cause that formed the group, and what it brings about by itself (`kinds.py`), is silent.

The line.  The operator grants B false blocks per 100,000 account-days.  A candidate group of honest accounts
ever reaches L nats with probability at most E exp(-L), E the mean over groups of the *largest* e-value that
each ever shows (Markov): 1.6 +- 0.6 over 339 honest groups of the simulator, as
`tests/benchmarks/calibration.py` measures it, taken as `LARGEST`.  With c candidate groups per account, each
of which would cost `ACCOUNTS_AT_RISK` accounts, there are 10 c E exp(-L) false blocks per account in all the
time that these groups live; the budget of `HORIZON_DAYS` is lent in advance, so
L = ln(10 c E 100,000 / 30 B).  c is counted here, without the groups that are suspected: a farm may not raise
the line by its own.  It does not depend on the provider's size: about 9 at B = 1.

Below the line a group is already worth a finding from `SUSPECT` on: a farm shows itself as many overlapping
candidates, and CAMPAIGNS judges their union.
"""

from dataclasses import dataclass
from math import log

from stream_guard.groups.evidence import TESTS
from stream_guard.groups.evidence.cohort import Cohort, log_mean_exp
from stream_guard.records import Evidence
from stream_guard.staking import staked

VOTE = log(10)  # nats from which a cause counts as one that speaks
SUSPECT = 4.0  # nats from which a group is worth a finding: one in 55 strangers' groups at most
FALL = 3.0  # nats below SUSPECT at which it falls back: a farm's evidence comes and goes
LEAST_RATIO, MOST_RATIO = 0.1, 2.0  # candidate groups per account that are believed
ACCOUNTS_AT_RISK = 10  # of a candidate group, convicted falsely
HORIZON_DAYS = 30  # whose budget is lent in advance
LARGEST = 2.0  # mean over honest groups of the largest e-value that each ever showed, from above
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
    total = sum(staked(cause, weight) for cause, weight in sorted(merged.items()))
    heard = tuple(sorted(merged.items()))
    return Judgement(total, tuple(spoken), causes, tuple(sorted(families)), heard)


def line(candidates: int, accounts: int, false_blocks: float) -> float:
    """The line with so many candidate groups among so many accounts.

    >>> round(line(400, 1000, 1.0), 1)
    10.2
    """
    ratio = min(max(candidates / max(accounts, 1), LEAST_RATIO), MOST_RATIO)
    return log(LARGEST * ratio * ACCOUNTS_AT_RISK * 100_000 / (HORIZON_DAYS * false_blocks))


def next_look(info: int, log_e: float) -> int:
    """`info` from which a group is judged again: sooner where it is suspected or nearly so."""
    return max(FIRST_INFO, int(info * (NEAR_GROWTH if log_e >= SUSPECT / 2 else GROWTH)) + 1)
