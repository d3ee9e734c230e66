"""All benchmarks, one after the other, as the tables of docs/performance.md: ``make bench``.

Prints Markdown; progress goes to stderr.  Takes about a quarter of an hour on two cores.  Absolute figures
are of the machine that ran it; compare within one run.
"""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from tests.benchmarks import (
    bench_campaigns,
    bench_decode,
    bench_faust,
    bench_groups,
    bench_guard,
    bench_simulate,
    bench_simulator,
    bench_sketch,
)

LINE = "stream_guard.bootstrap:build_topology"
STEADY = "tests.benchmarks.line_traffic:steady"
FAUST_RUNS = ((5_000, 1_000_000), (20_000, 400_000), (100_000, 400_000))


def say(text: str) -> None:
    """A line of the document."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def table(title: str, rows: dict[str, Any]) -> None:
    """A figure per line."""
    say(f"\n## {title}\n\n| what | figure |\n|---|---|")
    for name, value in rows.items():
        say(f"| {name.replace('_', ' ')} | {_figure(value)} |")


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_figure(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def line(shape: str, events: int) -> dict[str, Any]:
    """The line in a process of its own: its collector is tuned, and nothing else is in memory."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_line", "--shape", shape, "--events", str(events)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def faust(accounts: int, events: int) -> dict[str, Any]:
    """A worker on a real Kafka."""
    with TemporaryDirectory() as folder:
        return bench_faust.run(Path(folder), LINE, STEADY, events, accounts)


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    say(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}.")
    runs: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("Decoding", bench_decode.run),
        ("Prompt sketches", bench_sketch.run),
        ("GROUPS", bench_groups.run),
        ("CAMPAIGNS", bench_campaigns.run),
        ("The simulator", bench_simulator.run),
        ("`simulate`, the whole program", bench_simulate.run),
        ("The line, steady traffic, local runtime", lambda: line("steady", 1_000_000)),
        ("The line, real arrivals of young accounts, local runtime", lambda: line("sampled", 140_000)),
    ]
    if shutil.which("wrk"):
        runs.append(("The request path", bench_guard.run))
    else:
        sys.stderr.write("wrk is not on PATH (Debian: apt-get install wrk): the request path is left out\n")
    for accounts, events in FAUST_RUNS:
        title = f"A Faust worker on Kafka, {accounts:,} accounts, {events:,} events"
        runs.append((title, lambda accounts=accounts, events=events: faust(accounts, events)))  # type: ignore[misc]
    for title, run in runs:
        sys.stderr.write(f"{title} ...\n")
        table(title, run())


if __name__ == "__main__":
    main()
