"""Messages that senders have sent once keep meaning what they meant.

`wire/golden.jsonl` holds recorded messages with the event, or the reason of refusal, that they gave.
A line of it is never changed, only added: a sender out there still writes it.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import asdict

from stream_guard.errors import InvalidEvent
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.schema import request_event_schema

GOLDEN_FILE = Path(__file__).parent / "wire" / "golden.jsonl"
GOLDEN = [json.loads(line) for line in GOLDEN_FILE.read_bytes().splitlines()]
ACCEPTED = [row for row in GOLDEN if "event" in row]
REFUSED = [row for row in GOLDEN if "reason" in row]


def test_the_golden_file_covers_every_format() -> None:
    kinds = {row["name"].split(",")[0].split(":")[0] for row in GOLDEN}
    assert kinds == {"native", "aliases", "otel", "litellm", "refused"}


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["name"])
def test_an_old_message_gives_the_event_it_gave(row: dict[str, Any]) -> None:
    event = asdict(EventDecoder().decode(row["message"].encode()))
    assert {name: event[name] for name in row["event"]} == row["event"]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["name"])
def test_an_old_refusal_keeps_its_reason(row: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent) as caught:
        EventDecoder().decode(row["message"].encode())
    assert caught.value.reason == row["reason"]


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["name"])
def test_the_event_validates_against_the_published_schema(row: dict[str, Any]) -> None:
    jsonschema.validate(row["event"], request_event_schema())


def test_the_order_of_messages_changes_nothing() -> None:
    decoder = EventDecoder()
    for row in ACCEPTED + ACCEPTED[::-1]:
        event = asdict(decoder.decode(row["message"].encode()))
        assert {name: event[name] for name in row["event"]} == row["event"]
