"""All lanes of a topology in one process, in memory: demo, replay, backtest, tests.

The same lanes, the same bytes between them as on Kafka, without Kafka: what a lane takes is handed
to the next lane at once.  State lives as long as the process.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from stream_guard.observer import LaneStatus
from stream_guard.runtime.lane import HEARTBEAT, Lane, LogRecord, TickLane, make_lane
from stream_guard.runtime.outlet import Messages
from stream_guard.topology import Topology


class LocalRecord(NamedTuple):
    """A log record in memory (`lane.LogRecord`)."""

    offset: int
    timestamp: int  # Unix ms, -1: unknown
    key: bytes | None
    value: bytes | None


Sink = Callable[[str, int, Messages], None]
"""Called with (stream, partition, messages) for what leaves the program."""


class LocalRuntime:
    """Feeds logs through all lanes; what sinks receive goes to ``sink``.

    ``followers`` are logs that are mostly silent, such as the operator's control: their event time
    follows the first log's, as heartbeats would make it.  Append to them in time order.
    """

    def __init__(self, topology: Topology, sink: Sink, followers: Collection[str] = ()) -> None:
        self.topology = topology
        self.lanes: dict[tuple[str, int], Lane] = {
            (step.reads, partition): make_lane(topology, step, partition)
            for step, partition in topology.lanes
        }
        for lane in self.lanes.values():
            lane.next = 0
        self._logs = [lane for lane in self.lanes.values() if lane.source.kind == "log"]
        self._pace = self._logs[0].step.reads
        self._followers = [lane for lane in self._logs if lane.step.reads in followers]
        self._sink = sink
        self._ends: defaultdict[tuple[str, int], int] = defaultdict(int)

    def append(self, stream: str, partition: int, messages: Messages, timestamp: int = -1) -> None:
        """Append ``messages`` to a log's partition and run them through all stages."""
        start = self._ends[stream, partition]
        records = [LocalRecord(start + i, timestamp, key, value) for i, (key, value) in enumerate(messages)]
        self.feed(stream, partition, start, start + len(records), records)

    def feed(self, stream: str, partition: int, start: int, end: int, records: Sequence[LogRecord]) -> None:
        """Take a chunk of a log's partition that has offsets of its own."""
        self._ends[stream, partition] = end
        self.lanes[stream, partition].feed(start, end, records)
        self._settle([(stream, partition)])
        if self._followers and stream == self._pace:
            self._carry_followers()

    def _carry_followers(self) -> None:
        low = min(lane.mark.watermark for lane in self._logs if lane.step.reads == self._pace)
        for lane in self._followers:
            if low // self.topology.tick_ms > lane.mark.watermark // self.topology.tick_ms:
                self.append(lane.step.reads, lane.partition, [(HEARTBEAT, b"%d" % low)])

    def advance(self, to_ms: int) -> None:
        """Say on every log that event time has reached ``to_ms``, as an idle partition's owner would."""
        for lane in self._logs:
            self.append(lane.step.reads, lane.partition, [(HEARTBEAT, b"%d" % to_ms)])

    def finish(self, after_ms: int = 60_000) -> None:
        """The logs are complete: let event time run on, so that every tick closes and timers fire."""
        last = max(lane.mark.watermark for lane in self._logs)
        if last > 0:
            self.advance(last + self.topology.lateness_ms + after_ms)

    def statuses(self) -> list[LaneStatus]:
        """How every lane stands, as the Faust runtime tells its observers; nothing lags here."""
        return [
            LaneStatus(
                (lane.step.name, lane.partition),
                0,
                lane.mark.watermark,
                len(lane.rows),
                lane.open_records if isinstance(lane, TickLane) else 0,
                lane.counts,
                lane.rows.size_bytes,
            )
            for lane in self.lanes.values()
        ]

    def _settle(self, changed: list[tuple[str, int]]) -> None:
        while changed:
            batch = self.lanes[changed.pop()].take()
            if batch is None:
                continue
            for (stream, partition), messages in batch.outputs.items():
                lane = self.lanes.get((stream, partition))
                if lane is None:
                    self._sink(stream, partition, messages)
                    continue
                start = self._ends[stream, partition]
                end = self._ends[stream, partition] = start + len(messages)
                frames = [LocalRecord(start + i, -1, key, value) for i, (key, value) in enumerate(messages)]
                lane.feed(start, end, frames)
                changed.append((stream, partition))
