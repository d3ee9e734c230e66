"""The bet that most tests share: do these accounts, as a whole, rank too high among honest ones?

Null.  The witnesses' normal scores z_i are draws of one honest crowd: z_i = theta + noise, where theta, what
makes this crowd a kind of its own, is sub-Gaussian with standard deviation tau (``crowd``), and the noise is
at most standard normal (`reference.normal_scores`).  tau = 0 are strangers.

Statistic.  The mean z of m witnesses, sub-Gaussian with variance s^2 = 1/m + tau^2; and, for groups with
bystanders among them, the mean of the upper half: k = ceil(m/2) scores, whose expectation under the null is
at most E|Z| = 0.798 and which is a function of the scores with Lipschitz constant 1/sqrt(k), so by Gaussian
concentration (Boucheron, Lugosi, Massart 2013, theorem 5.6) sub-Gaussian with variance 1/k about it.

E-value.  Mean over delta in `SHIFTS` of exp(delta z / s^2 - delta^2 / 2 s^2), averaged with the same for the
upper half.  Since E exp(lambda z) <= exp(lambda^2 s^2 / 2), each term has mean at most 1: for strangers, and
for every crowd whose kind moves it by no more than tau.  It saturates at z^2 / 2 tau^2 however many members
there are: a hundred students are no more suspicious than thirty.

Cold.  While the reference is mostly prior, the prior may be off by about one standard deviation of the honest
population: tau^2 grows by ``Cohort.doubt`` squared.

Cost: about 3 us for 5 witnesses, 40 us for 256.
"""

from stream_guard.groups.evidence.cohort import MIN_WITNESSES, Cohort, Reading, log_mean_exp
from stream_guard.groups.levels import COLD, expected

SHIFTS = (0.75, 1.5, 2.5)
UPPER_HALF = 0.7979  # E|Z|
CROWD = 0.5
"""tau of an ordinary test: honest crowds' means scatter by half a standard deviation of the accounts (prior,
to be replaced by simulator fit in issue 4)."""


def read(cohort: Cohort, statistic: int, crowd: float = CROWD) -> Reading | None:
    """Bet on one statistic; None with fewer than three witnesses that can tell."""
    scores = sorted([score for w in cohort.witnesses if (score := w.scores[statistic]) is not None])
    if len(scores) < MIN_WITNESSES:
        return None
    doubt = cohort.doubt(statistic)
    weight = log_e(scores, crowd, doubt)
    if weight <= 0:  # nobody will read the rest
        return Reading(weight, 0.0, 0.0)
    told = [(value, w.level) for w in cohort.witnesses if (value := w.values[statistic]) is not None]
    levels = {id(level): level for _, level in told}
    usual = sum(expected(level, statistic) for level in levels.values()) / len(levels)
    return Reading(weight, sum(value for value, _ in told) / len(told), usual, doubt > COLD)


def log_e(scores: list[float], crowd: float, doubt: float) -> float:
    """The log e-value of sorted normal scores."""
    count = len(scores)
    extra = crowd * crowd + doubt * doubt
    upper = scores[count // 2 :]
    return log_mean_exp(
        [
            *_bets(sum(scores) / count, 1 / count + extra),
            *_bets(sum(upper) / len(upper) - UPPER_HALF, 1 / len(upper) + extra),
        ]
    )


def _bets(mean: float, variance: float) -> list[float]:
    return [(shift * mean - shift * shift / 2) / variance for shift in SHIFTS]
