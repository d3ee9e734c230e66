"""Runs of the local runtime over logs, in any cut and order; and what came out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stream_guard.runtime.local import LocalRecord, LocalRuntime
from stream_guard.runtime.outlet import Messages
from stream_guard.topology import DEAD_LETTERS, Topology
from tests.support.traffic import Event

Place = tuple[str, int]
Logs = Mapping[Place, Sequence[LocalRecord]]


class Outcome(NamedTuple):
    sinks: dict[Place, Messages]
    rows: dict[str, dict[str, bytes]]  # lane -> key -> packed row


class Recorder:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.sinks: defaultdict[Place, Messages] = defaultdict(list)

    def __call__(self, stream: str, partition: int, messages: Messages) -> None:
        self.sinks[stream, partition] += messages


def logs_of(traffic: Iterable[Event]) -> dict[Place, list[LocalRecord]]:
    logs: defaultdict[Place, list[LocalRecord]] = defaultdict(list)
    for event in traffic:
        log = logs[event.stream, event.partition]
        log.append(LocalRecord(len(log), event.at, event.key, event.value))
    return dict(logs)


def outcome_of(runtime: LocalRuntime, recorder: Recorder) -> Outcome:
    rows = {lane.name: dict(lane.rows.packed) for lane in runtime.lanes.values()}
    return Outcome(dict(recorder.sinks), rows)


def run_local(
    topology: Topology,
    logs: Logs,
    cuts: Iterable[tuple[Place, int]] = (),
    chunk: int = 1000,
    *,
    is_finished: bool = True,
) -> Outcome:
    """Feed ``logs``: first pieces (place, records) as ``cuts`` say, then the rest in turn."""
    recorder = Recorder()
    runtime = LocalRuntime(topology, recorder)
    done = dict.fromkeys(logs, 0)

    def feed(place: Place, count: int) -> None:
        records = logs[place][done[place] : done[place] + count]
        if records:
            runtime.feed(*place, records[0].offset, records[-1].offset + 1, records)
            done[place] += len(records)

    for place, count in cuts:
        feed(place, count)
    while any(done[place] < len(log) for place, log in logs.items()):
        for place in sorted(logs):
            feed(place, chunk)
    if is_finished:
        runtime.finish()
    return outcome_of(runtime, recorder)


def assert_same(found: Outcome, wanted: Outcome) -> None:
    """Same bytes in every sink partition, in order, and in every row.

    Dead letters of all lanes share one partition, so they are ordered by their source only.
    """
    wrong_rows = [
        f"{lane} {key!r}: {found.rows[lane].get(key)!r} instead of {rows.get(key)!r}"
        for lane, rows in wanted.rows.items()
        for key in sorted(rows.keys() | found.rows[lane].keys())
        if found.rows[lane].get(key) != rows.get(key)
    ]
    assert not wrong_rows, f"{len(wrong_rows)} rows differ:\n" + "\n".join(wrong_rows[:5])
    assert found.sinks.keys() == wanted.sinks.keys()
    for place, messages in wanted.sinks.items():
        _assert_same_messages(place, found.sinks[place], messages)


def _assert_same_messages(place: Place, found: Messages, wanted: Messages) -> None:
    if place[0] == DEAD_LETTERS:
        found, wanted = sorted(found, key=_source), sorted(wanted, key=_source)
    pairs = enumerate(zip(found, wanted, strict=False))
    first = next((i for i, (one, other) in pairs if one != other), None)
    if first is not None:
        again = sum(each in wanted[:first] for each in found[first:])
        detail = f"{found[first]!r} instead of {wanted[first]!r}"
        counts = f"{len(found)} messages, {len(wanted)} wanted, {again} after it a second time"
        message = f"{place}: message {first} is {detail} ({counts})"
        raise AssertionError(message)
    assert len(found) == len(wanted), f"{place}: {len(found)} messages instead of {len(wanted)}"


def _source(message: tuple[bytes | None, bytes]) -> bytes:
    return message[0] or b""
