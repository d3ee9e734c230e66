"""Other people's formats give the events that ours would have given."""

from typing import Any

import pytest
from msgspec.json import encode
from msgspec.structs import asdict

from stream_guard.errors import InvalidEvent
from stream_guard.wire.aliases import ALIASES, FIELDS
from stream_guard.wire.native import EventDecoder
from tests.wire_samples import EVENT, LITELLM, OTEL_ATTRIBUTES, OTLP_SPAN, SMALLEST, any_value, key_values

TOKENS = {"input_tokens": 1234, "output_tokens": 567, "reasoning_tokens": 120, "cached_tokens": 512}
# What OTEL_ATTRIBUTES say.
OTEL_FIELDS = {
    **TOKENS,
    **{
        name: EVENT[name]
        for name in ("account_id", "model", "operation", "max_tokens", "temperature", "status", "client_ip")
    },
    "user_agent": EVENT["user_agent"],
    "conversation_id": "conv-9",
    "end_user_id": "eu-4",
}
OWN = {"event_id": "e-1", "occurred_at": 1763800000.125}


def known(message: Any, decoder: EventDecoder | None = None) -> dict[str, Any]:
    """The fields of the decoded event that hold something."""
    event = (decoder or EventDecoder()).decode(encode(message))
    return {name: value for name, value in asdict(event).items() if value is not None}


def without(message: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in names}


# OpenTelemetry


@pytest.mark.parametrize(
    "message",
    [
        {**OWN, **OTEL_ATTRIBUTES},
        {**OWN, "attributes": OTEL_ATTRIBUTES},
        {**OWN, "attributes": key_values(OTEL_ATTRIBUTES)},
        {"attributes": {**OWN, **OTEL_ATTRIBUTES}},
        {"attributes": key_values({**OWN, **OTEL_ATTRIBUTES})},
        {
            **OWN,
            "attributes": OTEL_ATTRIBUTES,
            "resource": {"attributes": key_values({"service.name": "gw"})},
        },
    ],
)
def test_otel_attributes_mean_the_same_flat_nested_and_as_key_values(message: dict[str, Any]) -> None:
    decoder = EventDecoder()
    assert known(message, decoder) == {**OWN, **OTEL_FIELDS}
    assert decoder.formats == {"otel": 1}
    assert not decoder.unknown_fields


def test_a_span_gives_time_duration_and_id() -> None:
    span = known(OTLP_SPAN)
    own = {
        "event_id": "5b8efff798038103d269b633813fc60c/eee19b7ec3c1b174",
        "occurred_at": 1763800000.125,
        "latency_ms": 1834.2,
    }
    assert span == {**OTEL_FIELDS, **own}


def test_a_log_record_gives_its_time() -> None:
    record = {
        **without(OTLP_SPAN, "startTimeUnixNano", "endTimeUnixNano"),
        "timeUnixNano": 1763800000125000000,
    }
    assert known(record)["occurred_at"] == 1763800000.125
    assert "latency_ms" not in known(record)


def test_an_sdks_console_span_is_read_too() -> None:
    span = {
        "context": {"trace_id": "0x5b", "span_id": "0xee", "trace_state": "[]"},
        "start_time": "2025-11-22T08:26:38.290800Z",
        "end_time": "2025-11-22T08:26:40.125000Z",
        "status": {"status_code": "ERROR"},
        "attributes": without(OTEL_ATTRIBUTES, "http.response.status_code"),
    }
    event = known(span)
    assert (event["event_id"], event["occurred_at"], event["latency_ms"]) == (
        "0x5b/0xee",
        1763800000.125,
        1834.2,
    )
    assert event["status"] == 500


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ({"code": 2}, "429", 429),
        ({"code": "STATUS_CODE_ERROR"}, "timeout", 500),
        ({"code": 2}, None, 500),
        ({"code": 1}, None, None),
        ({}, None, None),
    ],
)
def test_a_failed_span_without_http_status_still_failed(
    status: dict[str, Any], error: str | None, expected: int | None
) -> None:
    attributes = without(OTEL_ATTRIBUTES, "http.response.status_code")
    if error is not None:
        attributes["error.type"] = error
    event = known({**OTLP_SPAN, "attributes": key_values(attributes), "status": status})
    assert event.get("status") == expected


def test_native_names_win_over_aliases_and_earlier_aliases_over_later() -> None:
    event = known({**OWN, **OTEL_ATTRIBUTES, "model": "mine", "prompt_tokens": 7})
    assert event["model"] == "mine"
    assert event["input_tokens"] == 1234


def test_a_span_that_carries_fields_of_ours_beside_its_attributes_means_those() -> None:
    event = known({**OTLP_SPAN, "model": "mine", "event_id": None, "account_id": "a"})
    assert (event["model"], event["account_id"]) == ("mine", "a")
    assert event["event_id"] == "5b8efff798038103d269b633813fc60c/eee19b7ec3c1b174"


