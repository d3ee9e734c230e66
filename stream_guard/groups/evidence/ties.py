"""ties: the accounts share networks and software in more ways than the one that brought them together.

Idea.  A farm deals its proxies and tools over its accounts, a few to each; a crowd has one for all.
Null, reference, formula, e-value.  `bonds.py`, over what an account works from and with: networks and
software (client builds, request shapes, templates, tools). Cost: there.
Fails.  A firm of many offices with several tools, and no organisation named, is tied so too: hence one vote,
and units.  One thing that shows itself in two values (a tool's request shape and its system prompt) ties its
users once, for one value a dimension is left out.
Source.  `bonds.py`.
"""

from stream_guard.groups.evidence import bonds
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

DIMENSIONS = frozenset({"network", "software"})


def read(cohort: Cohort) -> Reading | None:
    """Bet on each of the two dimensions."""
    return bonds.read(cohort, DIMENSIONS)


TEST = Test("ties", "ties", "links", cap=12.0, read=read)
