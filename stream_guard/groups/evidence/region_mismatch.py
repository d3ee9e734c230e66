"""region_mismatch: where the requests come from and where the bills go do not fit.

Idea.  Who is not served where he lives pays in one country and calls from another.
Null, reference, e-value.  `ranks.py` over the share of the recent requests whose network country is not the
billing country (`conduct.MISMATCH`), among honest accounts of the same request count. Cost: with the ranks.
Fails.  Travellers, agencies abroad and VPN users mismatch (tau is twice the ordinary; silent in groups that
a network formed); an exit in the billing country passes.
Source.  Terms of served regions; the ranking is ours.
"""

from stream_guard.groups.conduct import MISMATCH
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

CROWD = 1.0
"""Honest crowds differ more in this (prior, to be replaced by simulator fit in issue 4)."""


def read(cohort: Cohort) -> Reading | None:
    """Rank it."""
    return ranks.read(cohort, MISMATCH, CROWD)


TEST = Test("region_mismatch", "geography", "who", cap=6.0, read=read)
