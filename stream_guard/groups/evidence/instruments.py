"""instruments: cards and keys are dealt over the accounts, several of each, a few accounts to one.

Idea.  Cards cost more than accounts, so they are used again.
Null, reference, formula, e-value.  `bonds.py`, over what an account is paid with and held by: cards
and keys. Cost: there.  Strangers share neither by accident; one card for all is left out, as a firm has
one.  Devices speak in `ties`: a class works on machines of a few images.
Fails.  Teams and families without an organisation share cards: that is what makes them units elsewhere.
One card for each account passes, and costs the attacker as many.
Source.  `bonds.py`; shared payment is in every public account of such campaigns.
"""

from stream_guard.groups.evidence import bonds
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

DIMENSIONS = frozenset({"payment"})


def read(cohort: Cohort) -> Reading | None:
    """Bet on the one dimension."""
    return bonds.read(cohort, DIMENSIONS)


TEST = Test("instruments", "instruments", "who", cap=12.0, read=read)
