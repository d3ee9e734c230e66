"""content_sameness: supposedly unrelated accounts draw their prompts from one distribution.

Idea.  One task list dealt over many accounts makes their mean prompt sketches alike; strangers' differ,
however narrow each of them is.  The exchangeable unit is the account, so narrowness alone can not trip it,
and the distance from the honest pool plays no part.
Null.  Witnesses are independent draws from the honest customer mix of their level.
Reference.  Per level, the mean of accounts' mean sketches and of their unit vectors about it
(`reference.py`).
Formula.  x_i = unit vector of account i's mean sketch about the honest mean, mu' the mean of x over honest
accounts; witnesses in the order of their names; u = direction of the running sum of past x - mu';
g_i = <x_i - mu', u> / (1 + max(mu'.u, -0.5)) - slack, slack = 0.01 + 1 / sqrt(n) for a mean over n honest
accounts: an honest mean that is off by one standard error pulls all accounts the same way by that much.
E-value.  The mean over bets b of prod(1 + b g_i / (1 + slack)): a martingale bet on each next account.
Needs three witnesses with sketches, and `reference.MIN_SKETCHED` honest ones at their level or below.
Cost: 40 us for 30, 120 us for 256.
Fails.  It fires on honest cohorts of one kind (a class, the users of one tool), hence the low cap and never
alone; a harvest that deals each account its own slice of subjects passes; a shared system prompt makes
sketches alike unless the gateway sketches the variable part.
Source.  Cohort betting as measured by the project's prototype (e >= 1e6 after 27 accounts of 26 prompts of a
pure campaign, at most 138 over 600 honest cohorts); Waudby-Smith and Ramdas, "Estimating means of bounded
random variables by betting" (2024).
"""

import numpy as np

from stream_guard.groups.evidence.cohort import MIN_WITNESSES, Cohort, Reading, Test, log_mean_exp
from stream_guard.groups.reference import Vector, sketch_of

BETS = np.array([0.1, 0.25, 0.5, 0.9])
SLACK = 0.01


def directions(cohort: Cohort) -> tuple[Vector, Vector, Vector] | None:
    """Unit vectors of the witnesses about the honest mean, the mean of honest ones, and the slack, by row."""
    rows, drifts, slacks = [], [], []
    for witness in cohort.witnesses:
        sketch = sketch_of(witness.profile)
        level = witness.sketched_level
        if sketch is None or level is None:
            continue
        away = sketch - np.frombuffer(level.centre)
        length = float(np.sqrt(away @ away))
        if length > 0:
            rows.append(away / length)
            drifts.append(np.frombuffer(level.drift))
            slacks.append(SLACK + level.sketched**-0.5)
    if len(rows) < MIN_WITNESSES:
        return None
    return np.array(rows), np.array(drifts), np.array(slacks)


def read(cohort: Cohort) -> Reading | None:
    """Bet on each account's direction by those before it."""
    found = directions(cohort)
    if found is None:
        return None
    units, drift, slack = found
    away = units - drift
    past = np.cumsum(away, axis=0)[:-1]
    lengths = np.sqrt(np.einsum("ij,ij->i", past, past))
    toward = past / np.maximum(lengths, 1e-12)[:, None]
    scale = 1 + np.maximum(np.einsum("ij,ij->i", drift[1:], toward), -0.5)
    gain = np.clip(np.einsum("ij,ij->i", away[1:], toward) / scale - slack[1:], -1.0, None) / (1 + slack[1:])
    gain[lengths < 1e-12] = 0.0
    logs = np.log1p(BETS[:, None] * gain[None, :]).sum(axis=1)
    sameness = float((np.einsum("ij,ij->j", units, np.ones_like(units)) ** 2).sum())
    count = len(units)
    cosine = (sameness - count) / (count * (count - 1))
    return Reading(
        log_mean_exp(logs.tolist()), cosine, float(np.mean(drift, axis=0) @ np.mean(drift, axis=0))
    )


TEST = Test("content_sameness", "content", "what", cap=5.0, read=read)
