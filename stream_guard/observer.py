"""What the runtime tells whoever watches it: metrics, the Redis projection, tests.

The runtime knows no sink.  It calls observers from its event loop; a sink that has slow work to do
takes what it needs and works elsewhere.

Glossary: *lane* one step on one partition, here the pair (step name, partition); *flush* the
transaction that makes a lane's rows, outputs and source offset durable together.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

LaneId = tuple[str, int]
"""Step name and partition."""


class Commit(NamedTuple):
    """What one transaction made durable."""

    lane: LaneId
    offset: int  # of the lane's source: all before it is done with
    rows: int  # changed rows written to the changelog
    outputs: Mapping[tuple[str, int], Sequence[tuple[bytes | None, bytes]]]  # (stream, partition) -> messages
    seconds: float  # wall time from taking to committed
    cpu_s: float = 0.0  # of it, CPU time to pack rows and outputs


class LaneStatus(NamedTuple):
    """How a lane stands."""

    lane: LaneId
    lag: int  # messages of its source partition not yet fed
    watermark: int  # ms of event time reached, far below 0: none yet
    keys: int  # rows it keeps
    open_records: int  # records that wait for their tick to close
    counts: Mapping[str, int]  # what lane and stage counted since this process started
    size_bytes: int = 0  # of its rows, packed


class Observer(Protocol):
    """Watches one worker.

    The Faust runtime calls it from its event loop, so no method may block or await, and one that
    raises ends the process like any other error (the supervisor starts it again).
    """

    def owned(self, lanes: Collection[LaneId]) -> None:
        """These lanes, and only these, are ours from now on; their rows are recovered."""
        ...

    def recovered(self, rows: int, seconds: float) -> None:
        """Reading back ``rows`` changelog records took ``seconds`` of wall time."""
        ...

    def fed(self, lane: LaneId, records: int, cpu_s: float) -> None:
        """A chunk of ``records`` went through the lane at the price of ``cpu_s``."""
        ...

    def flushed(self, commit: Commit) -> None:
        """A transaction was committed: what it holds is durable and visible to every reader."""
        ...

    def measured(self, lanes: Sequence[LaneStatus]) -> None:
        """How the owned lanes stand; about once a second."""
        ...

    def fenced(self, lane: LaneId, reason: str) -> None:
        """Another worker took the lane over while we held it; this process ends after this call."""
        ...


class NullObserver:
    """Watches nothing; a base for observers that care for a few calls only."""

    def owned(self, lanes: Collection[LaneId]) -> None:
        """Ignore it."""

    def recovered(self, rows: int, seconds: float) -> None:
        """Ignore it."""

    def fed(self, lane: LaneId, records: int, cpu_s: float) -> None:
        """Ignore it."""

    def flushed(self, commit: Commit) -> None:
        """Ignore it."""

    def measured(self, lanes: Sequence[LaneStatus]) -> None:
        """Ignore it."""

    def fenced(self, lane: LaneId, reason: str) -> None:
        """Ignore it."""
