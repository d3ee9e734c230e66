"""no_sessions: requests drip, one in each hour, where people come, stay and leave.

Idea.  A pool that spreads its load over hundreds of accounts leaves each of them one request here and one
there; a person's twenty-six requests fall into three or four hours.
Null, reference, e-value.  `ranks.py` over distinct clock hours with a request per request
(`conduct.NO_SESSIONS`), among honest accounts of the same request count.
Needs 8 requests and six hours: works from the first day.  Cost: with the ranks.
Fails.  Hourly cron jobs and monitors drip as well; an attacker who sends in bursts per account passes, and
must then keep a session plan per account.
Source.  Sessions of human use are the basis of ServeGen's client model (Xiang et al. 2025); the statistic is
ours.
"""

from stream_guard.groups.conduct import NO_SESSIONS
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test


def read(cohort: Cohort) -> Reading | None:
    """Rank distinct hours per request."""
    return ranks.read(cohort, NO_SESSIONS)


TEST = Test("no_sessions", "rhythm", "when", cap=10.0, read=read)
