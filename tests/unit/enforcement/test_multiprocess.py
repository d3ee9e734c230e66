"""Processes of one gateway, each with counts of its own: whoever is scraped shows the sum of all."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from stream_guard.enforcement.multiprocess import DIRECTORY

ROOT = Path(__file__).parents[3]
# A parent that counts, then forks two workers that go on with what they inherited; all of them expose.
PROGRAM = """
import os
from stream_guard.enforcement.counts import GuardCounts
from stream_guard.enforcement.metrics import expose

class Guarding:
    state, remembered = "up", 7
    def __init__(self):
        self.counts = GuardCounts()

guard = Guarding()
counts = guard.counts
expose(guard)

def work(times):
    counts.passed += times
    counts.checks["block", "refused", "redis"] += 1
    counts.failures["timeout"] += 1
    for _ in range(times):
        counts.asked.add(0.003)
    counts.asked.add(9.0)

work(3)
children = [os.fork() for _ in range(1)]
if children[0]:
    children.append(os.fork())
if 0 in children:
    work(10)
else:
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
"""


def test_what_each_process_counts_is_shown_once(tmp_path: Path) -> None:
    for _ in range(2):  # two gateways on one directory: four workers, two parents
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM],
            capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
            env={**os.environ, DIRECTORY: str(tmp_path)},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))  # type: ignore[no-untyped-call]  # prometheus_client's

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"stream_guard_gateway_{name}", labels)

    parents, workers = 2, 4
    passed = 3 * parents + 10 * workers
    assert value("checks_total", action="allow", outcome="passed", source="local") == passed
    everybody = parents + workers
    assert value("checks_total", action="block", outcome="refused", source="redis") == everybody
    assert value("failures_total", reason="timeout") == everybody
    assert value("check_seconds_bucket", le="0.0025") == 0
    assert value("check_seconds_bucket", le="0.005") == passed
    assert value("check_seconds_count") == passed + everybody
    assert abs((value("check_seconds_sum") or 0) - (0.003 * passed + 9 * everybody)) < 1e-9
    assert value("remembered_accounts") == 7 * everybody
    assert value("state_info", state="up") == everybody
