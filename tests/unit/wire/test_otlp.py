"""Span batches: what a real collector wrote, what the real SDK sends, and what is broken."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from stream_guard.errors import InvalidEvent
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.otlp import SpanReader, encode_event
from tests.contract.otlp.spans import PROMPT, chat, sdk_batch

RECORDED = Path(__file__).parents[2] / "contract" / "otlp"
JSON, PROTO = (RECORDED / "batch.otlp_json").read_bytes(), (RECORDED / "batch.otlp_proto").read_bytes()


def reader(account_attribute: str = "") -> SpanReader:
    return SpanReader(EventDecoder(sketch=lambda text: bytes(64)), account_attribute)


@pytest.mark.parametrize("value", [JSON, PROTO], ids=["otlp_json", "otlp_proto"])
def test_a_collectors_message_gives_one_event_per_request(value: bytes) -> None:
    batch = reader().read(value)
    first, refused = batch.events
    assert (first.account_id, first.model, first.operation) == ("acct-7", "atlas-large-2", "chat")
    assert (first.input_tokens, first.output_tokens, first.max_tokens) == (1234, 567, 4096)
    assert (first.temperature, first.status, first.client_ip) == (0.7, 200, "203.0.113.17")
    assert (first.occurred_at, first.latency_ms) == (1_763_800_000.801, 800.0)
    assert (refused.account_id, refused.status) == ("acct-8", 429)
    assert batch.others == 5, "four web server's spans and a tool's"


def test_both_encodings_say_the_same() -> None:
    assert reader().read(JSON).events == reader().read(PROTO).events


@pytest.mark.parametrize("value", [JSON, PROTO], ids=["otlp_json", "otlp_proto"])
def test_a_request_without_account_is_a_failure_of_its_own(value: bytes) -> None:
    batch = reader().read(value)
    assert [(failure.reason, failure.detail) for failure in batch.failures] == [
        ("missing_field", "span 4: account_id: required, and absent")
    ]
    assert "atlas-large-2" in batch.failures[0].shown


@pytest.mark.parametrize("value", [JSON, PROTO], ids=["otlp_json", "otlp_proto"])
def test_a_prompt_is_sketched_and_goes_no_further(value: bytes) -> None:
    batch = reader().read(value)
    assert batch.events[0].prompt_sketch is not None
    assert batch.events[0].prompt_chars == len(PROMPT)
    written = b"".join(map(encode_event, batch.events)) + repr(batch.failures).encode()
    assert b"river" not in written


def test_an_event_that_was_written_reads_the_same() -> None:
    for event in reader().read(PROTO).events:
        decoder = EventDecoder()
        assert decoder.decode(encode_event(event)) == event
        assert dict(decoder.formats) == {"native": 1}


def test_what_the_sdk_sends_without_a_collector_is_read_as_well() -> None:
    batch = reader().read(sdk_batch([chat("a"), chat("b", **{"error.type": "timeout"})]))
    assert [event.account_id for event in batch.events] == ["a", "b"]


def test_an_error_without_status_counts_as_500() -> None:
    attributes = {name: value for name, value in chat("a").items() if name != "http.response.status_code"} | {
        "error.type": "timeout"
    }
    assert [event.status for event in reader().read(sdk_batch([attributes])).events] == [500]


def test_the_account_may_stand_in_an_attribute_of_ones_own() -> None:
    attributes = {"tenant": "t-1", **chat("x")}
    del attributes["account.id"]
    assert [event.account_id for event in reader("tenant").read(sdk_batch([attributes])).events] == ["t-1"]
    (by_resource,) = reader("service.name").read(sdk_batch([attributes])).events
    assert by_resource.account_id == "gateway"


def test_ids_tell_repeated_messages() -> None:
    assert [event.event_id for event in reader().read(PROTO).events] == [
        event.event_id for event in reader().read(JSON).events
    ]
    assert len({event.event_id for event in reader().read(PROTO).events}) == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not_object"),
        (b"{}", "not_object"),
        (b'{"resourceSpans": 1}', "not_object"),
        (b"{", "not_json"),
        (b"no batch", "not_object"),
        (b'{"resourceSpans":' + b"[" * 200 + b"]" * 200 + b"}", "too_deep"),
    ],
)
def test_what_is_no_batch_is_refused(value: bytes, reason: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        reader().read(value)
    assert caught.value.reason == reason


@pytest.mark.parametrize("odd", [b"\\ud800ame a river", b"\xffame a river"], ids=["half", "bytes"])
def test_half_a_character_of_one_client_harms_no_batch(odd: bytes) -> None:
    assert b"Name a river" in JSON
    batch, whole = reader().read(JSON.replace(b"Name a river", odd)), reader().read(JSON)
    assert [event.event_id for event in batch.events] == [event.event_id for event in whole.events]
    assert batch.events[0].prompt_chars == len(PROMPT)


def test_text_that_is_no_utf_8_harms_no_batch_in_protobuf() -> None:
    sent = sdk_batch([chat("a", **{"user_agent.original": "sdk-1"}), chat("b")])
    first, second = reader().read(sent.replace(b"sdk-1", b"sdk\xff1")).events
    assert (first.user_agent, second.account_id) == ("sdk\ufffd1", "b")


def test_an_account_that_can_not_be_read_is_a_failure_of_its_own() -> None:
    batch = reader().read(sdk_batch([chat("acct-1"), chat("b")]).replace(b"acct-1", b"acc\xff-1"))
    assert [event.account_id for event in batch.events] == ["b"]
    assert [failure.reason for failure in batch.failures] == ["not_json"]


def test_nonsense_of_one_client_costs_no_event() -> None:
    sent = sdk_batch([chat("a") | {"gen_ai.request.temperature": "warm", "gen_ai.usage.input_tokens": -4}])
    (event,) = reader().read(sent).events
    assert (event.temperature, event.input_tokens, event.account_id) == (None, None, "a")


def test_oddities_inside_a_batch_harm_nobody() -> None:
    tree = json.loads(JSON)
    tree["resourceSpans"] += [None, {}, {"scopeSpans": [1, {"spans": [None, {"attributes": 3}]}]}]
    assert reader().read(json.dumps(tree).encode()).events == reader().read(JSON).events


@settings(max_examples=200)
@given(st.binary(max_size=300), st.integers(0, len(PROTO)))
def test_broken_bytes_are_refused_or_read_and_nothing_else(noise: bytes, cut: int) -> None:
    for value in (noise, PROTO[:cut] + noise, JSON[: cut * 2] + noise):
        try:
            reader().read(value)
        except InvalidEvent:
            continue


def test_our_few_fields_are_those_of_opentelemetrys_own_schema() -> None:
    spans = TracesData.FromString(PROTO).resource_spans[0].scope_spans[0].spans
    assert [span.trace_id.hex() for span in spans if span.name.startswith("chat")][:2] == [
        event.event_id.partition("/")[0] for event in reader().read(PROTO).events
    ]
