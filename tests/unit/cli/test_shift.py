"""Recorded times move together, by whole days; what has none that can be moved is counted."""

import json

from stream_guard.cli.shift import DAY_S, Shifter, whole_days


def test_all_times_of_an_event_move_together() -> None:
    times = b'"occurred_at":100.5,"account_created_at":"1970-01-01T00:00:10Z"'
    line = b'{"account_id":"a",%b,"prompt":"\xc3\xa4"}' % times
    moved = json.loads(Shifter().shift(line, DAY_S))
    assert moved == {
        "account_id": "a", "occurred_at": DAY_S + 100.5, "account_created_at": DAY_S + 10.0, "prompt": "ä",
    }  # fmt: skip


def test_what_can_not_be_moved_is_left_alone_and_counted() -> None:
    shifter = Shifter()
    for line in (b"broken", b"[]", b'{"startTime": 5}', b'{"occurred_at": "noon"}', b'{"occurred_at": true}'):
        assert shifter.shift(line, DAY_S) in (line, b'{"occurred_at":86401.0}')
    assert shifter.left_alone >= 4


def test_the_newest_event_comes_to_lie_within_the_last_day() -> None:
    for newest, now in ((0.0, 10 * DAY_S + 5), (3.5 * DAY_S, 3.6 * DAY_S), (5 * DAY_S, 2 * DAY_S)):
        step = whole_days(newest, now)
        assert step % DAY_S == 0
        assert now - DAY_S < newest + step <= now
