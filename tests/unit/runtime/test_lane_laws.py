"""Laws of one lane: time, lateness, the future, ticks, dead letters, frames."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_guard.errors import InvalidEvent
from stream_guard.records import DeadLetter
from stream_guard.runtime import lane as lanes
from stream_guard.runtime.lane import HEARTBEAT, LogLane, TickLane, make_lane
from stream_guard.runtime.local import LocalRecord
from stream_guard.runtime.outlet import NEVER, Batch
from stream_guard.runtime.rows import pack
from stream_guard.topology import DEAD_LETTERS, Out, Rows, Step, Stream, Topology

TICK, LATENESS, FUTURE = 1_000, 500, 10_000
START = 1_700_000_000_000 // 60_000 * 60_000


class Note(msgspec.Struct, array_like=True, order=True):
    text: str
    extra: str | None = None


class Seen(msgspec.Struct, array_like=True):
    calls: list[tuple[str, int, str]] = []


class Diary:
    """Notes every call; sends on what it gets."""

    row = Seen

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, str]] = []
        self.writes = ""

    def process(self, rows: Rows, key: str, record: Any, out: Out) -> None:
        text = record.text if isinstance(record, Note) else record[1]
        if text == "fail":
            message = "told to fail"
            raise ValueError(message)
        self.calls.append(("process", out.at, text))
        if self.writes:
            out.emit(self.writes, text, Note(text))

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        self.calls.append(("tick", now, ""))


def decode(value: bytes) -> tuple[int, str]:
    at, _, text = value.decode().partition(" ")
    if text == "bug":
        raise KeyError(text)  # a decoder's own fault
    if not at.isdigit():
        reason = "malformed"
        raise InvalidEvent(reason, f"expected a number, got {at!r}")
    return int(at), text


def topology() -> Topology:
    return Topology(
        streams=(
            Stream("log", "log.v1", 1, tuple, "log", decode=decode, time=lambda event: event[0]),
            Stream("notes", "notes.v1", 2, Note),
            Stream(DEAD_LETTERS, "dead.v1", 1, None, "sink"),
        ),
        steps=(Step("write", Diary, "log", ("notes",)), Step("read", Diary, "notes", ())),
        tick_ms=TICK,
        lateness_ms=LATENESS,
        future_ms=FUTURE,
    )


def log_lane() -> LogLane:
    lane = make_lane(topology(), topology().steps[0], 0)
    assert isinstance(lane, LogLane)
    return lane


def tick_lane() -> TickLane:
    lane = make_lane(topology(), topology().steps[1], 0)
    assert isinstance(lane, TickLane)
    return lane


def diary(lane: Any) -> list[tuple[str, int, str]]:
    calls: list[tuple[str, int, str]] = lane.stage.calls
    return calls


def feed_log(lane: LogLane, *bodies: str, timestamp: int = -1) -> None:
    start = lane.next or 0
    records = [
        LocalRecord(
            start + i,
            timestamp,
            HEARTBEAT if body.startswith("beat ") else b"k",
            body.removeprefix("beat ").encode(),
        )
        for i, body in enumerate(bodies)
    ]
    lane.feed(start, start + len(records), records)


def feed_frames(lane: TickLane, *frames: tuple[str, int, list[tuple[int, str, Note]]]) -> None:
    start = lane.next or 0
    records = [LocalRecord(start + i, -1, None, pack(frame)) for i, frame in enumerate(frames)]
    lane.feed(start, start + len(records), records)


def letters(batch: Batch | None) -> list[DeadLetter]:
    assert batch is not None
    messages = batch.outputs.get((DEAD_LETTERS, 0), [])
    return [msgspec.json.decode(value, type=DeadLetter) for _, value in messages]


# ---- log lanes


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=60))
def test_a_late_event_is_stamped_one_after_the_watermark_and_no_other_is_touched(offsets: list[int]) -> None:
    lane, watermark, late = log_lane(), NEVER, 0
    wanted = []
    for offset in offsets:
        at = START + offset
        stamp = at if at > watermark else watermark + 1
        late += at <= watermark
        wanted.append(stamp)
        watermark = max(watermark, stamp - LATENESS - 1)
    feed_log(lane, *(f"{START + offset} x" for offset in offsets))
    assert [at for _, at, _ in diary(lane)] == wanted
    assert lane.mark.watermark == watermark
    assert lane.mark.counts.get("late", 0) == late


def test_an_event_from_the_far_future_counts_at_its_append_time() -> None:
    lane = log_lane()
    feed_log(lane, f"{START + FUTURE} near", f"{START + FUTURE + 1} far", timestamp=START)
    # The one at the bound is believed; the one beyond falls back to the append time, which is late by then.
    assert [at for _, at, _ in diary(lane)] == [START + FUTURE, START + FUTURE - LATENESS]
    assert lane.mark.counts["future"] == 1
    assert lane.mark.watermark == START + FUTURE - LATENESS - 1


def test_without_an_append_time_the_future_is_believed() -> None:
    lane = log_lane()
    feed_log(lane, f"{START + 10 * FUTURE} far", timestamp=-1)
    assert "future" not in lane.mark.counts


def test_a_heartbeat_is_the_watermark_itself_and_never_lowers_it() -> None:
    lane = log_lane()
    feed_log(lane, f"beat {START}", f"beat {START - 5}")
    assert lane.mark.watermark == START
    assert diary(lane) == []


def test_a_heartbeat_from_the_far_future_counts_as_its_append_time() -> None:
    lane = log_lane()
    feed_log(lane, f"beat {START + FUTURE + 1}", timestamp=START)
    assert lane.mark.watermark == START - LATENESS - 1
    assert lane.mark.counts["future"] == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x y", "malformed"),
        ("7 bug", "decode_failed"),
        ("beat soon", "malformed"),
        ("7 fail", "stage_failed"),
    ],
)
def test_what_can_not_be_used_becomes_a_dead_letter_and_the_lane_goes_on(body: str, reason: str) -> None:
    lane = log_lane()
    feed_log(lane, body, f"{START} fine")
    (letter,) = letters(lane.take())
    assert (letter.stream, letter.partition, letter.offset, letter.reason) == ("log", 0, 0, reason)
    assert [text for _, _, text in diary(lane)] == ["fine"]
    assert lane.mark.counts[f"dead_letters.{reason}"] == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=8))
def test_dead_letters_are_capped_per_window_of_offsets_however_the_log_is_cut(cuts: list[int]) -> None:
    lane, total = log_lane(), lanes.DEAD_LETTER_WINDOW + 300
    written: list[int] = []
    bodies = ["x"] * 400 + [f"{START} ok"] * (lanes.DEAD_LETTER_WINDOW - 300) + ["x"] * 200
    assert len(bodies) == total
    done = 0
    while done < total:
        size = cuts[len(written) % len(cuts)] + 200
        feed_log(lane, *bodies[done : done + size])
        written += [letter.offset for letter in letters(lane.take())]
        done += size
    first = [offset for offset in written if offset < lanes.DEAD_LETTER_WINDOW]
    second = [offset for offset in written if offset >= lanes.DEAD_LETTER_WINDOW]
    assert first == list(range(lanes.DEAD_LETTERS_PER_WINDOW))
    assert second == [lanes.DEAD_LETTER_WINDOW + 100 + i for i in range(lanes.DEAD_LETTERS_PER_WINDOW)]
    assert lane.mark.counts["dead_letters.malformed"] == 600
    assert lane.mark.counts["dead_letters_capped"] == 400


def test_offsets_that_were_fed_before_are_skipped() -> None:
    lane = log_lane()
    feed_log(lane, f"{START} a", f"{START} b")
    again = [LocalRecord(i, -1, b"k", f"{START} {text}".encode()) for i, text in enumerate("abc")]
    lane.feed(0, 3, again)
    assert [text for _, _, text in diary(lane)] == ["a", "b", "c"]


# ---- frames


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 3000).map(lambda size: f"{size} " + "x" * size), min_size=1, max_size=40))
def test_frames_are_bounded_complete_and_only_the_last_carries_the_new_watermark(texts: list[str]) -> None:
    lane = log_lane()
    lane.stage.writes = "notes"  # type: ignore[attr-defined] # a Diary
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "FRAME_BYTES", 4096)
        feed_log(lane, *(f"{START + i} {text}" for i, text in enumerate(texts)))
        batch = lane.take()
    assert batch is not None
    found = []
    for partition in (0, 1):
        frames = [msgspec.msgpack.decode(value) for _, value in batch.outputs["notes", partition]]
        assert all(len(pack(frame)) <= 4096 or len(frame[2]) == 1 for frame in frames)
        assert [frame[1] for frame in frames[:-1]] == [NEVER] * (len(frames) - 1)
        assert frames[-1][1] == lane.mark.watermark
        found += [item[1] for frame in frames for item in frame[2]]
    assert sorted(found) == sorted(texts)


def test_a_watermark_goes_to_every_partition_but_only_when_it_passes_a_tick() -> None:
    lane = log_lane()
    feed_log(lane, f"beat {START}")
    first = lane.take()
    assert first is not None
    assert first.outputs.keys() == {("notes", 0), ("notes", 1)}
    feed_log(lane, f"beat {START + TICK - 1}")
    second = lane.take()
    assert second is not None
    assert second.outputs == {}


def test_nothing_new_means_nothing_to_take() -> None:
    lane = log_lane()
    feed_log(lane, f"{START} a")
    assert lane.take() is not None
    assert lane.take() is None


# ---- tick lanes

WRITER = "write/0"


def ticks_of(lane: TickLane) -> list[int]:
    return [at for kind, at, _ in diary(lane) if kind == "tick"]


def test_a_tick_closes_when_the_watermark_passes_its_end_and_not_before() -> None:
    lane = tick_lane()
    feed_frames(
        lane, (WRITER, START + TICK - 1, [(START + 1, "k", Note("a")), (START + TICK, "k", Note("b"))])
    )
    assert diary(lane) == []
    assert lane.open_records == 2
    feed_frames(lane, (WRITER, START + TICK, []))
    end = START + TICK
    assert diary(lane) == [("process", end, "a"), ("process", end, "b"), ("tick", end, "")]


def test_ticks_without_records_are_skipped_save_whole_minutes_after_the_first_record() -> None:
    lane = tick_lane()
    feed_frames(lane, (WRITER, START - 600_000, []))
    feed_frames(lane, (WRITER, START + 150_000, [(START + 30_000, "k", Note("a"))]))
    assert ticks_of(lane) == [START + 30_000, START + 60_000, START + 120_000]
    assert lane.mark.watermark == START + 150_000


@settings(max_examples=60, deadline=None)
@given(
    st.permutations([("a", 1), ("b", 2), ("c", 2), ("d", 700), ("e", 1_400), ("f", 2_999)]), st.integers(1, 6)
)
def test_the_order_of_arrival_does_not_show(order: list[tuple[str, int]], size: int) -> None:
    lane = tick_lane()
    for i in range(0, len(order), size):
        items = [(START + after, text, Note(text)) for text, after in order[i : i + size]]
        feed_frames(lane, (WRITER, START - 1, items))
    feed_frames(lane, (WRITER, START + 3_000, []))
    assert [text for kind, _, text in diary(lane) if kind == "process"] == list("abcdef")


def test_records_that_differ_first_in_a_missing_field_are_still_ordered() -> None:
    def run(notes: Iterable[Note]) -> list[tuple[str, int, str]]:
        lane = tick_lane()
        feed_frames(lane, (WRITER, START + TICK, [(START + 1, "k", note) for note in notes]))
        return diary(lane)

    notes = [Note("a", None), Note("a", "x"), Note("a", None), Note("b", None)]
    assert run(notes) == run(reversed(notes))
    assert len(run(notes)) == 5


def test_a_failing_record_of_a_tick_is_buried_at_the_ticks_end() -> None:
    lane = tick_lane()
    feed_frames(
        lane, (WRITER, START + TICK, [(START + 1, "k", Note("fail")), (START + 1, "l", Note("fine"))])
    )
    (letter,) = letters(lane.take())
    assert (letter.offset, letter.reason) == (START + TICK, "stage_failed")
    assert [text for kind, _, text in diary(lane) if kind == "process"] == ["fine"]


def test_a_tick_that_fails_is_buried_and_the_next_one_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = tick_lane()
    told = lane.stage.tick

    def tick(rows: Any, now: int, out: Any) -> None:
        if now == START + TICK:
            message = "out of luck"
            raise ValueError(message)
        told(rows, now, out)

    monkeypatch.setattr(lane.stage, "tick", tick)
    items = [(START + 1, "k", Note("one")), (START + TICK + 1, "k", Note("two"))]
    feed_frames(lane, (WRITER, START + 2 * TICK, items))
    (letter,) = letters(lane.take())
    assert (letter.offset, letter.reason) == (START + TICK, "stage_failed")
    assert "out of luck" in letter.detail
    assert lane.mark.watermark == START + 2 * TICK
    assert [text for kind, _, text in diary(lane) if kind == "process"] == ["one", "two"]


def test_a_lane_reads_on_from_its_oldest_open_record() -> None:
    lane = tick_lane()
    feed_frames(
        lane,
        (WRITER, START + TICK, [(START + 1, "k", Note("closed"))]),
        (WRITER, START + TICK, [(START + TICK + 1, "k", Note("open"))]),
        (WRITER, START + TICK, []),
    )
    batch = lane.take()
    assert batch is not None
    assert batch.offset == 1
    assert lane.next == 3


def test_after_a_restart_closed_records_are_not_processed_again() -> None:
    mixed = (WRITER, START + TICK, [(START + 1, "k", Note("closed")), (START + TICK + 1, "k", Note("open"))])
    lane = tick_lane()
    feed_frames(lane, mixed)
    batch = lane.take()
    assert batch is not None
    assert batch.offset == 0
    again = tick_lane()
    for key, value in batch.rows:
        again.load(key.decode(), value)
    feed_frames(again, mixed, (WRITER, START + 2 * TICK, []))
    assert [text for kind, _, text in diary(again) if kind == "process"] == ["open"]


def test_years_of_silence_cost_no_memory() -> None:
    lane = tick_lane()
    due = lane._due(START, START + 10 * 365 * 24 * 3_600_000)
    assert next(iter(due)) == START + 60_000
