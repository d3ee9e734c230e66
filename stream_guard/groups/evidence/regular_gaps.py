"""regular_gaps: the time between requests varies too little.

Idea.  Gaps between people's requests span seconds to days (the variance of ln gap is 4 and more); a
scheduler's do not (below 1; a Poisson process has pi^2/6 = 1.64).
Null, reference, e-value.  `ranks.py` over minus the variance of ln(1 + gap in seconds)
(`conduct.REGULAR_GAPS`), among honest accounts of the same request count.
Needs 8 answered requests.  Cost: with the ranks.
Fails.  Honest schedulers are as regular; a random pause with a heavy tail passes, at the price of throughput
per account.
Source.  Paxson and Floyd, "The failure of Poisson modeling" (1995): human gaps are heavy-tailed.
"""

from stream_guard.groups.conduct import REGULAR_GAPS
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test


def read(cohort: Cohort) -> Reading | None:
    """Rank the variance of log gaps, smallest highest."""
    return ranks.read(cohort, REGULAR_GAPS)


TEST = Test("regular_gaps", "rhythm", "when", cap=10.0, read=read)
