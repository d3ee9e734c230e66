"""Recorded lines reach the lanes as Kafka would have brought them, whatever else is in the file."""

import json
from collections import Counter
from typing import Any

import pytest

from stream_guard.bootstrap import build_topology
from stream_guard.errors import InvalidEvent
from stream_guard.records import Control, Decision, pack_json
from stream_guard.runtime.local import LocalRuntime
from stream_guard.runtime.replay import Heads, Replay, Word, words_of
from stream_guard.settings import Settings, StreamSettings
from stream_guard.sinks.entry import decode_decision

START = 1_700_000_000.0
SETTINGS = Settings(stream=StreamSettings(partitions=3))


def event(n: int, at: float, account: str = "", **more: Any) -> bytes:
    fields = {"event_id": f"e{n}", "account_id": account or f"a{n % 7}", "occurred_at": at, "model": "m"}
    return json.dumps({**fields, **more}).encode()


class Run:
    """A replay over the real stages."""

    def __init__(self, lines: list[bytes], words: list[Word] | None = None) -> None:
        self.decisions: list[Decision] = []
        self.dead: list[tuple[str, int | None]] = []
        self.runtime = LocalRuntime(build_topology(SETTINGS), self._sink)
        self.replay = Replay(self.runtime, words or [])
        for number, line in enumerate(lines, 1):
            self.replay.feed(line, number)
        self.replay.finish()

    def _sink(self, stream: str, _partition: int, messages: list[tuple[bytes | None, bytes]]) -> None:
        for _, value in messages:
            if stream == "decisions":
                self.decisions.append(decode_decision(value))
            elif stream == "dead_letters":
                letter = json.loads(value)
                tag = self.replay.tag_of(letter["partition"], letter["offset"])
                self.dead.append((letter["reason"], tag))

    @property
    def counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for status in self.runtime.statuses():
            if status.lane[0] == "accounts":
                counts.update(status.counts)
        return counts


def chargeback(account: str, at: float) -> Word:
    control = Control(verb="chargeback", subject=account, spoken_at=at, author="billing")
    return Word(round(at * 1000), pack_json(control))


def test_every_line_is_processed_once_by_its_accounts_partition() -> None:
    run = Run([event(n, START + n) for n in range(2_000)])
    assert run.counts["events"] == 2_000
    topology = run.runtime.topology
    for (stream, partition), lane in run.runtime.lanes.items():
        if stream == "requests":
            accounts = [key[2:] for key in lane.rows.packed if key.startswith("a:")]
            assert accounts
            assert {topology.stream("requests").partition(account) for account in accounts} == {partition}


def test_bad_lines_become_dead_letters_that_know_their_line() -> None:
    lines = [event(n, START + n) for n in range(20)]
    lines[3], lines[11] = b"{broken", event(11, START, status="7")
    run = Run(lines)
    assert run.dead == [("not_json", 4), ("wrong_type", 12)]
    assert run.counts["events"] == 18


def test_one_line_from_the_far_future_does_not_drag_event_time_along() -> None:
    lines = [event(n, START + n) for n in range(100)]
    lines.insert(50, event(1000, START + 40 * 365 * 86_400))
    run = Run(lines)
    assert (run.counts["future"], run.counts["late"]) == (1, 0)


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_one_of_the_last_lines_does_not_drag_event_time_along_either(behind: int) -> None:
    lines = [event(n, START + n) for n in range(500)]
    lines.insert(len(lines) - behind, event(900, START + 10 * 365 * 86_400))
    run = Run(lines)
    assert run.counts["future"] == 1
    assert run.replay.arrival < 1000 * (START + 3 * 86_400)


def test_a_quiet_night_is_believed() -> None:
    lines = [event(n, START + n) for n in range(50)] + [event(n, START + 90_000 + n) for n in range(50)]
    run = Run(lines)
    assert (run.counts["future"], run.counts["late"]) == (0, 0)


def test_words_are_spoken_in_their_time() -> None:
    lines = [event(n, START + 10 * n) for n in range(1_000)]
    run = Run(lines, [chargeback("a1", START + 5_000), chargeback("a2", START + 1_000)])
    blocked = [(d.account_id, d.decided_at) for d in run.decisions]
    assert [account for account, _ in blocked] == ["a2", "a1"]
    assert START + 1_000 <= blocked[0][1] <= START + 1_002
    assert START + 5_000 <= blocked[1][1] <= START + 5_002


def test_words_after_the_last_event_are_heard() -> None:
    run = Run([event(n, START + n) for n in range(10)], [chargeback("a1", START + 999)])
    assert [d.account_id for d in run.decisions] == ["a1"]


def test_decisions_come_while_the_replay_goes_on_though_a_partition_is_silent() -> None:
    topology = build_topology(SETTINGS)
    seen: list[str] = []
    runtime = LocalRuntime(topology, lambda stream, _p, messages: seen.extend(stream for _ in messages))
    replay = Replay(runtime, [chargeback("a1", START + 10)])
    for n in range(500):
        replay.feed(event(n, START + 10 * n, account="only-one"))
    assert "decisions" in seen


def test_the_same_lines_give_the_same_decisions() -> None:
    lines = [event(n, START + 10 * n) for n in range(500)]
    words = [chargeback(f"a{n}", START + 100 * n) for n in range(7)]
    assert Run(lines, words).decisions == Run(lines, words[::-1]).decisions


@pytest.mark.parametrize(
    ("line", "head"),
    [
        (event(1, START, account="x"), ("x", 1_700_000_000_000)),
        (b'{"event_id":"e","account_id":"x","occurred_at":"2023-11-14T22:13:20Z","model":"m"}',
         ("x", 1_700_000_000_000)),
        (b"not json", (None, 0)),
        (b'{"account_id":"x"}', (None, 0)),
    ],
)  # fmt: skip
def test_heads_tell_whose_a_line_is(line: bytes, head: tuple[str | None, int]) -> None:
    assert Heads().read(line) == head


def test_words_without_a_time_come_first_and_are_not_lost() -> None:
    def time_of(line: bytes) -> int:
        if line == b"bad":
            reason = "not_json"
            raise InvalidEvent(reason, "bad")
        return 5

    assert words_of([b"good", b"bad"], time_of) == [Word(5, b"good"), Word(0, b"bad")]
