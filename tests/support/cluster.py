"""Workers as processes that a test may kill, pause and start again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from stream_guard.embedded.process import tail
from tests.support.polling import until
from tests.support.topologies import load_topology
from tests.support.worker import WorkerConfig

ROOT = Path(__file__).parents[2]
FRESH_S = 3.0  # figures are written about once a second


class Cluster:
    """Workers of one app, by name; `tend` starts again what ended by itself."""

    def __init__(self, directory: Path, config: WorkerConfig) -> None:
        self._directory, self._config = directory, config
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._paused: set[str] = set()
        self.self_exits: list[int] = []
        topology = load_topology(config.factory, config.prefix)
        self.lane_count = len(topology.lanes)

    def spawn(self, name: str) -> None:
        self._stats_of(name).unlink(missing_ok=True)
        config = msgspec.structs.replace(self._config, stats=str(self._stats_of(name)))
        with self._log_of(name).open("ab") as log:
            self._workers[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.support.worker", msgspec.json.encode(config).decode()],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def kill(self, name: str) -> None:
        worker = self._workers.pop(name)
        worker.kill()
        worker.wait(10)

    def pause(self, name: str) -> None:
        self._workers[name].send_signal(signal.SIGSTOP)
        self._paused.add(name)

    def resume(self, name: str) -> None:
        self._workers[name].send_signal(signal.SIGCONT)
        self._paused.discard(name)

    def tend(self) -> None:
        """What a supervisor does: start again what ended."""
        for name, worker in list(self._workers.items()):
            code = worker.poll()
            if code is not None:
                self.self_exits.append(code)
                assert code != 2, f"{name} can not work as configured:\n{self.log_tail(name)}"
                self.spawn(name)

    def stop(self) -> list[int]:
        """Ask all to stop; their exit codes."""
        for worker in self._workers.values():
            worker.send_signal(signal.SIGTERM)
        codes = [worker.wait(30) for worker in self._workers.values()]
        self._workers.clear()
        return codes

    def wait_for_exit(self, name: str) -> int:
        """The exit code of a worker that ends by itself."""
        return self._workers.pop(name).wait(60)

    def kill_all(self) -> None:
        for name in list(self._workers):
            self.kill(name)

    def figures(self, name: str) -> dict[str, Any]:
        """The worker's newest figures; empty if it has none, is paused or has gone quiet."""
        try:
            found: dict[str, Any] = json.loads(self._stats_of(name).read_text())
        except FileNotFoundError:
            return {}
        return found if time.time() - found["at"] < FRESH_S else {}

    def lanes(self) -> dict[str, Any]:
        """(lag, watermark, keys, open, counts) of every lane that a live worker owns."""
        names = [name for name in self._workers if name not in self._paused]
        return {lane: state for name in names for lane, state in self.figures(name).get("lanes", {}).items()}

    def owns_all(self, name: str) -> bool:
        return len(self.figures(name).get("lanes", {})) == self.lane_count

    def wait_for_all_lanes(self, deadline_s: float = 60) -> None:
        def covered() -> bool:
            self.tend()
            owned = [len(self.figures(name).get("lanes", {})) for name in self._workers]
            return sum(owned) == self.lane_count and len(self.lanes()) == self.lane_count

        self._until(covered, deadline_s, "every lane is owned once")

    def wait_until_drained(self, watermark: int, deadline_s: float = 90) -> None:
        """All lanes have read all, and event time has reached ``watermark`` everywhere."""

        def drained() -> bool:
            self.tend()
            lanes = self.lanes()
            return len(lanes) == self.lane_count and all(
                state[0] == 0 and state[1] >= watermark for state in lanes.values()
            )

        self._until(drained, deadline_s, f"all lanes drained to {watermark}")

    def wait_for(self, condition: Any, what: str, deadline_s: float = 60) -> None:
        self._until(condition, deadline_s, what)

    def _until(self, condition: Any, deadline_s: float, what: str) -> None:
        try:
            until(condition, deadline_s, what)
        except AssertionError as error:
            logs = "\n".join(f"--- {name}\n{self.log_tail(name)}" for name in sorted(self._workers))
            message = f"{error}; lanes {self.lanes()}\n{logs}"
            raise AssertionError(message) from error

    def log_tail(self, name: str) -> str:
        return tail(self._log_of(name), 40)

    def _stats_of(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    def _log_of(self, name: str) -> Path:
        return self._directory / f"{name}.log"


@contextmanager
def running(directory: Path, config: WorkerConfig, *names: str) -> Iterator[Cluster]:
    """A cluster with these workers; none is left at the end."""
    cluster = Cluster(directory, config)
    try:
        for name in names:
            cluster.spawn(name)
        yield cluster
    finally:
        cluster.kill_all()
