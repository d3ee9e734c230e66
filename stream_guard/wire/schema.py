"""JSON Schemas of what goes in and comes out, generated from the records.

    python -m stream_guard.wire.schema docs/schemas

writes them anew; a test holds the committed files and the records together.  All of them allow
fields that they do not name: unknown fields are ignored and counted, and new ones may be added.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from stream_guard.records import CampaignState, Control, Decision, RequestEvent
from stream_guard.wire import meanings

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
HOME: Final = "https://raw.githubusercontent.com/stream-guard/stream-guard/main/docs/schemas"
# RFC 3339, and two habits next to it that are read as well: a blank for the T, an offset without colon.
TIME_PATTERN: Final = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$"
SKETCH_PATTERN: Final = r"^[A-Za-z0-9+/]{86}==$"  # base64 of 64 bytes

Schema = dict[str, Any]


def request_event_schema() -> Schema:
    """What a request event looks like on the wire, `prompt` included."""
    schema = _schema(RequestEvent, "request_event", meanings.REQUEST_EVENT, added=("prompt",))
    properties = schema["properties"]
    _allow_text_time(properties, "occurred_at")
    _allow_text_time(properties, "account_created_at")
    properties["prompt_sketch"]["anyOf"][0] = {"type": "string", "pattern": SKETCH_PATTERN}
    properties["prompt"] |= {"type": ["string", "null"], "writeOnly": True}
    schema["title"] = "Request event"
    schema["description"] = (
        "One API request as the gateway saw it: one JSON object per message or line. "
        "Unknown fields are allowed: they are ignored and counted."
    )
    return schema


def decision_schema() -> Schema:
    """What a decision looks like; the newest of an account holds."""
    schema = _schema(Decision, "decision", meanings.DECISION)
    schema["properties"]["score"] |= {"minimum": 0, "maximum": 1}
    evidence = schema["$defs"]["DecisionEvidence"]
    _describe(evidence["properties"], meanings.DECISION_EVIDENCE)
    evidence["description"] = "One line of a decision's evidence."
    schema["description"] = "What holds for an account now. An account's newest decision holds."
    return schema


def control_schema() -> Schema:
    """What an operator's word looks like."""
    schema = _schema(Control, "control", meanings.CONTROL)
    properties = schema["properties"]
    for name in ("subject", "author"):
        properties[name]["pattern"] = r"\S"
    for name in ("spoken_at", "expires_at"):
        _allow_text_time(properties, name)
    schema["description"] = "An operator's word. Unknown fields are allowed and ignored."
    return schema


def campaign_schema() -> Schema:
    """What a campaign looks like; the newest state of a campaign holds."""
    schema = _schema(CampaignState, "campaign", meanings.CAMPAIGN)
    schema["title"] = "Campaign"
    schema["description"] = "A campaign: groups of accounts that turned out to act as one."
    return schema


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "request_event": request_event_schema,
    "decision": decision_schema,
    "control": control_schema,
    "campaign": campaign_schema,
}


def encode_schema(schema: Schema) -> bytes:
    """A schema as it is committed."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def write_schemas(folder: Path) -> None:
    """Write all schemas to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, build in SCHEMAS.items():
        (folder / f"{name}.json").write_bytes(encode_schema(build()))


def _schema(kind: type[Struct], name: str, meaning: Mapping[str, str], added: tuple[str, ...] = ()) -> Schema:
    """The schema of a record that msgspec makes, with each field's meaning and open to further fields."""
    (_,), components = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    body = components.pop(kind.__name__)
    schema = {"$schema": DRAFT, "$id": f"{HOME}/{name}.json", **body, "additionalProperties": True}
    schema["properties"] |= {field: {} for field in added}
    _describe(schema["properties"], meaning)
    if components:
        schema["$defs"] = components
    return schema


def _describe(properties: dict[str, Schema], meaning: Mapping[str, str]) -> None:
    if properties.keys() != meaning.keys():
        message = f"meanings: missing or left over: {sorted(properties.keys() ^ meaning.keys())}"
        raise ValueError(message)
    for name, schema in properties.items():
        properties[name] = {"description": meaning[name], **schema}


def _allow_text_time(properties: dict[str, Schema], name: str) -> None:
    """Let a time be RFC 3339 text too."""
    given = properties[name]
    text = {"type": "string", "pattern": TIME_PATTERN}
    if "anyOf" in given:
        given["anyOf"].insert(1, text)
        return
    description = given.pop("description")
    properties[name] = {"description": description, "anyOf": [given, text]}


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
