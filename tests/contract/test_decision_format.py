"""What leaves DECISIONS is what the contract promises: these keys, in this order, of these types."""

import json
from typing import Any

from stream_guard.records import LADDER, REASON_CODES, pack_json
from tests.unit.decisions.desk import Desk, policy, verdict, word

FIELDS = [
    "decision_id", "account_id", "action", "limit_per_min", "reason_codes", "campaign_id", "score",
    "evidence", "decided_at", "expires_at", "policy_version", "model_version", "shadow", "trigger",
]  # fmt: skip


def lines() -> list[dict[str, Any]]:
    desk = Desk(policy(limits={"blocks_per_hour": 1}))
    desk.tick(
        verdict(), verdict("a2"), verdict("a3", source="account", kind="own_burst"), word("chargeback", "a4")
    )
    desk.tick(word("revoke"))
    return [json.loads(pack_json(decision)) for decision in desk.decisions]


def test_keys_come_in_the_contracts_order() -> None:
    assert all(list(line) == FIELDS for line in lines())


def test_values_have_the_contracts_types() -> None:
    for line in lines():
        assert line["action"] in LADDER
        assert isinstance(line["limit_per_min"], int) == (line["action"] == "throttle")
        assert set(line["reason_codes"]) <= set(REASON_CODES)
        assert line["reason_codes"]
        assert line["campaign_id"] is None or isinstance(line["campaign_id"], str)
        assert 0 <= line["score"] <= 1
        assert all(list(entry) == ["name", "value", "expected", "weight"] for entry in line["evidence"])
        assert isinstance(line["decided_at"], float)
        assert line["expires_at"] is None or line["expires_at"] > line["decided_at"]
        assert isinstance(line["shadow"], bool)
        assert line["trigger"]


def test_whatever_is_held_says_what_was_seen() -> None:
    assert all(line["evidence"] for line in lines() if line["action"] != "allow")


def test_the_same_log_gives_the_same_bytes() -> None:
    assert lines() == lines()