def test_every_alias_names_a_field() -> None:
    assert set(ALIASES.values()) <= FIELDS
    assert not ALIASES.keys() & FIELDS


@pytest.mark.parametrize("batch", ["resourceSpans", "resourceLogs"])
def test_an_export_batch_is_refused_by_name(batch: str) -> None:
    with pytest.raises(InvalidEvent, match=f"not_object: {batch}: an export batch"):
        EventDecoder().decode(encode({batch: []}))


@pytest.mark.parametrize("as_text", [True, False])
def test_otel_messages_and_tools_are_read_as_text_or_structure(as_text: bool) -> None:  # noqa: FBT001 - pytest
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "get_weather", "arguments": {}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "result": "rain"}]},
    ]
    tools = [{"type": "function", "name": "get_weather", "description": "of a city"}]
    seen: list[str] = []
    decoder = EventDecoder(sketch=lambda text: seen.append(text) or bytes(64))  # type: ignore[func-returns-value]
    given = {"gen_ai.input.messages": messages, "gen_ai.tool.definitions": tools}
    attributes = {name: encode(value).decode() if as_text else value for name, value in given.items()}
    for form in ({**OWN, "model": "m", "account_id": "a"} | attributes,):
        event = known(form, decoder)
        assert (event["tools"], event["turn"], event["prompt_chars"]) == (["get_weather"], 1, 8)
    span = {**OTLP_SPAN, "attributes": key_values({**OTEL_ATTRIBUTES, **attributes})}
    assert known(span, decoder)["tools"] == ["get_weather"]
    assert seen == ["Weather?", "Weather?"]


def test_unknown_attributes_are_counted_and_those_of_the_resource_are_not() -> None:
    decoder = EventDecoder()
    span = {
        **OTLP_SPAN,
        "attributes": [*OTLP_SPAN["attributes"], {"key": "my.flag", "value": any_value(value=True)}],
        "resource": {"attributes": key_values({"service.name": "gateway", "k8s.pod.name": "p"})},
    }
    known(span, decoder)
    assert decoder.unknown_fields == {"my.flag": 1}


@pytest.mark.parametrize("attributes", [[], {}, [1, None, {"key": 3}], [{"key": "model"}]])
def test_odd_attributes_never_raise_anything_but_a_refusal(attributes: Any) -> None:
    with pytest.raises(InvalidEvent):
        EventDecoder().decode(encode({"attributes": attributes, "endTimeUnixNano": "x", "context": 3}))


# LiteLLM


def test_a_litellm_payload_gives_the_event() -> None:
    decoder = EventDecoder()
    assert known(LITELLM, decoder) == {
        **TOKENS,
        "event_id": "chatcmpl-7a31",
        "account_id": "acct_8f3a2c91",
        "occurred_at": 1763800000.125,
        "latency_ms": 1834.2,
        "model": "atlas-large-2",
        "operation": "chat",
        "status": 200,
        "max_tokens": 4096,
        "temperature": 0.7,
        "stream": True,
        "client_ip": "203.0.113.17",
        "user_agent": "python-sdk/1.40.2",
        "api_key_id": "88dc28d0f0",
        "org_id": "org_31",
        "tools": ["search"],
        "turn": 2,
        "prompt_chars": len("And a longer one?"),
    }
    assert decoder.formats == {"litellm": 1}
    assert decoder.prompts == {"dropped": 1}
    assert not decoder.unknown_fields


def test_litellms_wrapper_may_stay_on() -> None:
    assert known({"standard_logging_object": LITELLM}) == known(LITELLM)


def test_an_operators_native_fields_beside_a_litellm_payload_win() -> None:
    event = known({**LITELLM, "account_id": "mine", "payment_id": "card-1", "indicators": {"device": "d"}})
    assert (event["account_id"], event["payment_id"], event["indicators"]) == (
        "mine",
        "card-1",
        {"device": "d"},
    )


@pytest.mark.parametrize(
    ("metadata", "account"),
    [
        ({"user_api_key_user_id": "u", "user_api_key_team_id": "t", "user_api_key_hash": "h"}, "u"),
        ({"user_api_key_user_id": None, "user_api_key_team_id": "t", "user_api_key_hash": "h"}, "t"),
        ({"user_api_key_user_id": "", "user_api_key_team_id": None, "user_api_key_hash": "h"}, "h"),
        ({"user_api_key_user_id": "default_user_id", "user_api_key_hash": "h"}, "h"),
    ],
)
def test_litellms_account_is_the_user_else_the_team_else_the_key(
    metadata: dict[str, Any], account: str
) -> None:
    assert known({**LITELLM, "metadata": metadata})["account_id"] == account


@pytest.mark.parametrize(
    ("error", "status"),
    [({"error_code": "429"}, 429), ({"error_code": 401}, 401), ({"error_code": ""}, 500), (None, 500)],
)
def test_a_failure_in_litellm_keeps_its_code(error: Any, status: int) -> None:
    assert known({**LITELLM, "status": "failure", "error_information": error})["status"] == status


