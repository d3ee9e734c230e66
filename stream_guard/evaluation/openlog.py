"""Recorded traffic against the truth: what would enforcement have let through?

Two passes over the files: the first asks a decider for its rulings (or they come from a file), the
second counts each exchange under them.  So memory is bounded by accounts and rulings, not by events.
An open log flatters whoever decides: nobody in it reacts to a refusal.  The closed loop is the main
test.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from stream_guard.evaluation.counts import Counts
from stream_guard.evaluation.deciders import Decider
from stream_guard.evaluation.grouping import Found
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.rulings import Ruling, Table
from stream_guard.evaluation.seen import Reader
from stream_guard.evaluation.summing import summed
from stream_guard.evaluation.truth import Truth

CHUNK = 4096
Lines = Callable[[], Iterable[bytes]]
"""The traffic's lines; called once for each pass."""


class Ruled:
    """Rulings on a log, however they came about."""

    def __init__(
        self, rulings: Iterable[Ruling], found: Mapping[str, Found], cpu_us_per_event: float | None = None
    ) -> None:
        self.table = Table(rulings)
        self.found = found
        self.cpu_us_per_event = cpu_us_per_event


def decide(lines: Lines, decider: Decider) -> Ruled:
    """First pass: let a decider see everything."""
    rulings: list[Ruling] = []
    cpu_s, events, rest = 0.0, 0, iter(lines())
    while chunk := list(islice(rest, CHUNK)):
        started = time.process_time()
        rulings += decider.take(chunk, 0.0)
        cpu_s += time.process_time() - started
        events += len(chunk)
    started = time.process_time()
    rulings += decider.finish()
    cpu_s += time.process_time() - started
    cost = cpu_s * 1e6 / events if events else None
    return Ruled(rulings, decider.found(), cost)


def count(lines: Lines, truth: Mapping[str, Truth], ruled: Ruled, about: Mapping[str, Any]) -> Result:
    """Second pass: count each exchange under the rulings."""
    counts, reader = Counts(truth, ruled.table), Reader()
    answer = ruled.table.answer
    for line in lines():
        seen = reader.read(line)
        if seen is None:
            continue
        is_answered, at = seen.is_answered, seen.occurred_at
        outcome = answer(seen.account_id, at) if is_answered else "served"
        counts.request(seen.account_id, at, is_answered=is_answered, outcome=outcome)
    known: dict[str, Any] = {
        "mode": "open_log",
        "unreadable": reader.unreadable,
        "repeated": reader.repeated,
        "cpu_us_per_event": ruled.cpu_us_per_event,
    }
    return summed(counts, ruled.found, None, known | dict(about))
