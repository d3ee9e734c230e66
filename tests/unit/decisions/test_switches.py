"""The shadow switch: takes enforcement away at once, gives it back at once, and never adds any."""

import pytest

from stream_guard.decisions.control import fault_in_control
from stream_guard.decisions.rows import MAX_SWITCHES
from stream_guard.records import Control
from tests.unit.decisions.desk import HOUR, MINUTE, Desk, policy, verdict, word


def test_a_block_goes_into_shadow_at_once_and_comes_back_at_once() -> None:
    desk = Desk()
    desk.tick(verdict())
    (quiet,) = desk.tick(word("shadow", "all", value="on"))
    assert (quiet.action, quiet.shadow, quiet.reason_codes[-1]) == ("block", True, "operator")
    (loud,) = desk.tick(word("shadow", "all", value="off", spoken_at=desk.now / 1000 + 1))
    assert (loud.action, loud.shadow) == ("block", False)
    assert "operator" not in loud.reason_codes


def test_what_comes_while_it_is_on_is_only_recorded() -> None:
    desk = Desk()
    desk.tick(word("shadow", "all", value="on"))
    (block,) = desk.tick(verdict())
    assert (block.action, block.shadow) == ("block", True)


def test_it_ends_when_its_author_said_so() -> None:
    desk = Desk()
    desk.tick(verdict(), word("shadow", "all", value="on", expires_at=desk.now / 1000 + 3600))
    assert desk.decisions[-1].shadow
    (loud,) = desk.wait(HOUR + MINUTE)
    assert not loud.shadow
    assert desk.wait(HOUR) == []


def test_one_rule_in_shadow_leaves_a_milder_one_in_force_at_once() -> None:
    desk = Desk()
    desk.tick(verdict(), verdict(source="account", kind="own_burst", score=0.6))
    assert desk.decisions[-1].action == "block"
    (throttle,) = desk.tick(word("shadow", "rule:member", value="on"))
    assert (throttle.action, throttle.shadow) == ("throttle", False)


def test_a_rule_that_is_not_named_is_not_touched() -> None:
    desk = Desk()
    desk.tick(verdict())
    assert desk.tick(word("shadow", "rule:suspect", value="on")) == []


def test_switching_off_enforces_nothing_that_the_policy_holds_in_shadow() -> None:
    desk = Desk(policy(mode="shadow"))
    desk.tick(verdict(), word("shadow", "all", value="off"))
    assert [each.shadow for each in desk.decisions] == [True]


def test_the_word_spoken_last_holds_whatever_comes_first() -> None:
    on, off = word("shadow", "all", value="on"), word("shadow", "all", value="off", spoken_at=2e9)
    for words in ((on, off), (off, on)):
        desk = Desk()
        assert [each.shadow for each in desk.tick(verdict(), *words)] == [False]


def test_blocks_that_come_back_keep_to_the_cap() -> None:
    desk = Desk(policy(limits={"blocks_per_hour": 2}))
    desk.tick(word("shadow", "all", value="on"), *(verdict(f"a{n}") for n in range(5)))
    back = desk.tick(word("shadow", "all", value="off", spoken_at=desk.now / 1000 + 1))
    assert sum(not each.shadow for each in back) == 2


def test_switches_are_bounded() -> None:
    desk = Desk()
    desk.tick(*(word("shadow", f"rule:r{n}", value="on") for n in range(MAX_SWITCHES + 3)))
    assert desk.counts["words_refused"] == 3


@pytest.mark.parametrize(
    ("subject", "value", "wrong"),
    [("acct", "on", "subject"), ("rule:", "on", "subject"), ("all", "", "value"), ("all", "right", "value")],
)
def test_a_word_that_makes_no_sense_is_refused_by_name(subject: str, value: str, wrong: str) -> None:
    said = Control(verb="shadow", subject=subject, spoken_at=1.0, author="ann", value=value)
    assert fault_in_control(said).startswith(f"{wrong}: expected")
