"""ties: the accounts share networks, machines and software in more ways than the one that formed the group.

Idea.  A farm deals its proxies, devices and tools over its accounts, a few to each; a crowd has one for all.
Null, reference, formula, e-value.  `bonds.py`, over what an account works from and with: networks, devices
and software (client builds, request shapes, templates, tools). Cost: there.
Fails.  A firm of many offices with several tools, and no organisation named, is tied so too, and a class on
machines of a few images: hence one vote, units, and no conviction on this and what else crowds show by being
one.  One thing that shows itself in two values (a tool's request shape and its system prompt) ties its users
once, for one value a dimension is left out.
Source.  `bonds.py`.
"""

from stream_guard.groups.evidence import bonds
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test

DIMENSIONS = frozenset({"network", "software", "device"})


def read(cohort: Cohort) -> Reading | None:
    """Bet on each of the three dimensions."""
    return bonds.read(cohort, DIMENSIONS)


TEST = Test("ties", "ties", "links", cap=12.0, read=read)
