"""Honest days before a campaign, and a slower pace: what they change, and what they leave as it is."""

from functools import cache

import msgspec
import pytest

from stream_guard.records import RequestEvent
from stream_guard.simulator.order import Order
from stream_guard.simulator.scenario import Traffic, build

HOUR, DAY = 3600.0, 86_400.0
decode = msgspec.json.Decoder(RequestEvent).decode
Firsts = dict[str | None, float]


@cache
def played(quiet: float | None, pace: float = 1.0) -> tuple[Traffic, list[RequestEvent]]:
    scenario = "deepseek:0.1@naive+minimax:0.02@naive+background:800"
    traffic = build(scenario, Order(seed=3, days=1.0, quiet=quiet, pace=pace))
    return traffic, [decode(line) for line in traffic.events()]


def campaigns(traffic: Traffic) -> dict[str, str | None]:
    return {row.account_id: row.campaign for row in traffic.truth()}


def firsts(quiet: float | None) -> Firsts:
    """First request of each campaign (None: of everybody honest), after the span's begin."""
    traffic, events = played(quiet)
    of, first = campaigns(traffic), Firsts()
    for event in events:
        first.setdefault(of[event.account_id], event.occurred_at - traffic.span[0])
    return first


@pytest.mark.parametrize("quiet", [0.0, 2.0])
def test_campaigns_begin_right_after_the_quiet_days(quiet: float) -> None:
    first = firsts(quiet)
    assert first.pop(None) < HOUR
    assert len(first) == 2
    for begin in first.values():
        assert quiet * DAY <= begin < quiet * DAY + 2 * HOUR


def test_the_quiet_days_come_before_the_days_that_were_asked_for() -> None:
    begin, end = played(2.0)[0].span
    assert end - begin == 3 * DAY
    begin, end = played(None)[0].span
    assert end - begin == DAY


def test_however_long_it_was_quiet_the_campaign_is_the_same() -> None:
    once, later = (played(quiet)[0] for quiet in (0.0, 2.0))
    assert once.costs == later.costs
    for name, planned in once.planned.items():
        assert planned == pytest.approx(later.planned[name], rel=0.25)


def test_a_slower_pace_slows_honest_accounts_alone() -> None:
    usual, slow = played(0.0), played(0.0, 0.2)
    asked = []
    for traffic, events in (usual, slow):
        of = campaigns(traffic)
        asked.append(sum(of[event.account_id] is None for event in events))
    assert asked[1] == pytest.approx(0.2 * asked[0], rel=0.2)
    for name, planned in usual[0].planned.items():
        assert planned == pytest.approx(slow[0].planned[name], rel=0.25)
