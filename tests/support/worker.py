"""A worker process for tests: any topology, a clock that tests can set, and a file of figures.

Run as ``python -m tests.support.worker '<json of WorkerConfig>'``.
"""

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stream_guard.observer import Commit, LaneId, LaneStatus, NullObserver
from stream_guard.runtime.faust_app import run_worker
from stream_guard.settings import KafkaSettings
from tests.support.topologies import TOY, load_topology


class TestClock(msgspec.Struct, frozen=True):
    """Event time = start + (wall - wall_start) * speed, and never beyond ``until``."""

    __test__ = False

    start_ms: int
    wall_start_s: float
    speed: float
    until_ms: int

    def now_ms(self) -> int:
        return min(self.until_ms, int(self.start_ms + (time.time() - self.wall_start_s) * 1000 * self.speed))


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True):
    kafka: KafkaSettings
    stats: str
    clock: TestClock | None = None
    factory: str = TOY
    prefix: str = ""
    tick_ms: int | None = None


class Stats(NullObserver):
    """Writes what it saw to a file, at most once a second, always a whole file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fed: Counter[str] = Counter()
        self._cpu: Counter[str] = Counter()
        self._commits: Counter[str] = Counter()
        self._sinks: Counter[str] = Counter()
        self._rows = 0
        self._recovered: dict[str, float] = {}
        self._first: dict[str, float] | None = None

    def owned(self, lanes: Collection[LaneId]) -> None:
        self._write([])

    def recovered(self, rows: int, seconds: float) -> None:
        self._recovered = {"rows": rows, "seconds": seconds, "at": time.time()}

    def fed(self, lane: LaneId, records: int, cpu_s: float) -> None:
        if self._first is None and records:
            self._first = {"at": time.time(), "cpu_s": time.process_time() - cpu_s}
        self._fed[lane[0]] += records
        self._cpu[lane[0]] += cpu_s  # type: ignore[assignment] # a Counter of floats

    def flushed(self, commit: Commit) -> None:
        self._commits[commit.lane[0]] += 1
        self._cpu["pack"] += commit.cpu_s  # type: ignore[assignment]
        self._rows += commit.rows
        for (stream, _), messages in commit.outputs.items():
            self._sinks[stream] += len(messages)

    def measured(self, lanes: Sequence[LaneStatus]) -> None:
        self._write(lanes)

    def _write(self, lanes: Sequence[LaneStatus]) -> None:
        figures: dict[str, Any] = {
            "at": time.time(),
            "cpu_s": time.process_time(),
            "first": self._first,
            "rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "fed": self._fed,
            "cpu_by": self._cpu,
            "commits": self._commits,
            "sent": self._sinks,
            "rows": self._rows,
            "recovered": self._recovered,
            "lanes": {f"{step}/{partition}": rest for (step, partition), *rest in lanes},
        }
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(figures))
        partial.rename(self._path)


def main(argument: str) -> int:
    config = msgspec.json.decode(argument, type=WorkerConfig)
    topology = load_topology(config.factory, config.prefix, config.tick_ms)
    return run_worker(topology, config.kafka, config.clock, Stats(Path(config.stats)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
