"""What a campaign got is counted as the contract says."""

import json

from stream_guard.cli.demo_truth import Truth
from stream_guard.records import Action, pack_json
from tests.support.decisions import decision

AT = 1_700_000_040.0  # a whole minute


def truth() -> Truth:
    rows = [("m1", "c1"), ("m2", "c1"), ("h1", None), ("h2", None)]
    return Truth(
        json.dumps(
            {"account_id": a, "label": "campaign" if c else "benign", "campaign": c, "kind": "x"}
        ).encode()
        for a, c in rows
    )


def feed(of: Truth, account: str, *seconds: float, status: int = 200) -> None:
    for second in seconds:
        of.saw(json.dumps({"account_id": account, "occurred_at": AT + second, "status": status}).encode())


def decide(of: Truth, account: str, action: Action, start: float, end: float | None = None) -> None:
    of.decided(pack_json(decision(account, action, AT + start, None if end is None else AT + end)))


def test_what_comes_before_a_block_is_harvested_and_nothing_while_it_holds() -> None:
    of = truth()
    feed(of, "m1", 0, 10, 20, 30, 40)
    feed(of, "m1", 5, status=429)
    decide(of, "m1", "block", 15, 35)
    (harvest,) = of.report().campaigns
    assert (harvest.exchanges, harvest.harvested, harvest.blocked, harvest.accounts) == (5, 3, 1, 2)


def test_a_throttle_serves_its_limit_each_minute() -> None:
    of = truth()
    feed(of, "m1", *range(0, 120, 3))
    decide(of, "m1", "throttle", -1)
    assert of.report().campaigns[0].harvested == 2 * 10


def test_honest_accounts_that_were_touched_are_counted() -> None:
    of = truth()
    decide(of, "h1", "throttle", 0)
    decide(of, "h1", "allow", 1)
    report = of.report()
    assert (report.honest, report.honest_touched, report.honest_blocked) == (2, 1, 0)


def test_lines_that_are_no_events_do_not_matter() -> None:
    of = truth()
    of.saw(b"{broken")
    assert of.report().campaigns[0].exchanges == 0
