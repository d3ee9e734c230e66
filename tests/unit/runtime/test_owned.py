"""When something is due for a lane that a worker owns."""

from itertools import pairwise
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from stream_guard.runtime.faust_transport import CHUNK_RECORDS, Chunk, cut
from stream_guard.runtime.lane import make_lane
from stream_guard.runtime.local import LocalRecord
from stream_guard.runtime.owned import (
    CATCH_UP_FLUSH_RECORDS,
    CATCH_UP_FLUSH_S,
    CATCH_UP_RECORDS,
    STALLED_S,
    OwnedLane,
    lead_ms,
)
from stream_guard.runtime.transactions import LaneProducer
from tests.support.toy import build_toy

NOW, CLOCK, IDLE_S = 1_000.0, 1_700_000_000_000, 1.0
TOY = build_toy(tick_ms=1_000, lateness_ms=500)


def owned(step_name: str, partition: int = 0, position: int = 100) -> OwnedLane:
    step = next(step for step in TOY.steps if step.name == step_name)
    own = OwnedLane(make_lane(TOY, step, partition), cast(LaneProducer, None))
    own.lane.next, own.is_ready = position, True
    own.fed_at = own.flushed_at = own.moved_at = NOW
    return own


def heartbeat(own: OwnedLane, **changed: Any) -> int | None:
    facts = {"end": 100, "clock_ms": CLOCK, "idle_s": IDLE_S, "now": NOW + 2} | changed
    return own.heartbeat(**facts)


def test_an_idle_log_gets_the_clock_less_idle_time_and_lateness() -> None:
    assert heartbeat(owned("accounts")) == CLOCK - 1_000 - 500


def test_no_heartbeat_while_busy_behind_held_unready_or_switched_off() -> None:
    held, unready = owned("accounts"), owned("accounts")
    held.is_held, unready.is_ready = True, False
    assert heartbeat(owned("accounts"), now=NOW + 1) is None
    assert heartbeat(owned("accounts"), end=101) is None
    assert heartbeat(owned("accounts"), end=None) is None
    assert heartbeat(owned("accounts"), idle_s=0) is None
    assert heartbeat(held) is None
    assert heartbeat(unready) is None
    assert heartbeat(owned("groups")) is None


def test_at_most_one_heartbeat_per_tick() -> None:
    own = owned("accounts")
    own.beat = CLOCK - 1_500
    assert heartbeat(own) is None
    assert heartbeat(own, clock_ms=CLOCK + 499) is None
    assert heartbeat(own, clock_ms=CLOCK + 500) == CLOCK - 1_000
    own.beat, own.lane.mark.watermark = -1, CLOCK
    assert heartbeat(own) is None


def test_a_log_lane_that_catches_up_flushes_less_often_and_no_other_does() -> None:
    log, tick = owned("accounts"), owned("groups")
    end = 100 + CATCH_UP_RECORDS
    assert log.is_flush_due(end, NOW)
    assert not log.is_flush_due(end + 1, NOW + CATCH_UP_FLUSH_S - 0.1)
    assert log.is_flush_due(end + 1, NOW + CATCH_UP_FLUSH_S)
    log.lane.next = CATCH_UP_FLUSH_RECORDS - 1
    assert not log.is_flush_due(log.lane.next + CATCH_UP_RECORDS + 1, NOW)
    log.lane.next = CATCH_UP_FLUSH_RECORDS
    assert log.is_flush_due(log.lane.next + CATCH_UP_RECORDS + 1, NOW)
    assert tick.is_flush_due(end + 1, NOW)


def test_stalled_means_standing_still_although_there_is_something_to_read() -> None:
    own = owned("accounts")
    assert not own.is_stalled(200, NOW)
    assert not own.is_stalled(200, NOW + STALLED_S)
    assert own.is_stalled(200, NOW + STALLED_S + 0.1)
    own.lane.next = 150
    assert not own.is_stalled(200, NOW + STALLED_S + 0.1)
    own.lane.next = 200
    assert not own.is_stalled(200, NOW + 100)
    assert not own.is_stalled(201, NOW + 100 + STALLED_S)


def test_the_lead_is_measured_against_partitions_of_the_same_log_only() -> None:
    first, control, groups, decide = owned("accounts", 0), owned("control"), owned("groups"), owned("decide")
    groups.lane.mark.sources = {"accounts/0": 9_000, "accounts/1": 2_000}
    decide.lane.mark.sources = {
        "accounts/0": 8_000,
        "accounts/1": 3_000,
        "control/0": 900_000,
        "campaigns/0": 0,
    }
    lanes = [first, control, groups, decide]
    assert lead_ms(first, lanes) == 7_000
    assert lead_ms(control, lanes) == 0
    assert lead_ms(groups, lanes) == 0
    assert lead_ms(first, [first]) == 0


@given(st.integers(0, 50), st.lists(st.integers(1, 5), max_size=2_500), st.integers(0, 5))
def test_pieces_of_a_chunk_cover_its_range_without_a_hole(start: int, steps: list[int], tail: int) -> None:
    offsets, at = [], start
    for step in steps:  # offsets have holes: compaction, transaction markers
        offsets.append(at)
        at += step
    records = [LocalRecord(offset, -1, None, b"") for offset in offsets]
    pieces = list(cut(Chunk(start, at + tail, 3, records)))
    assert pieces[0].start == start
    assert pieces[-1].end == at + tail
    assert all(before.end == after.start for before, after in pairwise(pieces))
    assert [record for piece in pieces for record in piece.records] == records
    assert all(len(piece.records) <= CHUNK_RECORDS for piece in pieces)
    assert all(piece.start <= record.offset < piece.end for piece in pieces for record in piece.records)
