"""The closed loop: what is ruled is in force after its delay, never before it is known, and is reacted to."""

from math import ceil

import pytest

from stream_guard.evaluation.deciders import Decider
from stream_guard.evaluation.deciders.rate import RateRule
from stream_guard.evaluation.deciders.shared import shared_address, shared_card
from stream_guard.evaluation.loop import Timing, play
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.rulings import Ruling
from tests.support.loop import Patience, ToyTraffic

BLOCK = Ruling("", "block", 0.0)
ABOUT = {"traffic": "toy"}


def played(decider: Decider, timing: Timing, requests: int = 300) -> Result:
    return play(ToyTraffic(requests), decider, timing, ABOUT)


def test_unopposed_everything_that_was_planned_is_harvested() -> None:
    theft = played(Patience(10**9, BLOCK), Timing()).campaigns["theft"]
    assert (theft.exchanges, theft.harvested, theft.harvested_ratio) == (300, 300, 1.0)
    assert theft.delay_s is None


def test_a_blocked_thief_opens_accounts_until_the_end_and_pays_for_them() -> None:
    # Each account is blocked at its third request; in force 3 s later, so its fourth meets the block.
    theft = played(Patience(3, BLOCK), Timing(delay_s=3.0, step_s=2.0)).campaigns["theft"]
    assert theft.harvested == 225
    assert theft.accounts == 75
    assert theft.blocked == 75
    assert theft.spent is not None
    assert theft.spent["accounts"] == 76  # the last one was opened and never used
    assert (theft.delay_s, theft.delay_exchanges) == (23.0, 3)


def test_newcomers_are_those_who_come_after_the_first_block() -> None:
    theft = played(Patience(3, BLOCK), Timing()).campaigns["theft"]
    assert (theft.newcomers, theft.newcomers_stopped, theft.newcomer_exchanges) == (74, 74, 3)


@pytest.mark.parametrize("delay_s", [0.0, 3.0, 14.0, 60.0])
def test_a_longer_way_to_the_gateways_lets_more_through(delay_s: float) -> None:
    theft = played(Patience(1, BLOCK), Timing(delay_s=delay_s, step_s=1.0)).campaigns["theft"]
    assert theft.newcomer_exchanges == max(1, ceil(delay_s / 10))


def test_a_coarse_step_only_ever_delays() -> None:
    fine, coarse = (
        played(Patience(2, BLOCK), Timing(delay_s=3.0, step_s=step)).campaigns["theft"].harvested
        for step in (1.0, 120.0)
    )
    assert fine < coarse


def test_decisions_know_nothing_of_what_was_not_made_yet() -> None:
    decider = Patience(1, BLOCK)
    played(decider, Timing(step_s=30.0), 20)
    assert [now for now, _ in decider.steps] == sorted(now for now, _ in decider.steps)
    assert sum(lines for _, lines in decider.steps) == 40
    assert max(lines for _, lines in decider.steps) <= 30 / 10 * 2


def test_a_throttle_lets_its_limit_through_each_minute() -> None:
    theft = played(Patience(1, Ruling("", "throttle", 0.0, limit_per_min=2)), Timing(), 60).campaigns["theft"]
    assert theft.harvested == 1 + 2 * 11  # before the throttle, and in eleven clock minutes
    assert theft.throttled == 1
    assert theft.blocked == 0


def test_an_expired_block_lets_through_again() -> None:
    short = Ruling("", "block", 0.0, expires_at=ToyTraffic(300).span[0] + 100)
    theft = played(Patience(1, short), Timing()).campaigns["theft"]
    assert theft.harvested > 280


def test_honest_accounts_that_fall_are_counted_with_what_they_lost_and_what_they_wrote() -> None:
    result = played(shared_address(1), Timing())
    person = result.honest["person"]
    assert (result.false_blocks, person.blocked.count, person.accounts) == (1, 1, 1)
    assert person.requests_refused == result.complaints
    assert 0 < person.requests_refused < person.requests == 300
    assert person.days_in_use == 0.5
    assert result.blocks_by_reason["shared_address"][0] == 1


def test_a_rule_on_rates_or_cards_sees_no_thief_who_has_many_accounts_and_cards() -> None:
    for decider in (RateRule(400), shared_card(2)):
        result = played(decider, Timing())
        assert result.false_blocks == 0
        assert result.campaigns["theft"].harvested_ratio == 1.0


def test_the_same_traffic_gives_the_same_result() -> None:
    first, second = (played(Patience(3, BLOCK), Timing()).campaigns["theft"] for _ in range(2))
    assert first == second


def test_an_account_whose_truth_comes_late_is_counted_with_its_campaign(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream_guard.evaluation.loop.WAITING", 10)  # look at the truth often
    told = ToyTraffic.truth
    monkeypatch.setattr(ToyTraffic, "truth", lambda self: list(told(self))[: None if self.is_over else 2])
    result = played(Patience(3, BLOCK), Timing())
    theft = result.campaigns["theft"]
    assert result.unlabelled_accounts == 0
    assert sum(served for _, _, served in theft.by_hour) == theft.harvested == 225
    assert theft.delay_exchanges == 3
