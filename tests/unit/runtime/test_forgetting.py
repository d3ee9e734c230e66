"""Rows that end: when, and that no restart, cut or order of partitions can tell."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_guard.clock import DAY_MS, HOUR_MS, MINUTE_MS
from stream_guard.runtime.forgetting import BUCKETS, Sweep
from stream_guard.runtime.lane import HEARTBEAT, Lane, make_lane
from stream_guard.runtime.local import LocalRecord
from stream_guard.runtime.rows import LaneRows
from stream_guard.topology import DEAD_LETTERS, Out, Rows, Step, Stream, Topology
from tests.support.durable import DurableRun
from tests.support.runs import Logs, Place, assert_same, run_local

START = 1_700_000_000_000 // HOUR_MS * HOUR_MS
KEEP_MS = 2 * DAY_MS
CYCLE_MS = BUCKETS * HOUR_MS


class Visit(msgspec.Struct, array_like=True, order=True):
    name: str
    count: int


class Guest(msgspec.Struct, array_like=True):
    last_at: int
    count: int = 0


class Guests:
    """Counts visits; a guest who stays away is forgotten and counted from one again."""

    row = Guest
    writes = "visits"

    def __init__(self) -> None:
        self.ticks: list[int] = []

    def process(self, rows: Rows, key: str, record: Any, out: Out) -> None:
        name = record[1] if isinstance(record, tuple) else record.name
        row = rows.get(name) or Guest(out.at)
        rows.put(name, row)
        row.last_at, row.count = out.at, row.count + 1
        out.emit(self.writes, name, Visit(name, row.count))

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        self.ticks.append(now)

    def next_due(self, rows: Rows, now: int) -> int | None:
        return None

    def may_forget(self, key: str) -> bool:
        return key != "host"

    def forget_at(self, key: str, row: Guest) -> int | None:
        return row.last_at + KEEP_MS

    def forget(self, rows: Rows, key: str, row: Guest) -> None:
        rows.delete(key)


class Doors(Guests):
    """The same over frames."""

    writes = "decisions"


def decode(value: bytes) -> tuple[int, str]:
    at, _, name = value.decode().partition(" ")
    return int(at), name


def topology() -> Topology:
    return Topology(
        streams=(
            Stream("requests", "r.v1", 2, tuple, "log", decode=decode, time=lambda event: event[0]),
            Stream("visits", "v.v1", 2, Visit),
            Stream("decisions", "d.v1", 2, Visit, "sink"),
            Stream(DEAD_LETTERS, "dead.v1", 1, None, "sink"),
        ),
        steps=(
            Step("guests", Guests, "requests", ("visits",)),
            Step("doors", Doors, "visits", ("decisions",)),
        ),
        tick_ms=1_000,
        lateness_ms=1_000,
    )


def logs_of(visits: list[tuple[int, str]]) -> dict[Place, list[LocalRecord]]:
    """``visits``: hours since the last one, and who came; both partitions are told the time with each."""
    line = topology()
    logs: dict[Place, list[LocalRecord]] = {("requests", 0): [], ("requests", 1): []}
    now = START
    for hours, name in visits:
        now += hours * HOUR_MS + 7
        for partition in range(2):
            log = logs["requests", partition]
            is_home = line.stream("requests").partition(name) == partition
            key, value = (b"k", f"{now} {name}") if is_home else (HEARTBEAT, f"{now - 1_001}")
            log.append(LocalRecord(len(log), -1, key, value.encode()))
    for log in logs.values():
        log.append(LocalRecord(len(log), -1, HEARTBEAT, b"%d" % (now + MINUTE_MS)))
    return logs


visits = st.lists(
    st.tuples(st.sampled_from([0, 1, 5, 23, 49, 24 * 9, 24 * 400]), st.sampled_from([*"abcdefgh", "host"])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(visits, st.randoms(use_true_random=False))
def test_what_is_forgotten_depends_on_the_log_alone(
    visited: list[tuple[int, str]], chance: random.Random
) -> None:
    logs: Logs = logs_of(visited)
    whole = run_local(topology(), logs, is_finished=False)
    cuts = [(chance.choice(list(logs)), chance.randrange(1, 4)) for _ in range(60)]
    assert_same(run_local(topology(), logs, cuts, chunk=1, is_finished=False), whole)
    broken = DurableRun(topology(), logs)
    for _ in range(200):
        place = chance.choice(broken.places)
        what = chance.randrange(4)
        if what == 0:
            broken.die(place)
        elif what == 1:
            broken.feed(place, chance.randrange(4))
        else:
            broken.flush(place)
    broken.settle()
    assert_same(broken.outcome(), whole)


@settings(max_examples=100, deadline=None)
@given(visits)
def test_a_row_ends_within_a_week_of_its_time_and_never_before(visited: list[tuple[int, str]]) -> None:
    last: dict[str, tuple[int, int]] = {}
    now = START
    wanted: dict[str, list[set[int]]] = {}
    for hours, name in visited:
        now += hours * HOUR_MS + 7
        at, count = last.get(name, (now, 0))
        silence = now - at
        # The lane's time is a second behind the record; the slack of an hour is the step's.
        goes_on = silence <= KEEP_MS or name == "host"
        is_over = silence > KEEP_MS + CYCLE_MS + 2 * HOUR_MS and name != "host"
        counts = {count + 1} if goes_on else {1} if is_over else {1, count + 1}
        wanted.setdefault(name, []).append(counts)
        found = counts if len(counts) == 1 else None
        last[name] = (now, found.copy().pop() if found else -1)
        if found is None:
            return  # which of the two it was is the bucket's affair
    outcome = run_local(topology(), logs_of(visited), is_finished=False)
    seen: dict[str, list[int]] = {}
    sunk = [message for partition in range(2) for message in outcome.sinks.get(("decisions", partition), [])]
    for key, value in sunk:
        seen.setdefault((key or b"").decode(), []).append(msgspec.json.decode(value)[1])
    assert {name: [counts.copy().pop() for counts in each] for name, each in wanted.items()} == seen


def lane_at(step: int) -> Lane:
    line = topology()
    lane = make_lane(line, line.steps[step], 0)
    lane.next = 0
    return lane


def test_rows_stay_bounded_by_who_comes_and_not_by_who_ever_came() -> None:
    line, most = topology(), 0
    lane = lane_at(0)
    changelog: dict[bytes, bytes | None] = {}
    for day in range(400):
        at = START + day * DAY_MS
        names = [f"guest-{day}-{i}" for i in range(50)]
        records = [
            LocalRecord(day * 50 + i, -1, b"k", f"{at + i} {name}".encode()) for i, name in enumerate(names)
        ]
        lane.feed(day * 50, day * 50 + 50, records)
        batch = lane.take()
        assert batch is not None
        changelog.update(batch.rows)
        most = max(most, len(lane.rows))
    assert most <= 50 * (2 + 7 + 2)
    assert lane.counts["rows_forgotten"] >= 20_000 - most
    again = make_lane(line, line.steps[0], 0)
    for key, value in changelog.items():
        again.load(key.decode(), value)
    assert again.rows.packed == lane.rows.packed


def test_a_silence_of_years_is_not_ticked_through() -> None:
    frames = [("guests/0", START + 1_000), ("guests/1", START + 1_000)]
    frames += [(writer, START + 3_650 * DAY_MS) for writer, _ in frames]
    lane = lane_at(1)
    bodies: list[Any] = [
        (writer, at, [(START + 1, "a", Visit("a", 1))] if i == 0 else [])
        for i, (writer, at) in enumerate(frames)
    ]
    lane.feed(0, 4, [LocalRecord(i, -1, None, msgspec.msgpack.encode(body)) for i, body in enumerate(bodies)])
    assert lane.mark.watermark == START + 3_650 * DAY_MS
    assert isinstance(lane.stage, Doors)
    assert lane.stage.ticks == [START + 1_000]
    assert lane.rows.get("a") is None


class Diary(Guests):
    """Has work at one minute."""

    due = START + 500 * DAY_MS + 1

    def next_due(self, rows: Rows, now: int) -> int | None:
        return self.due if now <= self.due else None


def test_what_a_stage_waits_for_is_ticked_on_its_minute_and_only_it() -> None:
    line = topology()
    line = Topology(
        line.streams, (line.steps[0], Step("doors", Diary, "visits", ("decisions",))), 1_000, 1_000
    )
    lane = make_lane(line, line.steps[1], 0)
    lane.next = 0
    ends = [START + 1_000, START + 3_650 * DAY_MS]
    bodies = [(f"guests/{i}", end, [(START + 1, "a", Visit("a", 1))]) for end in ends for i in range(2)]
    lane.feed(0, 4, [LocalRecord(i, -1, None, msgspec.msgpack.encode(body)) for i, body in enumerate(bodies)])
    assert isinstance(lane.stage, Diary)
    assert lane.stage.ticks == [START + 1_000, START + 500 * DAY_MS + MINUTE_MS]


def test_a_stage_whose_rows_never_end_is_never_swept() -> None:
    class Plain:
        row = Guest

        def process(self, rows: Rows, key: str, record: Any, out: Out) -> None: ...

        def tick(self, rows: Rows, now: int, out: Out) -> None: ...

    rows = LaneRows(Guest, 10)
    sweep = Sweep(Plain(), rows)
    sweep.start(START)
    assert sweep.due_at > START + 10_000 * DAY_MS
    assert rows.on_new is None


def test_a_row_that_was_never_packed_ends_too() -> None:
    lane = lane_at(0)
    bodies = [f"{START} a", f"{START + 30 * DAY_MS} b", f"{START + 60 * DAY_MS} a"]
    lane.feed(0, 3, [LocalRecord(i, -1, b"k", body.encode()) for i, body in enumerate(bodies)])
    row = lane.rows.get("a")
    assert row is not None
    assert row.count == 1
