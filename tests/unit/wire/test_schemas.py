import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from stream_guard.records import CampaignState, Decision, DecisionEvidence, Evidence
from stream_guard.wire.meanings import REQUEST_EVENT
from stream_guard.wire.schema import SCHEMAS, encode_schema, write_schemas
from tests.wire_samples import EVENT, SMALLEST

COMMITTED = Path("docs/schemas")
CONTROL: dict[str, Any] = {"verb": "exempt", "subject": "org:1", "spoken_at": 1.5, "author": "ann"}
DECISION: dict[str, Any] = msgspec.to_builtins(
    Decision(
        decision_id="d", account_id="a", action="throttle", limit_per_min=6, reason_codes=("load",),
        campaign_id=None, score=0.9, evidence=(DecisionEvidence("load", 1.0, 0.2, 3.5),), decided_at=1.0,
        expires_at=None, policy_version="1", model_version="1", shadow=False, trigger="e-1",
    )
)  # fmt: skip
CAMPAIGN: dict[str, Any] = msgspec.to_builtins(
    CampaignState(
        campaign_id="c", kind="unknown", status="active", founded_at=1.0, changed_at=2.0, members=("a",),
        indicators=(("payment:x", 3),), evidence=(Evidence("load", 1.0, 0.2, 3.5, "load", "when"),),
        harvested=9, timeline=((1.0, "founded"),),
    )
)  # fmt: skip


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMAS[name]())


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_the_generated_one(name: str) -> None:
    assert (COMMITTED / f"{name}.json").read_bytes() == encode_schema(SCHEMAS[name]())


def test_nothing_else_is_committed(tmp_path: Path) -> None:
    write_schemas(tmp_path / "new")
    assert {path.name for path in COMMITTED.iterdir()} == {path.name for path in (tmp_path / "new").iterdir()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_valid_open_and_describes_every_field(name: str) -> None:
    schema = SCHEMAS[name]()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is True
    assert all(field["description"].endswith((".", "...")) for field in schema["properties"].values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_event", EVENT),
        ("request_event", SMALLEST),
        ("request_event", {**EVENT, "prompt": "Why?", "prompt_sketch": "A" * 86 + "==", "later": [1]}),
        ("request_event", {**SMALLEST, "occurred_at": "2025-11-22T08:26:40.125Z", "org_id": None}),
        ("request_event", {**SMALLEST, "occurred_at": "2025-11-22t08:26:40+01:00"}),
        ("decision", DECISION),
        ("decision", {**DECISION, "later": 1}),
        ("control", CONTROL),
        ("control", {**CONTROL, "spoken_at": "2025-11-22T08:26:40Z", "expires_at": 7}),
        ("campaign", CAMPAIGN),
    ],
)
def test_what_is_right_validates(name: str, value: dict[str, Any]) -> None:
    validator(name).validate(json.loads(msgspec.json.encode(value)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("request_event", {key: EVENT[key] for key in EVENT if key != field}) for field in SMALLEST),
        ("request_event", {**EVENT, "event_id": ""}),
        ("request_event", {**EVENT, "status": "200"}),
        ("request_event", {**EVENT, "status": 1000}),
        ("request_event", {**EVENT, "input_tokens": -1}),
        ("request_event", {**EVENT, "occurred_at": 1763800000125}),
        ("request_event", {**EVENT, "occurred_at": "2025-11-22T08:26:40"}),
        ("request_event", {**EVENT, "tools": [3]}),
        ("request_event", {**EVENT, "indicators": {"device": 3}}),
        ("request_event", {**EVENT, "prompt": 3}),
        ("request_event", {**EVENT, "prompt_sketch": "AAAA"}),
        ("request_event", []),
        ("decision", {**DECISION, "action": "ban"}),
        ("decision", {**DECISION, "score": 1.1}),
        ("decision", {key: value for key, value in DECISION.items() if key != "shadow"}),
        ("control", {**CONTROL, "verb": "ban"}),
        ("control", {**CONTROL, "author": " "}),
        ("campaign", {**CAMPAIGN, "status": "gone"}),
        ("campaign", {**CAMPAIGN, "indicators": [["payment:x"]]}),
    ],
)
def test_what_is_wrong_does_not(name: str, value: Any) -> None:
    assert not validator(name).is_valid(json.loads(msgspec.json.encode(value)))


def test_a_field_without_a_meaning_stops_the_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(REQUEST_EVENT, "asn")
    with pytest.raises(ValueError, match="asn"):
        SCHEMAS["request_event"]()