def test_messages_that_litellm_redacted_give_no_sketch() -> None:
    decoder = EventDecoder(sketch=lambda _: bytes(64))
    for messages in ("redacted-by-litellm", [{"role": "user", "content": "redacted-by-litellm"}]):
        event = known({**LITELLM, "messages": messages}, decoder)
        assert "prompt_sketch" not in event
        assert "prompt_chars" not in event
    assert not decoder.prompts


@pytest.mark.parametrize(
    ("parameters", "reasoning"),
    [
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({}, None),
    ],
)
def test_reasoning_is_read_from_the_request(parameters: dict[str, Any], reasoning: bool | None) -> None:  # noqa: FBT001 - pytest
    assert known({**LITELLM, "model_parameters": parameters}).get("reasoning") is reasoning


@pytest.mark.parametrize(
    ("call_type", "operation"),
    [
        ("completion", "chat"),
        ("aembedding", "embeddings"),
        ("aresponses", "chat"),
        ("atext_completion", "text_completion"),
        ("rerank", "rerank"),
        ("arerank", "arerank"),
    ],
)
def test_litellms_call_types_become_operations(call_type: str, operation: str) -> None:
    assert known({**LITELLM, "call_type": call_type})["operation"] == operation


@pytest.mark.parametrize("name", ["metadata", "messages", "response", "model_parameters", "request_tags"])
@pytest.mark.parametrize("value", [None, 3, "text", [], [3], {"a": {}}, [[{"role": "user"}]]])
def test_odd_parts_of_a_litellm_payload_do_not_lose_the_event(name: str, value: Any) -> None:
    assert known({**LITELLM, "account_id": "a", name: value})["event_id"] == "chatcmpl-7a31"


# Usage and conversations


@pytest.mark.parametrize(
    "usage",
    [
        {
            "prompt_tokens": 1234,
            "completion_tokens": 567,
            "prompt_tokens_details": {"cached_tokens": 512},
            "completion_tokens_details": {"reasoning_tokens": 120},
        },
        {
            "input_tokens": 1234,
            "output_tokens": 567,
            "input_tokens_details": {"cached_tokens": 512},
            "output_tokens_details": {"reasoning_tokens": 120},
        },
        {
            "input_tokens": 700,
            "cache_read_input_tokens": 512,
            "cache_creation_input_tokens": 22,
            "output_tokens": 567,
            "output_tokens_details": {"reasoning_tokens": 120},
        },
    ],
    ids=["openai chat", "openai responses", "anthropic"],
)
def test_usage_means_the_same_under_every_name(usage: dict[str, Any]) -> None:
    decoder = EventDecoder()
    assert known({**SMALLEST, "usage": usage}, decoder) == {**SMALLEST, **TOKENS}
    assert decoder.formats == {"alias": 1}


def test_usage_names_may_lie_flat() -> None:
    flat = {"prompt_tokens": 1234, "completion_tokens": 567, "cache_read_input_tokens": 512}
    assert known({**SMALLEST, **flat}) == {**SMALLEST, **without(TOKENS, "reasoning_tokens")}


@pytest.mark.parametrize("usage", [None, 3, "much", [], {"prompt_tokens_details": 4}])
def test_odd_usage_is_no_usage(usage: Any) -> None:
    assert known({**SMALLEST, "usage": usage}) == SMALLEST


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ("Hello", "Hello"),
        ([{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes?"}], "Hello"),
        (
            [{"role": "user", "content": "Hello"}, {"role": "user", "content": [{"type": "tool_result"}]}],
            "Hello",
        ),
        ([{"role": "user", "content": [{"type": "input_text", "text": "Hel"}, {"text": "lo"}]}], "Hel\nlo"),
        ({"messages": [{"role": "user", "content": "Hello"}]}, "Hello"),
    ],
)
def test_the_last_user_text_is_sketched_and_nothing_else(messages: Any, text: str) -> None:
    seen: list[str] = []
    decoder = EventDecoder(sketch=lambda text: seen.append(text) or bytes(64))  # type: ignore[func-returns-value]
    known({**SMALLEST, "messages": messages}, decoder)
    assert seen == [text]


def test_images_and_turns_are_counted() -> None:
    messages = [
        {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "What?"}]},
        {"role": "user", "content": [{"type": "image"}, {"type": "input_image"}]},
    ]
    event = known({**SMALLEST, "messages": messages})
    assert (event["images"], event["turn"]) == (3, 2)


def test_tool_definitions_become_names() -> None:
    tools = [
        {"type": "function", "function": {"name": "search"}},
        {"name": "run", "input_schema": {}},
        {"type": "web_search"},
        "plain",
    ]
    assert known({**SMALLEST, "tools": tools})["tools"] == ["search", "run", "web_search", "plain"]
