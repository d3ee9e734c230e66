"""One server as a child process: start it, wait until it answers, kill it, stop it.

Each server gets a folder of its own with its data and its log; nothing listens anywhere but on
127.0.0.1.  A server that does not come up raises ServerFailed with the end of its log.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_guard.errors import StreamGuardError

HOST = "127.0.0.1"
POLL_S = 0.05
LOG_TAIL_LINES = 25


class ServerFailed(StreamGuardError):
    """An embedded server could not be started; the message says what to do about it."""


def free_port() -> int:
    """A TCP port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody accepts connections on that port of 127.0.0.1."""
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log file; empty if there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def launch(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Run a command in the background, its output appended to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own command line
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for us: we stop servers in order
        )


class Server:
    """A server process on one port; a context manager that stops it.

    Subclasses give `command` and may do work before a start (`prepare`) and refine what it means
    to be up (`is_ready`).
    """

    name = "server"
    start_timeout_s = 60.0

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.directory = directory
        self.port = port
        self.log = directory / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        """The command line that runs the server in the foreground."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Variables to set for it."""
        return {}

    def prepare(self) -> None:
        """Work that must be done before each start."""

    def is_ready(self) -> bool:
        """Whether the server answers."""
        return answers(self.port)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> Self:
        """Start and wait until it answers; ServerFailed if it does not."""
        if self.pid is not None:
            return self
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        if answers(self.port):
            message = (
                f"{self.name}: port {self.port} of {HOST} is taken: stop what listens there or choose another"
            )
            raise ServerFailed(message)
        self.prepare()
        self._process = launch(self.command(), self.log, self.environment())
        self._wait_until_ready(self._process)
        return self

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while not self.is_ready():
            if process.poll() is not None:
                what = f"ended with exit code {process.returncode}"
            elif time.monotonic() > deadline:
                what = f"did not answer on port {self.port} within {self.start_timeout_s:.0f} s"
                self.kill()
            else:
                time.sleep(POLL_S)
                continue
            message = f"{self.name} {what}; the end of {self.log}:\n{tail(self.log)}"
            raise ServerFailed(message)

    def kill(self) -> None:
        """SIGKILL, as a power cut would; the data stay."""
        self._end(signal.SIGKILL, 10.0)

    def stop(self) -> None:
        """Ask it to stop; SIGKILL if it does not within 20 s."""
        self._end(signal.SIGTERM, 20.0)

    def restart(self) -> Self:
        """Start again on the same data and port, killing what still runs."""
        self.kill()
        return self.start()

    def _end(self, how: signal.Signals, patience_s: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(patience_s)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
