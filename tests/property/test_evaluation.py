"""Evaluation counts what the contract says, held against a recount that is in no hurry."""

from collections import Counter
from dataclasses import dataclass
from math import inf

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.evaluation.openlog import Ruled, count
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.rulings import Ruling
from stream_guard.evaluation.truth import Truth

START = 1_700_000_000  # not a whole minute, hour or day
TRUTH = {
    "m1": Truth("m1", "campaign", "c1", "x"),
    "m2": Truth("m2", "campaign", "c1", "x"),
    "n1": Truth("n1", "campaign", "c2", "y"),
    "h1": Truth("h1", "benign", None, "office"),
    "h2": Truth("h2", "benign", None, "office"),
    "h3": Truth("h3", "benign", None, "class"),
}
accounts = st.sampled_from([*TRUTH, "stranger"])
times = st.integers(0, 400).map(lambda second: START + second * 1.0)


@dataclass(frozen=True)
class Event:
    event_id: int
    account_id: str
    occurred_at: float
    status: int | None


events = st.lists(
    st.builds(Event, st.integers(0, 200), accounts, times, st.sampled_from([None, 200, 200, 200, 400, 429]))
).map(lambda drawn: sorted(drawn, key=lambda event: event.occurred_at))
rulings = st.lists(
    st.builds(
        Ruling,
        accounts,
        st.sampled_from(["allow", "throttle", "challenge", "block"]),
        times,
        st.integers(1, 3),
        st.none() | times,
        st.booleans(),
    )
).map(lambda drawn: sorted(drawn, key=lambda ruling: ruling.decided_at))


def unique(drawn: list[Event]) -> list[Event]:
    """Each request once."""
    return list({event.event_id: event for event in reversed(drawn)}.values())[::-1]


def holding(made: list[Ruling], account_id: str, at: float) -> Ruling | None:
    """The newest decision, if it is enforced and not over."""
    newest = None
    for ruling in made:
        if ruling.account_id == account_id and ruling.decided_at <= at:
            newest = ruling
    if newest is None or newest.shadow or (newest.expires_at is not None and newest.expires_at <= at):
        return None
    return newest


def recount(drawn: list[Event], made: list[Ruling], account_id: str) -> tuple[int, int, int]:
    """Answered exchanges of an account, those that would have been served, those that a block refuses."""
    exchanges = served = refused = 0
    in_minute: Counter[int] = Counter()
    for event in drawn:
        if event.account_id != account_id or (event.status or 200) >= 400:
            continue
        exchanges += 1
        ruling = holding(made, account_id, event.occurred_at)
        if ruling is not None and ruling.action == "block":
            refused += 1
        elif ruling is not None and ruling.action == "throttle":
            minute = int(event.occurred_at // 60)
            if in_minute[minute] < (ruling.limit_per_min or 0):
                in_minute[minute] += 1
                served += 1
        else:
            served += 1
    return exchanges, served, refused


def first_block(made: list[Ruling], *members: str) -> float:
    return min(
        (r.decided_at for r in made if r.account_id in members and r.action == "block" and not r.shadow),
        default=inf,
    )


def counted(drawn: list[Event], made: list[Ruling]) -> Result:
    lines = [
        msgspec.json.encode(
            {
                "event_id": str(e.event_id),
                "account_id": e.account_id,
                "occurred_at": e.occurred_at,
                "model": "m",
            }
            | ({} if e.status is None else {"status": e.status})
        )
        for e in drawn
    ]
    return count(lambda: lines, TRUTH, Ruled(made, {}), {"decider": "drawn", "traffic": "drawn"})


@given(events, rulings)
def test_harvest_is_what_was_answered_while_no_block_held_and_within_throttles(
    drawn: list[Event], made: list[Ruling]
) -> None:
    result = counted(drawn, made)
    for name, members in (("c1", ("m1", "m2")), ("c2", ("n1",))):
        books = [recount(unique(drawn), made, account) for account in members]
        if name not in result.campaigns:
            assert sum(book[0] for book in books) == 0
            continue
        found = result.campaigns[name]
        assert (found.exchanges, found.harvested) == (sum(b[0] for b in books), sum(b[1] for b in books))
        assert found.harvested_ratio == (found.harvested / found.exchanges if found.exchanges else 0)


@given(events, rulings)
def test_honest_accounts_ever_blocked_and_what_they_were_refused(
    drawn: list[Event], made: list[Ruling]
) -> None:
    result = counted(drawn, made)
    honest = ("h1", "h2", "h3")
    assert result.false_blocks == sum(first_block(made, account) < inf for account in honest)
    assert result.honest_requests_refused == sum(recount(unique(drawn), made, one)[2] for one in honest)
    days = {(e.account_id, int(e.occurred_at // 86_400)) for e in unique(drawn) if e.account_id in honest}
    assert result.honest_total.account_days == len(days)
    if days:
        rate = result.false_blocks_per_100k_account_days
        assert rate.value == pytest.approx(result.false_blocks * 100_000 / len(days))


@given(events, rulings)
def test_delay_runs_from_the_first_exchange_to_the_first_block_of_any_account(
    drawn: list[Event], made: list[Ruling]
) -> None:
    result = counted(drawn, made)
    found = result.campaigns.get("c1")
    exchanges = [
        e.occurred_at for e in unique(drawn) if e.account_id in ("m1", "m2") and (e.status or 200) < 400
    ]
    blocked_at = first_block(made, "m1", "m2")
    if found is None or blocked_at == inf or not exchanges:
        assert found is None or found.delay_s is None or not exchanges
        return
    assert found.delay_s == max(0.0, blocked_at - min(exchanges))
    assert found.delay_exchanges == sum(at < blocked_at for at in exchanges)


@given(events, rulings)
def test_order_of_the_log_does_not_matter_but_for_throttles(drawn: list[Event], made: list[Ruling]) -> None:
    untouched = [ruling for ruling in made if ruling.action != "throttle"]
    forward, backward = counted(unique(drawn), untouched), counted(unique(drawn)[::-1], untouched)
    assert [(c.harvested, c.delay_exchanges) for c in forward.campaigns.values()] == [
        (c.harvested, c.delay_exchanges) for c in backward.campaigns.values()
    ]
    assert forward.false_blocks == backward.false_blocks
