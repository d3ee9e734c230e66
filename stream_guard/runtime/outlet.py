"""What a stage emits, on its way out of its lane: by stream and partition, in order, with its event time."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from stream_guard.runtime.rows import Packed, pack
from stream_guard.topology import Step, Topology

NEVER = -(1 << 62)
"""An event time before all others, in ms."""
Item = tuple[int, str | tuple[str, ...], Any]
"""Event time, key or keys, record."""
Messages = list[tuple[bytes | None, bytes]]
"""Keys and bodies, as they lie in a topic."""


class Outlet:
    """Collects what a stage emits (`topology.Out`), by stream and partition."""

    def __init__(self, topology: Topology, step: Step) -> None:
        self.at = self.offset = NEVER
        self.streams = {name: topology.stream(name) for name in step.writes}
        self.items: defaultdict[tuple[str, int], list[Item]] = defaultdict(list)
        self.counts: Counter[str] = Counter()

    def emit(self, stream: str, key: str, record: Any) -> None:
        """Send ``record`` to the partition of ``key``."""
        target = self.streams[stream]
        self.items[stream, target.partition(key)].append((self.at, key, record))

    def broadcast(self, stream: str, keys: Iterable[str], record: Any) -> None:
        """Send ``record`` once to each partition that has some of ``keys``."""
        target, by_partition = self.streams[stream], defaultdict[int, list[str]](list)
        for key in keys:
            by_partition[target.partition(key)].append(key)
        packed = msgspec.Raw(pack(record))  # once for all partitions
        for partition, some in by_partition.items():
            self.items[stream, partition].append((self.at, tuple(some), packed))

    def count(self, what: str, by: int = 1) -> None:
        """Add to a metric of this lane."""
        self.counts[what] += by


class Batch(msgspec.Struct):
    """What one transaction makes durable."""

    offset: int
    rows: Packed
    outputs: dict[tuple[str, int], Messages]
