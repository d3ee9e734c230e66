"""Whoever reads a decision learns what, why, on what evidence, and what would have changed it."""

import msgspec
import pytest

from stream_guard.decisions.explain import explain, one_line
from stream_guard.decisions.policy import load_policy
from stream_guard.records import REASON_CODES, CampaignState, Decision
from tests.unit.decisions.desk import Desk, policy, verdict, word

CAMPAIGN = CampaignState(
    campaign_id="c1", kind="resale", status="active", founded_at=1.7e9, changed_at=1.7e9,
    members=("a1", "a2"), indicators=(), evidence=(), harvested=12_345,
)  # fmt: skip


def blocked() -> Decision:
    return Desk().tick(verdict())[0]


def test_one_line_holds_who_what_why_and_until_when() -> None:
    line = one_line(blocked())
    assert line.startswith(
        "a1 is blocked: campaign_member, shared_payment; campaign c1; campaign_evidence 3 "
    )
    assert "until 2023-11-21" in line
    assert "\n" not in line


def test_a_full_explanation_names_evidence_campaign_and_what_would_have_changed_it() -> None:
    text = explain(blocked(), CAMPAIGN, policy())
    for part in ("Why", "Evidence", "honest traffic", "Campaign c1 (resale, active)", "12,345 answered",
                 "What would have changed it", "would have left 0.0 of 9.0 nats",
                 "The rule member asks for a score of 0.5 (it was 0.9)", "decisions revoke a1"):  # fmt: skip
        assert part in text


def test_a_rule_is_only_quoted_from_the_policy_that_decided() -> None:
    assert "The rule" not in explain(blocked(), None, load_policy())


@pytest.mark.parametrize("code", REASON_CODES)
def test_every_reason_is_put_into_words(code: str) -> None:
    text = explain(msgspec.structs.replace(blocked(), reason_codes=(code,)))
    assert "No longer in the list" not in text


def test_throttles_shadows_and_releases_read_well() -> None:
    desk = Desk(policy(mode="shadow"))
    (throttle,) = desk.tick(verdict(source="account", kind="own_burst"))
    assert "is slowed down to 30 requests per minute" in one_line(throttle)
    assert one_line(throttle).endswith("; shadow")
    assert "not enforced" in explain(throttle)
    (allow,) = desk.tick(word("exempt"))
    assert one_line(allow) == "a1 may go on: exempt; shadow"
    assert "stream-guard allow remove a1" in explain(allow)
    assert "Evidence" not in explain(allow)
