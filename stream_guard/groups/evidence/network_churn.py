"""network_churn: the group's accounts use too many networks each.

Idea.  A farm behind rotating proxies shows each account from dozens of networks; people have home, work and
a phone.
Null, reference, e-value.  `ranks.py` over the distinct /24 or /48 per account (`conduct.NETWORKS`), among
honest accounts of the same request count. Cost: with the ranks.
Fails.  Travellers, mobile carriers and relays churn as well (tau is twice the ordinary); one sticky
residential address per account passes, and costs the attacker an address per account.
Source.  Thomas et al., "Trafficking fraudulent accounts" (2013): address churn of bought accounts.
"""

from stream_guard.groups.conduct import NETWORKS
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

CROWD = 1.0
"""Honest crowds differ more in this (prior, to be replaced by simulator fit in issue 4)."""


def read(cohort: Cohort) -> Reading | None:
    """Rank it."""
    return ranks.read(cohort, NETWORKS, CROWD)


TEST = Test("network_churn", "network", "who", cap=5.0, read=read)
