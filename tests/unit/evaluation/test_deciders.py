"""Today's rules do what their names say, and the guard decides the same live and replayed."""

import json
from collections.abc import Sequence

import pytest

from stream_guard.errors import ConfigurationError
from stream_guard.evaluation.deciders import Decider
from stream_guard.evaluation.deciders.catalogue import BASELINES, decider_of
from stream_guard.evaluation.deciders.guard import LiveGuard, ReplayedGuard
from stream_guard.evaluation.deciders.rate import RateRule
from stream_guard.evaluation.deciders.shared import shared_address, shared_card
from stream_guard.evaluation.deciders.trees import WARM, TreesRule
from stream_guard.settings import BudgetSettings, Settings

DAY = 86_400.0


def lines(*events: tuple[str, float], **fields: object) -> list[bytes]:
    return [
        json.dumps({"account_id": account, "occurred_at": at, "event_id": f"{account}{at}"} | fields).encode()
        for account, at in events
    ]


def blocked(decider: Decider, fed: Sequence[bytes]) -> list[tuple[str, float]]:
    rulings = [*decider.take(fed, 0.0), *decider.finish()]
    assert all(ruling.action == "block" and ruling.expires_at is None for ruling in rulings)
    return [(ruling.account_id, ruling.decided_at) for ruling in rulings]


def test_a_rate_counts_by_day_and_blocks_once() -> None:
    asked = lines(*(("a", float(second)) for second in range(5)), *(("b", DAY - 1 + n) for n in range(4)))
    assert blocked(RateRule(3), asked) == [("a", 3.0)]


@pytest.mark.parametrize(("make", "field"), [(shared_card, "payment_id"), (shared_address, "client_ip")])
def test_a_shared_thing_blocks_everybody_who_shows_it_once_too_many_do(make: type, field: str) -> None:
    asked = [line for number in range(4) for line in lines((f"a{number}", float(number)), **{field: "x"})]
    others = lines(("b", 9.0), **{field: "y"}) + lines(("c", 9.0))
    assert blocked(make(2), asked + others) == [("a0", 2.0), ("a1", 2.0), ("a2", 2.0), ("a3", 3.0)]


def test_trees_block_whoever_leaves_his_own_past_and_nobody_before_that_past_is_known() -> None:
    usual = [
        line for n in range(4 * WARM) for line in lines(("a", 60.0 * n), input_tokens=100, output_tokens=50)
    ]
    assert blocked(TreesRule(0.4), usual) == []
    odd = [
        line
        for n in range(WARM)
        for line in lines(("a", 60.0 * 4 * WARM + n), input_tokens=90_000, output_tokens=60_000, turn=30)
    ]
    assert [account for account, _ in blocked(TreesRule(0.4), usual + odd)] == ["a"]
    assert blocked(TreesRule(0.4), odd) == []


def test_the_guard_rules_the_same_live_as_replayed() -> None:
    calm = [(f"a{n % 6}", 600.0 * (n // 6)) for n in range(6 * 6 * 48)]  # six an hour, for two days
    bursts = [(f"a{n % 3}", 172_800.0 + n) for n in range(1800)]
    fed = lines(*((account, 1.7e9 + at) for account, at in calm + bursts), model="m", status=200)
    live, replayed = LiveGuard(Settings()), ReplayedGuard(Settings())
    ruled = []
    for start in range(0, len(fed), 100):
        chunk = fed[start : start + 100]
        ruled += live.take(chunk, json.loads(chunk[-1])["occurred_at"])
    ruled += live.finish()
    again = [*replayed.take(fed, 0.0), *replayed.finish()]
    assert {ruling.account_id for ruling in ruled} == {"a0", "a1", "a2"}
    assert sorted(ruled, key=repr) == sorted(again, key=repr)


def test_deciders_are_called_by_name_with_their_threshold() -> None:
    for name in BASELINES:
        assert decider_of(name, Settings(), None, is_live=True).name
        assert "7" in decider_of(f"{name}:7", Settings(), None, is_live=True).name
    guard = decider_of("guard:budget=5", Settings(budget=BudgetSettings(1.0)), None, is_live=True)
    assert isinstance(guard, LiveGuard)
    assert "budget=5" in guard.name


@pytest.mark.parametrize("text", ["guess", "rate:many", "rate:0", "guard:line=3", "guard:budget=", "card:-1"])
def test_a_decider_that_does_not_exist_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"decider '{text}': expected"):
        decider_of(text, Settings(), None, is_live=True)
