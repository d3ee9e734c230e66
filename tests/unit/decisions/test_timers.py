"""Alarms go off in their minute, each account once, however many there are and however rows are cut."""

from stream_guard.decisions import timers
from stream_guard.decisions.rows import TIMER_NAMES, AccountRow, Row
from stream_guard.runtime.rows import LaneRows
from tests.unit.decisions.desk import MINUTE, START


def test_a_crowded_minute_wakes_everyone_and_leaves_nothing() -> None:
    rows = LaneRows(Row, 10)
    names = [f"a{n}" for n in range(2 * TIMER_NAMES + 7)]
    for name in names:
        timers.wake(rows, name, AccountRow(), START + 1, START)
    rows.take()
    assert all(len(packed) < 16_000 for packed in rows.packed.values())
    assert timers.due(rows, START) == []
    assert sorted(timers.due(rows, START + MINUTE)) == sorted(names)
    assert timers.due(rows, START + MINUTE) == []
    rows.take()
    assert len(rows) == 0


def test_a_later_alarm_waits_for_the_earlier_one() -> None:
    rows, row = LaneRows(Row, 10), AccountRow()
    timers.wake(rows, "a", row, START + 3 * MINUTE, START)
    timers.wake(rows, "a", row, START + 5 * MINUTE, START)
    assert row.wake_at == START + 3 * MINUTE
    assert timers.due(rows, START + 5 * MINUTE) == []
    timers.wake(rows, "a", row, START + 2 * MINUTE, START)
    assert timers.due(rows, START + 2 * MINUTE) == ["a"]


def test_an_alarm_never_lies_in_the_tick_that_sets_it() -> None:
    rows, row = LaneRows(Row, 10), AccountRow()
    timers.wake(rows, "a", row, START, START)
    assert timers.due(rows, START) == []
    assert timers.due(rows, START + MINUTE) == ["a"]
