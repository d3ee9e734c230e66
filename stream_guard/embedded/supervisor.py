"""Starts a process again when it ended: workers are crash-only.

A worker that meets trouble ends, says why in its last log line, and repairs everything when it
starts again.  So somebody must start it again: here, in `make up`; elsewhere Kubernetes, systemd or
Compose.  Exit code 0 means it was asked to stop, 2 that it can not work as it is configured: then a
new start would not help, and the supervisor gives up.
"""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from stream_guard.embedded.process import POLL_S, launch, tail

log = structlog.get_logger(__name__)

EXIT_STOPPED, EXIT_CONFIGURATION = 0, 2


@dataclass
class Backoff:
    """How long to wait before the next start: doubling, forgotten after a life long enough."""

    first_s: float = 1.0
    longest_s: float = 30.0
    healthy_s: float = 60.0
    _next_s: float = 0.0

    def delay_s(self, lived_s: float) -> float:
        """Seconds to wait after a process that lived ``lived_s``."""
        if lived_s >= self.healthy_s:
            self._next_s = 0.0
        delay = self._next_s
        self._next_s = min(self.longest_s, max(self.first_s, 2 * delay))
        return delay


class Supervisor:
    """Keeps one process alive; call `tend` again and again."""

    def __init__(
        self, command: Sequence[str | Path], log_file: Path, environment: Mapping[str, str], backoff: Backoff
    ) -> None:
        self.command, self.log_file, self.environment = command, log_file, environment
        self.starts = 0
        self._backoff = backoff
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._due_at = 0.0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def tend(self) -> int | None:
        """Start the process if it is due; returns its exit code where a new start would not help."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due_at:
                self._process = launch(self.command, self.log_file, self.environment)
                self._started_at, self.starts = now, self.starts + 1
            return None
        code = self._process.poll()
        if code is None:
            return None
        if code in (EXIT_STOPPED, EXIT_CONFIGURATION):
            return code
        self._process = None
        delay = self._backoff.delay_s(now - self._started_at)
        self._due_at = now + delay
        log.warning("worker_ended", exit_code=code, restart_in_s=delay, log=str(self.log_file))
        return None

    def run(self) -> int:
        """Tend until a new start would not help; returns the exit code."""
        while True:
            code = self.tend()
            if code is not None:
                return code
            time.sleep(POLL_S)

    def stop(self, patience_s: float = 30.0) -> None:
        """Ask it to stop, and wait for its last flush."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return tail(self.log_file)
