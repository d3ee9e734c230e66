"""In how many ways accounts are bound to one another, beyond what brought them together.

An honest crowd has its reason to share what formed the group, and often one thing more: a class has its
assignment's template, a hackathon its sponsor's tool.  A farm deals cards, keys, devices, proxies and task
lists over its accounts, a few to each, and ties them over and over.

Null.  What a witness shows in one dimension (`cohort.DIMENSIONS`) is drawn as honest accounts draw it,
independently of the witnesses before him.
Reference.  How many honest accounts show a value (`popular.py`); popular values (above `cohort.RARE`) tie
nobody.  With fewer than `MIN_KNOWN` accounts nothing is known to be rare, and nobody is bound.
Formula.  Per dimension, witness by witness in the order of names: q = sum of the honest shares of all
rare values that the witnesses before him showed, at least the probability that he repeats one of them;
p = (1 + repetitions so far) / (2 + witnesses so far).  Where p > q the bet gains (1 + p / q) / 2 if he
repeats one and (1 + (1 - p) / (1 - q)) / 2 if not: a likelihood ratio with a predictable alternative, mixed
half and half with no bet.  The value that most witnesses show is left out: one card, one address, one tool
for all is what makes a crowd, many of each that cross is what makes a farm.  At most `MOST` nats a dimension.
E-value.  The product over dimensions without the largest: one thing more in common is forgiven.  The rest of
a product of e-values whose largest factor is at least one is below it, hence an e-value too.
The dimension that formed the group is left out.  Cost: 15 us for 5 witnesses, 0.5 ms for 256, once a cohort.
Source.  Fellegi and Sunter (1969) for the weights; plug-in bets as in `sign_up_burst`.
"""

from math import log

from stream_guard.groups.evidence.cohort import DIMENSIONS, MIN_WITNESSES, Cohort, Reading
from stream_guard.groups.popular import PSEUDO_ACCOUNTS
from stream_guard.records import kind_of

MIN_KNOWN = 30  # honest accounts: fewer do not tell a popular tool from a rare one
MOST = 6.0  # nats a dimension


def read(cohort: Cohort, dimensions: frozenset[str]) -> Reading | None:
    """What the bonds in ``dimensions`` say, and in how many of them there are any."""
    known = cohort.reference.popular().accounts
    if len(cohort.witnesses) < MIN_WITNESSES or known < MIN_KNOWN:
        return None
    if cohort.bonds is None:
        cohort.bonds = _bonds(cohort)
    forming = DIMENSIONS.get(kind_of(cohort.indicator))
    if not dimensions - {forming}:
        return None
    bets = [cohort.bonds[dimension] for dimension in sorted(dimensions & cohort.bonds.keys())]
    tied = sum(log_e >= 1 for log_e in bets)
    return Reading(sum(bets), float(tied), 0.0, known < PSEUDO_ACCOUNTS)


def _bonds(cohort: Cohort) -> dict[str, float]:
    """The log e-value of each dimension, the forming and the strongest one left out."""
    forming = DIMENSIONS.get(kind_of(cohort.indicator))
    bets = {dimension: _bet(cohort, dimension) for dimension in sorted(set(DIMENSIONS.values()) - {forming})}
    strongest = max(bets, key=lambda dimension: bets[dimension])
    if bets[strongest] > 0:
        del bets[strongest]
    return bets


def _bet(cohort: Cohort, dimension: str) -> float:
    """The log e-value of one dimension, at most `MOST`."""
    hub = _hub(cohort, dimension)
    seen: dict[str, float] = {}
    log_e, repeats, q = 0.0, 0, 0.0
    for place, witness in enumerate(cohort.witnesses):
        shown = [(name, share) for name, share in witness.rare.get(dimension, ()) if name != hub]
        repeated = any(name in seen for name, _ in shown)
        if place:
            log_e += _gain((1 + repeats) / (2 + place), q, repeated=repeated)
            repeats += repeated
        for name, share in shown:
            if name not in seen:
                seen[name] = share
                q += share
    return min(log_e, MOST)


def _hub(cohort: Cohort, dimension: str) -> str:
    """The rare value that most witnesses show; empty if none is shown twice."""
    counts: dict[str, int] = {}
    for witness in cohort.witnesses:
        for name, _ in witness.rare.get(dimension, ()):
            counts[name] = counts.get(name, 0) + 1
    hub = max(counts, key=lambda name: (counts[name], name), default="")
    return hub if counts.get(hub, 0) > 1 else ""


def _gain(p: float, q: float, *, repeated: bool) -> float:
    if p <= q or q <= 0:
        return 0.0
    return log((1 + (p / q if repeated else (1 - p) / (1 - q))) / 2)
