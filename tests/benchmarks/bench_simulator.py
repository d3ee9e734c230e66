"""What traffic costs to make: events per second of process time, with and without drawing accounts; memory.

python -m tests.benchmarks.bench_simulator [--millions N]
"""

import argparse
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

from stream_guard.simulator.scenario import Order, Traffic, build

MIXED = "deepseek:0.5+moonshot:0.02+background:8000"


def run(millions: int = 2) -> dict[str, Any]:
    """Speed of a mixture with and without sketches and through a gate; memory of `qwen` at full scale."""
    made: dict[str, Any] = {}
    for name, sketch_ratio in (("plain", 0.0), ("sketched", 1.0)):
        traffic, drawing = _drawn(MIXED, Order(days=4.0, sketch_ratio=sketch_ratio))
        start = process_time()
        deque(traffic.blocks(), maxlen=0)
        spent = process_time() - start
        made[f"{name}_events"] = traffic.count
        made[f"{name}_per_cpu_s"] = round(traffic.count / spent)
        made[f"{name}_with_drawing_per_cpu_s"] = round(traffic.count / (spent + drawing))
    made["accounts_drawn_us_each"] = round(drawing / 8000 * 1e6)
    traffic, _ = _drawn(MIXED, Order(days=4.0))
    start = process_time()
    events = sum(1 for _ in traffic.events(lambda _, __: 0))
    made["through_an_open_gate_per_cpu_s"] = round(events / (process_time() - start))
    return made | _full_scale(millions)


def _drawn(scenario: str, order: Order) -> tuple[Traffic, float]:
    start = process_time()
    traffic = build(scenario, order)
    return traffic, process_time() - start


def _full_scale(millions: int) -> dict[str, Any]:
    """The first so many million events of the largest campaign."""
    traffic, drawing = _drawn("qwen", Order())
    made: dict[str, Any] = {"qwen_drawing_s": round(drawing, 1)}
    events: Iterator[bytes] = traffic.events()  # one by one, as the local runtime takes them
    start = process_time()
    count = 0
    for million in range(1, millions + 1):
        for _ in islice(events, 1_000_000):
            count += 1
        made[f"qwen_rss_mb_after_{million}_million"] = _rss_mb()
    made["qwen_events"] = count
    made["qwen_per_cpu_s"] = round(count / (process_time() - start))
    return made


def _rss_mb() -> int:
    """Memory held now (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=int, default=2)
    for what, figure in run(parser.parse_args().millions).items():
        print(f"{what:34} {figure:>12,}")  # noqa: T201  # what a benchmark run by hand is for
