"""A console's memory: bounded; the newest holds, however often and in whatever order a topic is read."""

from itertools import permutations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.console import memory as memories
from stream_guard.console.memory import Memory
from stream_guard.records import Control, pack_json
from stream_guard.sinks.decision_store import Selection
from tests.unit.console.desks import NOW, blocked, campaign, profile


def made(number: int, account: str = "acc_1") -> tuple[bytes, int]:
    return pack_json(blocked(account, decision_id=f"{account}-{number}", decided_at=NOW + number)), number


def test_the_newest_decision_holds_in_whatever_order_they_come() -> None:
    for order in permutations(range(4)):
        memory = Memory()
        memory.take_decisions(made(number) for number in order)
        assert [each.decision_id for each in memory.history("acc_1")] == [f"acc_1-{n}" for n in (3, 2, 1, 0)]


@given(st.lists(st.integers(0, 30), max_size=60))
def test_reading_a_topic_twice_changes_nothing(numbers: list[int]) -> None:
    once, twice = Memory(), Memory()
    once.take_decisions(made(number) for number in dict.fromkeys(numbers))
    twice.take_decisions(made(number) for number in numbers)
    assert [each.decision_id for each in once.history("acc_1")] == [
        each.decision_id for each in twice.history("acc_1")
    ]


def test_accounts_are_bounded_and_the_longest_undecided_leaves() -> None:
    memory = Memory(keep_accounts=2)
    memory.take_decisions([made(1, "a"), made(2, "b"), made(3, "a"), made(4, "c")])
    assert [memory.decision(name) is not None for name in "abc"] == [True, False, True]


def test_the_history_of_an_account_is_bounded() -> None:
    memory = Memory()
    memory.take_decisions(made(number) for number in range(100))
    history = memory.history("acc_1")
    assert len(history) == memories.HISTORY
    assert history[0].decision_id == "acc_1-99"
    memory.take_decisions(made(number) for number in range(100))
    assert memory.history("acc_1") == history


def test_what_is_no_record_is_counted_and_left_out() -> None:
    memory = Memory()
    for take in (memory.take_decisions, memory.take_campaigns, memory.take_frames):
        take([(b"\xff", 0), (b"{}", 1)])
    assert memory.refused == 6


def test_what_has_ended_or_is_in_shadow_is_told_apart() -> None:
    memory = Memory()
    for number, more in enumerate(
        [{}, {"shadow": True}, {"expires_at": NOW - 1}, {"action": "throttle", "limit_per_min": 6}]
    ):
        memory.take_decision(blocked(f"a{number}", **more), number)  # type: ignore[arg-type]
    assert memory.holding(NOW) == {("block", False): 1, ("block", True): 1, ("throttle", False): 1}
    assert memory.reasons(NOW) == {"campaign_member": 3}
    assert len(memory.newest(10, Selection(action="block"))) == 3


def test_a_merged_campaign_keeps_what_it_was() -> None:
    memory = Memory()
    state = campaign("acc_1")
    gone = campaign(
        status="merged", merged_into="c-2", changed_at=NOW, indicators=(), evidence=(), harvested=0
    )
    memory.take_campaigns([(pack_json(state), 0), (pack_json(gone), 1)])
    found = memory.campaign("c-1")
    assert found is not None
    assert (found.status, found.merged_into, found.members, found.harvested) == (
        "merged",
        "c-2",
        ("acc_1",),
        1234,
    )


def test_a_word_that_comes_twice_was_said_once() -> None:
    memory = Memory()
    word = Control(verb="revoke", subject="a", spoken_at=NOW, author="ann")
    memory.take_words([word, word])
    assert memory.words() == [word]


def test_of_an_account_the_profile_over_most_requests_is_kept() -> None:
    def frame(requests: int) -> tuple[bytes, int]:
        return msgspec.msgpack.encode(("accounts/0", 1, [(1, "payment:card", profile(requests=requests))])), 0

    memory = Memory()
    memory.take_frames([frame(16), frame(32), frame(8)])
    found = memory.profile("acc_1")
    assert found is not None
    assert found.requests == 32


def test_a_search_finds_parts_of_names_the_exact_one_first() -> None:
    memory = Memory()
    memory.take_decisions([made(1, "xacc_10"), made(2, "ACC_1"), made(3, "other")])
    memory.take_campaigns([(pack_json(campaign("acc_1")), 0)])
    assert memory.search("acc_1", 10)[0] == ["ACC_1", "xacc_10"]
    assert memory.search("PAYMENT", 10) == ([], [], ["payment:card"])
    assert memory.search("c-1", 10)[1] == ["c-1"]
