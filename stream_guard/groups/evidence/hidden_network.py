"""hidden_network: the group comes from hosting, VPN, proxy or relay networks beyond what is usual.

Idea.  Harvests need addresses by the hundred, and rent them.
Null, reference, e-value.  `ranks.py` over the share of the recent requests from such networks
(`conduct.HIDDEN`), among honest accounts of the same request count. Cost: with the ranks.
Fails.  Corporate VPNs and servers in the cloud are honest and many (tau is twice the ordinary; silent in
groups that a network formed); residential proxies are not seen as such.
Source.  Network types as in the contract's `network_type`.
"""

from stream_guard.groups.conduct import HIDDEN
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

CROWD = 1.0
"""Honest crowds differ more in this (prior, to be replaced by simulator fit in issue 4)."""


def read(cohort: Cohort) -> Reading | None:
    """Rank it."""
    return ranks.read(cohort, HIDDEN, CROWD)


TEST = Test("hidden_network", "network", "who", cap=5.0, read=read)
