"""load_evenness: the accounts work too equally hard for people.

Idea.  A balancer deals its queue out evenly; people's rates differ by factors even within one class or
office.
Null.  x_i = ln(requests per hour of life) of the witnesses is normal about any common centre, with variance
sigma^2 + 1/n_i for any sigma of at least sigma0 = max(0.6, 0.4 x that of all honest accounts of the level):
an honest crowd of one kind may be much narrower than the pool, but not narrower than a factor of e^0.6 = 1.8
either way.  1/n_i is what chance does to a count of n_i.
Alternative.  Most of the witnesses are dealt one load, some are bystanders: `EVEN_SHARE` of
N(m, 0.15^2 + 1/n_i + 1/i) and the rest as wide as honest customers, m the mean of those before, of which the
farthest are pulled in.
Formula.  sum of ln f_i(x_i) by the alternative, each after those before it, less the largest sum of ln of
the null's densities over the centre and the tried sigmas, and less `GRID_LOSS` for those not tried.
E-value.  Universal inference (Wasserman, Ramdas, Balakrishnan 2020): the product of the alternative's
predictive densities over the largest likelihood that the null can give to the same numbers.  Mean at most 1
for each centre and each sigma >= sigma0.
Reference.  The spread of the rate over honest accounts of the same request count.
Needs 4 requests and a life of six hours, so that a lesson of one hour is not taken for a balanced load.
Cost: 2 us for 30 witnesses.
Fails.  Copies of one cron job on many machines are even; honest crowds with lighter spread than sigma0 and
bystanders in the group (they hide the evenness).  Jitter by a factor of two per account blinds it, and
costs the attacker the idle part of his fastest accounts.
Source.  Universal inference as above; heavy-tailed client rates:
ServeGen (2025), where a few of 422 clients bear most of the load.  0.6 and 0.4: priors, to be replaced by
simulator fit in issue 4.
"""

from math import exp, log, pi, sqrt
from statistics import median

from stream_guard.groups.conduct import RATE
from stream_guard.groups.evidence.cohort import MIN_WITNESSES, Cohort, Reading, Test
from stream_guard.groups.levels import COLD

CROWD_SPREAD = 0.6
CROWD_RATIO = 0.4
EVEN_SPREAD = 0.15
EVEN_SHARE = 0.8
WIDE = 1.5  # of honest customers, where the reference does not say more
TO_SIGMA = 0.7413  # of an interquartile range
PULL = 1.0  # how far from the median a rate is believed when the centre is foretold
SIGMAS = (1.0, 1.3, 1.7, 2.2, 3.0, 4.0)  # x sigma0, tried for the null
GRID_LOSS = 0.1  # nats that the best sigma may lie above the best one tried

Rate = tuple[float, float]  # log rate, and the variance that chance gives it


def read(cohort: Cohort) -> Reading | None:
    """Compare the spread of log rates with the least that an honest crowd shows."""
    told = [
        (rate, w.level.rate_spread, w.profile.requests)
        for w in cohort.witnesses
        if (rate := w.values[RATE]) is not None
    ]
    if len(told) < MIN_WITNESSES:
        return None
    pool = sum(spread for _, spread, _ in told) / len(told)
    usual = max(CROWD_SPREAD, CROWD_RATIO * pool)
    rates = [(rate, 1 / requests) for rate, _, requests in told]
    log_e = _foretold(rates, max(pool, WIDE)) - _best_null(rates[1:], usual)
    return Reading(log_e, _middle_spread(rates), usual, cohort.doubt(RATE) > COLD)


def _middle_spread(rates: list[Rate]) -> float:
    """The spread that the middle half shows beyond chance: what bystanders can not widen."""
    ordered = sorted(rate for rate, _ in rates)
    quartile = len(ordered) // 4
    spread = TO_SIGMA * (ordered[-1 - quartile] - ordered[quartile])
    chance = sum(noise for _, noise in rates) / len(rates)
    return sqrt(max(spread * spread - chance, 0.0))


def _foretold(rates: list[Rate], wide: float) -> float:
    """Log density that the alternative gives to all but the first, each by those before it."""
    total = 0.0
    before = [rates[0][0]]
    for rate, noise in rates[1:]:
        middle = median(before)
        centre = sum(max(middle - PULL, min(middle + PULL, x)) for x in before) / len(before)
        even = _log_normal(rate - centre, EVEN_SPREAD**2 + noise + noise / len(before))
        far = _log_normal(rate - centre, wide**2 + noise)
        top = max(even, far)
        total += top + log(EVEN_SHARE * exp(even - top) + (1 - EVEN_SHARE) * exp(far - top))
        before.append(rate)
    return total


def _best_null(rates: list[Rate], usual: float) -> float:
    """Log of the largest likelihood of any centre and any spread from ``usual`` up."""
    return GRID_LOSS + max(_null(rates, (usual * times) ** 2) for times in SIGMAS)


def _null(rates: list[Rate], variance: float) -> float:
    weights = [1 / (variance + noise) for _, noise in rates]
    centre = sum(w * rate for w, (rate, _) in zip(weights, rates, strict=True)) / sum(weights)
    return sum(_log_normal(rate - centre, variance + noise) for rate, noise in rates)


def _log_normal(off: float, variance: float) -> float:
    return -off * off / (2 * variance) - log(2 * pi * variance) / 2


TEST = Test("load_evenness", "load", "when", cap=10.0, read=read)
