"""client_churn: the group's accounts are used from too many clients each.

Idea.  Pooled and resold seats serve many people, each with his own client; an owner has one or two.
Null, reference, e-value.  `ranks.py` over the distinct pairs of user agent and TLS fingerprint per account
(`conduct.CLIENTS`), among honest accounts of the same request count. Cost: with the ranks.
Fails.  Developers who try many libraries; an attacker who proxies all of his customers through one client
passes, and then the client is what his accounts share.
Source.  Account-sharing detection, e.g. by number of devices per account; the ranking is ours.
"""

from stream_guard.groups.conduct import CLIENTS
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

CROWD = 1.0
"""Honest crowds differ more in this (prior, to be replaced by simulator fit in issue 4)."""


def read(cohort: Cohort) -> Reading | None:
    """Rank it."""
    return ranks.read(cohort, CLIENTS, CROWD)


TEST = Test("client_churn", "client", "who", cap=5.0, read=read)
