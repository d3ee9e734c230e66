"""instruments: cards, keys and devices are dealt over the accounts, several of each, a few accounts to one.

Idea.  Cards and devices cost more than accounts, so they are used again.
Null, reference, formula, e-value.  `bonds.py`, over what an account is paid with and held by: cards
and keys, devices. Cost: there.  Strangers share neither by accident; one card for all is left out, as a
firm has one.
Fails.  Teams and families without an organisation share cards and devices: that is what makes them units
elsewhere.  One card and one device for each account pass, and cost the attacker both.
Source.  `bonds.py`; shared payment is in every public account of such campaigns.
"""

from stream_guard.groups.evidence import bonds
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

DIMENSIONS = frozenset({"payment", "device"})


def read(cohort: Cohort) -> Reading | None:
    """Bet on each of the two dimensions."""
    return bonds.read(cohort, DIMENSIONS)


TEST = Test("instruments", "instruments", "who", cap=12.0, read=read)
