"""A lane that this worker owns, and when something is due for it.

The rules are plain functions of what the worker knows; `faust_lanes.py` acts on them.

Glossary: *lag* messages between where the lane reads and the end of its partition; *catching up* a
lag so large that fewer, larger flushes pay; *held* paused, because its event time has run ahead.
"""

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import Any

from faust.types.tuples import TP

from stream_guard.observer import LaneId, LaneStatus
from stream_guard.runtime.lane import Lane, TickLane
from stream_guard.runtime.outlet import NEVER
from stream_guard.runtime.transactions import LaneProducer

CATCH_UP_RECORDS = 5_000  # lag of a log lane from which on it flushes less often
CATCH_UP_FLUSH_RECORDS = (
    40_000  # then it flushes by what it has done, so that a slow machine is not slower still
)
CATCH_UP_FLUSH_S = 5.0  # and at the latest after this
STALLED_S = 5.0  # no progress in spite of lag: what was fetched got lost on the way


class OwnedLane:
    """A lane, its transactional producer, and the bookkeeping of its source partition."""

    def __init__(self, lane: Lane, producer: LaneProducer) -> None:
        self.lane, self.producer = lane, producer
        self.id: LaneId = (lane.step.name, lane.partition)
        self.tp = TP(lane.source.topic, lane.partition)
        self.is_log = lane.source.kind == "log"
        self.is_ready = self.is_dropped = self.is_held = False
        self.seek_id = 0  # chunks fetched before this seek are stale
        self.fed_at = self.flushed_at = self.moved_at = monotonic()
        self.flushed_to = 0  # where it read on at that time
        self.moved_to: int | None = None
        self.beat = NEVER  # the last heartbeat we wrote
        self.flushing: asyncio.Task[None] | None = None
        self.is_flush_wanted = False

    @property
    def takes_chunks(self) -> bool:
        """Whether it knows where to read and may work."""
        return self.is_ready and not self.is_dropped and not self.is_held and self.lane.next is not None

    def lag(self, end: int | None) -> int:
        """Messages to the partition's ``end``; 0 where that is unknown."""
        position = self.lane.next
        return 0 if end is None or position is None else max(0, end - position)

    def is_flush_due(self, end: int | None, now: float) -> bool:
        """On the flush timer: a log lane that catches up waits, so that a row is packed once for many."""
        if not self.is_log or self.lag(end) <= CATCH_UP_RECORDS:
            return True
        if (self.lane.next or 0) - self.flushed_to >= CATCH_UP_FLUSH_RECORDS:
            return True
        return now - self.flushed_at >= CATCH_UP_FLUSH_S

    def is_stalled(self, end: int | None, now: float) -> bool:
        """Whether it has stood still for long, although there is something to read."""
        if self.lag(end) == 0 or self.lane.next != self.moved_to:
            self.moved_to, self.moved_at = self.lane.next, now
        return now - self.moved_at > STALLED_S

    def heartbeat(self, end: int | None, clock_ms: int, idle_s: float, now: float) -> int | None:
        """The watermark to write into an idle log, or None: busy, behind, or nothing would come of it."""
        if not self.is_log or not idle_s or not self.takes_chunks or end is None:
            return None
        if self.lag(end) > 0 or now - self.fed_at <= idle_s:
            return None
        topology = self.lane.topology
        watermark = clock_ms - int(idle_s * 1000) - topology.lateness_ms
        reached = max(self.lane.mark.watermark, self.beat)
        return watermark if watermark // topology.tick_ms > reached // topology.tick_ms else None

    def status(self, end: int | None) -> LaneStatus:
        """How it stands."""
        lane = self.lane
        waiting = lane.open_records if isinstance(lane, TickLane) else 0
        rows = lane.rows
        return LaneStatus(
            self.id, self.lag(end), lane.mark.watermark, len(rows), waiting, lane.counts, rows.size_bytes
        )


def lead_ms(own: OwnedLane, lanes: Iterable[OwnedLane]) -> int:
    """Event time by which a log lane is ahead of the slowest partition of its own log.

    Judged by the watermarks that reached the lanes we own.  Only partitions of one log are
    compared, so that a quiet log (an operator's control) neither waits nor makes others wait.
    """
    if not own.is_log:
        return 0
    seen = [
        (writer, watermark)
        for other in lanes
        for writer, watermark in other.lane.mark.sources.items()
        if writer.rpartition("/")[0] == own.lane.step.name
    ]
    mine = max((watermark for writer, watermark in seen if writer == own.lane.name), default=None)
    if mine is None:
        return 0
    return mine - min(watermark for _, watermark in seen)


def partitions_of(lanes: Iterable[OwnedLane]) -> list[Any]:
    """Names for a log line."""
    return sorted(own.lane.name for own in lanes)
