"""Drives a tick stage as its lane would: real rows, ticks in order, everything emitted kept."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from stream_guard.runtime.rows import LaneRows
from stream_guard.topology import Stage


class Recorder:
    """An outlet that keeps what was emitted."""

    def __init__(self) -> None:
        self.at = 0
        self.offset = 0
        self.emitted: list[tuple[int, str, str, Any]] = []
        self.counts: Counter[str] = Counter()

    def emit(self, stream: str, key: str, record: Any) -> None:
        self.emitted.append((self.at, stream, key, record))

    def broadcast(self, stream: str, keys: Iterable[str], record: Any) -> None:
        for key in keys:
            self.emit(stream, key, record)

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] += by

    def of(self, stream: str) -> list[tuple[str, Any]]:
        return [(key, record) for _, name, key, record in self.emitted if name == stream]


class Driver:
    """One lane's worth of a stage."""

    def __init__(self, stage: Stage, tick_ms: int = 10_000, hot_max: int = 1_000) -> None:
        self.stage, self.tick_ms = stage, tick_ms
        self.rows = LaneRows(stage.row, hot_max)
        self.out = Recorder()

    def run(self, items: Iterable[tuple[int, str, Any]]) -> Recorder:
        """Process items sorted by time; ticks without records are skipped."""
        now = None
        for at, key, record in items:
            tick = -(-at // self.tick_ms) * self.tick_ms
            if now is not None and tick != now:
                self.close(now)
            now = self.out.at = tick
            self.stage.process(self.rows, key, record, self.out)
        if now is not None:
            self.close(now)
            self.close(now + 600_000)
        return self.out

    def close(self, now: int) -> None:
        self.out.at = now
        self.stage.tick(self.rows, now, self.out)
        self.rows.take()
