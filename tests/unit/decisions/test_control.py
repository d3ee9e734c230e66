"""CONTROL tells each word to exactly those who must hear it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any
from zlib import crc32

import pytest

from stream_guard.decisions.control import ControlDesk, fault_in_control, partition_keys
from stream_guard.errors import InvalidEvent
from stream_guard.records import Control
from stream_guard.runtime.rows import LaneRows

AT = 1_700_000_000.0


class Ears:
    at = round(AT * 1000)
    offset = 0

    def __init__(self) -> None:
        self.heard: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
        self.counts: Counter[str] = Counter()

    def emit(self, stream: str, key: str, record: Any) -> None:
        self.heard[stream].append((key, record))

    def broadcast(self, stream: str, keys: Iterable[str], record: Any) -> None:
        """`topology.Out`."""
        raise NotImplementedError  # one key at a time here

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] += by


def say(verb: Any, subject: str = "a1", partitions: int = 4, **more: Any) -> Ears:
    ears = Ears()
    control = Control(verb=verb, subject=subject, spoken_at=AT, author="ann", **more)
    ControlDesk(partitions).process(LaneRows(None, 1), "", control, ears)
    return ears


@pytest.mark.parametrize("partitions", [1, 3, 4, 64])
def test_each_partition_has_a_key(partitions: int) -> None:
    assert [crc32(key.encode()) % partitions for key in partition_keys(partitions)] == list(range(partitions))


@pytest.mark.parametrize("verb", ["revoke", "exempt", "unexempt"])
def test_orders_go_to_the_account_only(verb: str) -> None:
    heard = say(verb).heard
    assert [(key, v.account_id, v.source) for key, v in heard["verdicts"]] == [("a1", "a1", "operator")]
    assert heard.keys() == {"verdicts"}


@pytest.mark.parametrize(("verb", "more"), [("label", {"value": "wrong"}), ("chargeback", {})])
def test_facts_go_to_campaigns_as_well(verb: str, more: dict[str, Any]) -> None:
    heard = say(verb, **more).heard
    assert heard.keys() == {"verdicts", "findings"}
    ((key, finding),) = heard["findings"]
    assert (key, finding.indicator, finding.control.verb) == ("a1", "a1", verb)


def test_a_release_goes_to_campaigns_only() -> None:
    assert say("release", "model-9").heard.keys() == {"findings"}


@pytest.mark.parametrize("subject", ["org:o1", "network:192.0.2.0/24"])
def test_a_wide_word_reaches_every_partition_once(subject: str) -> None:
    heard = say("exempt", subject).heard["verdicts"]
    assert sorted(crc32(key.encode()) % 4 for key, _ in heard) == [0, 1, 2, 3]
    assert {verdict.account_id for _, verdict in heard} == {subject}


@pytest.mark.parametrize(
    ("verb", "subject", "more", "names"),
    [
        ("exempt", "network:192.0.2", {}, "192.0.2.0/24"),
        ("exempt", "org:", {}, "organisation"),
        ("exempt", "", {}, "account id"),
        ("revoke", "org:o1", {}, "account id for revoke"),
        ("label", "a1", {"value": "maybe"}, "'maybe'"),
    ],
)
def test_a_word_that_makes_no_sense_is_refused_with_its_reason(
    verb: Any, subject: str, more: dict[str, Any], names: str
) -> None:
    with pytest.raises(InvalidEvent, match=names):
        say(verb, subject, **more)


def test_a_word_needs_a_time_and_an_author() -> None:
    assert "spoken_at" in fault_in_control(Control(verb="exempt", subject="a", spoken_at=0.0, author="ann"))
    assert "author" in fault_in_control(Control(verb="exempt", subject="a", spoken_at=AT, author=""))
