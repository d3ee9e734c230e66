"""load_evenness: the accounts work too equally hard for people.

Idea.  A balancer deals its queue out evenly; people's rates differ by factors even within one class or
office.
Null.  r_i = ln(requests per hour of life) of the witnesses is normal about any common centre with a
standard deviation of at least sigma0 = max(0.6, 0.4 x that of all honest accounts of the level): an honest
crowd of one kind may be much narrower than the pool, but not narrower than a factor of e^0.6 = 1.8 either
way.
E-value.  With W = sum of (r_i - mean)^2, translation-invariant likelihood ratios of sigma1 against sigma0,
    ln LR = (m - 1) ln(sigma0 / sigma1) - W/2 (1/sigma1^2 - 1/sigma0^2),
averaged over sigma1 in `EVEN`.  Each falls in W, and a wider crowd has a stochastically larger W, so the mean
is at most 1 for every sigma >= sigma0.
Reference.  The spread of the rate over honest accounts of the same request count.
Needs 8 requests and a life of six hours, so that a lesson of one hour is not taken for a balanced load.
Cost: 2 us for 30 witnesses.
Fails.  Copies of one cron job on many machines are even; honest crowds with lighter spread than sigma0 and
bystanders in the group (they hide the evenness).  Jitter by a factor of two per account blinds it, and
costs the attacker the idle part of his fastest accounts.
Source.  Invariant tests of a normal scale (Lehmann and Romano, chapter 6); heavy-tailed client rates:
ServeGen (2025), where a few of 422 clients bear most of the load.  0.6 and 0.4: priors, to be replaced by
simulator fit in issue 4.
"""

from math import log

from stream_guard.groups.conduct import RATE
from stream_guard.groups.evidence.cohort import MIN_WITNESSES, Cohort, Reading, Test, log_mean_exp
from stream_guard.groups.levels import COLD

EVEN = (0.1, 0.2, 0.3)
CROWD_SPREAD = 0.6
CROWD_RATIO = 0.4


def read(cohort: Cohort) -> Reading | None:
    """Compare the spread of log rates with the least that an honest crowd shows."""
    told = [(w.values[RATE], w.level) for w in cohort.witnesses]
    rates = [rate for rate, _ in told if rate is not None]
    count = len(rates)
    if count < MIN_WITNESSES:
        return None
    levels = {id(level): level for rate, level in told if rate is not None}
    pool = sum(level.rate_spread for level in levels.values()) / len(levels)
    usual = max(CROWD_SPREAD, CROWD_RATIO * pool)
    centre = sum(rates) / count
    square = sum((rate - centre) ** 2 for rate in rates)
    logs = [(count - 1) * log(usual / even) - square / 2 * (1 / even**2 - 1 / usual**2) for even in EVEN]
    return Reading(log_mean_exp(logs), (square / (count - 1)) ** 0.5, usual, cohort.doubt(RATE) > COLD)


TEST = Test("load_evenness", "load", "when", cap=10.0, read=read)
