"""What a prompt sketch and its running mean cost: process time, best of five."""

import random
from collections.abc import Callable
from functools import partial
from time import process_time

from stream_guard.sketches.mean import MeanSketch
from stream_guard.sketches.tables import load_sketcher

_TEXT = (
    "I have a table of customers and a table of orders in PostgreSQL. Write a query that lists, for "
    "each month of last year, the ten customers who spent most, with their share of the month's total. "
    "Explain how the window functions work, and what index would help. "
) * 5


def _cost_us(action: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(5):
        start = process_time()
        for _ in range(times):
            action()
        best = min(best, process_time() - start)
    return round(best / times * 1e6, 3)


def run() -> dict[str, float]:
    """Microseconds of CPU: sketching by length of the prompt, adding, packing; bytes packed."""
    sketcher = load_sketcher()
    rng = random.Random(1)
    sketches = [bytes(rng.randrange(256) for _ in range(64)) for _ in range(64)]
    state = MeanSketch()

    def add_64() -> None:
        for sketch in sketches:
            state.add(sketch)

    def add_4_and_pack() -> None:
        for sketch in sketches[:4]:
            state.add(sketch)
        state.snapshot()

    result = {
        f"sketch_{n}_chars_us": _cost_us(partial(sketcher.sketch, _TEXT[:n]), 200) for n in (130, 300, 1024)
    }
    result["mean_add_us"] = round(_cost_us(add_64, 500) / 64, 3)
    result["mean_4_adds_and_snapshot_us"] = _cost_us(add_4_and_pack, 2_000)
    packed = state.snapshot()
    result["mean_restore_us"] = _cost_us(lambda: MeanSketch.restore(packed), 2_000)
    young = MeanSketch()
    young.add(sketches[0])
    result["mean_packed_young_bytes"] = len(young.snapshot())
    result["mean_packed_old_bytes"] = len(packed)
    return result


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:32} {value:10.3f}")  # noqa: T201  # what a benchmark run by hand is for
