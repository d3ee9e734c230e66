"""What CAMPAIGNS costs, and the whole detector beside ACCOUNTS: process time; memory by tracemalloc.

    python -m tests.benchmarks.bench_campaigns

- ``farm``: a farm as large as the honest population, from a cold start, in an open log (who is blocked goes
  on); ``honest``: honest accounts alone.  CPU us per event of each stage, its frames included.
- ``detector_ratio``: GROUPS, CAMPAIGNS and DECISIONS together, over ACCOUNTS with its decoding.
- ``campaign_25k``, ``group_25k``: what rows of a campaign and of a group with 25,000 accounts hold.

A boundary of GROUPS over 100,000 groups is measured in `bench_groups`.
"""

import json
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from time import process_time
from typing import Any

import msgspec

from stream_guard.bootstrap import build_topology
from stream_guard.campaigns.rows import CampaignRow
from stream_guard.campaigns.stage import Campaigns
from stream_guard.clock import MINUTE_MS
from stream_guard.groups.stage import Groups
from stream_guard.records import Conduct, Profile
from stream_guard.runtime.lane import Lane
from stream_guard.runtime.local import LocalRuntime
from stream_guard.runtime.outlet import Messages
from stream_guard.settings import Settings
from stream_guard.simulator.scenario import Order, build
from tests.unit.campaigns.findings import NOW, finding, member
from tests.unit.groups.stream import Driver

TRAFFIC = {"farm": "qwen:0.05@naive+background:1500", "honest": "background:1500"}
DAYS = 2.0
CHUNK = 2_000
MEMBERS = 25_000
AT_ONCE = 250


class _Head(msgspec.Struct):
    account_id: str


def _timed(lane: Lane, spent: Counter[str]) -> None:
    """Count the process time that a lane takes."""

    def timing(work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            start = process_time()
            try:
                return work(*given)
            finally:
                spent[lane.step.name] += process_time() - start  # type: ignore[assignment]

        return timed

    setattr(lane, "feed", timing(lane.feed))  # noqa: B010 - mypy: a method is not to be assigned
    setattr(lane, "take", timing(lane.take))  # noqa: B010


def _replay(lines: Iterable[bytes]) -> dict[str, float]:
    """CPU us per event of each stage."""
    spent: Counter[str] = Counter()
    topology = build_topology(Settings())
    runtime = LocalRuntime(topology, lambda *_: None, followers=("control",))
    for lane in runtime.lanes.values():
        _timed(lane, spent)
    requests, head = topology.stream("requests"), msgspec.json.Decoder(_Head).decode
    chunks: defaultdict[int, Messages] = defaultdict(list)
    count = 0
    for count, line in enumerate(lines, 1):
        account = head(line).account_id
        chunks[requests.partition(account)].append((account.encode(), line))
        if count % CHUNK == 0:
            _append(runtime, chunks)
    _append(runtime, chunks)
    runtime.finish()
    figures = {f"{name}_us": round(1e6 * spent[name] / count, 2) for name in sorted(spent)}
    detector = sum(spent[name] for name in ("groups", "campaigns", "decisions"))
    return {"events": count, **figures, "detector_ratio": round(detector / spent["accounts"], 2)}


def _append(runtime: LocalRuntime, chunks: defaultdict[int, Messages]) -> None:
    for partition in sorted(chunks):
        runtime.append("requests", partition, chunks[partition])
    chunks.clear()


def _held(driver: Driver, work: Callable[[], None]) -> dict[str, float]:
    """Memory that the rows of ``work`` hold, decoded ones included, and their packed size."""
    tracemalloc.start()
    start = process_time()
    work()
    spent = process_time() - start
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    packed = sum(map(len, driver.rows.packed.values()))
    return {
        "held_mb": round(held / 1e6, 1),
        "packed_mb": round(packed / 1e6, 1),
        "rows": len(driver.rows),
        "cpu_s_while_traced": round(spent, 1),
    }


def _campaign() -> dict[str, float]:
    """A campaign of `MEMBERS` accounts in two groups, each with five things of its own."""
    driver = Driver(Campaigns(Settings()), tick_ms=1_000, hot_max=1_000)

    def work() -> None:
        now = NOW // MINUTE_MS * MINUTE_MS
        for first in range(0, MEMBERS, AT_ONCE):
            names = [f"account-{i:06d}" for i in range(first, first + AT_ONCE)]
            bad = [member(name, 3.0, 32, *(f"device:{name}/{k}" for k in range(5))) for name in names]
            now = driver.out.at = now + MINUTE_MS
            for indicator in ("payment:card", "shape:farm"):
                found = finding(indicator, bad, size=first + AT_ONCE)
                driver.stage.process(driver.rows, indicator, found, driver.out)
            driver.close(now)
            driver.out.emitted.clear()

    held = _held(driver, work)
    rows = (driver.rows.get(key) for key in driver.rows.packed if key.startswith("c:"))
    return {"accounts": sum(row.count for row in rows if isinstance(row, CampaignRow)), **held}


def _group() -> dict[str, float]:
    """A group that `MEMBERS` accounts show."""
    driver = Driver(Groups(Settings()), hot_max=1_000)

    def work() -> None:
        for i in range(MEMBERS):
            name = f"account-{i:06d}"
            profile = Profile(name, 16, name, Conduct(NOW, NOW, answered=16), ("payment:card",), bytes(128))
            driver.stage.process(driver.rows, "payment:card", profile, driver.out)
        driver.close(NOW)

    return _held(driver, work)


def run() -> dict[str, Any]:
    """All figures."""
    order = Order(days=DAYS, sketch_ratio=1.0)
    figures: dict[str, Any] = {name: _replay(build(mix, order).events()) for name, mix in TRAFFIC.items()}
    return figures | {"campaign_25k": _campaign(), "group_25k": _group()}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))  # noqa: T201 - run by hand
