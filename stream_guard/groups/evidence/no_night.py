"""no_night: the group's accounts never sleep.

Idea.  People, and most programs that people start, leave six quiet hours on the clock; a harvest that fills
its quota does not.
Null, reference, e-value.  `ranks.py` over the volume in the quietest six hours of the clock relative to an
even spread (`conduct.NO_NIGHT`), among honest accounts of the same request count, in UTC (a six-hour window
is found wherever it lies, so time zones do not matter). Needs 16 requests and a day.  Cost: with the ranks.
Fails.  Night agents, batch jobs and world-wide products have no night either (hence one vote only, and tau);
an attacker who keeps human hours passes, and gives up a quarter to a half of his accounts' time.
Source.  Hours of day in bot detection, e.g. Chu et al., "Detecting automation of Twitter accounts" (2012).
"""

from stream_guard.groups.conduct import NO_NIGHT
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test


def read(cohort: Cohort) -> Reading | None:
    """Rank the quietest six hours."""
    return ranks.read(cohort, NO_NIGHT)


TEST = Test("no_night", "rhythm", "when", cap=10.0, read=read)
