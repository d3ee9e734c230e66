from base64 import b64encode
from typing import Any

import pytest
from msgspec.json import encode

from stream_guard.errors import InvalidEvent
from stream_guard.records import RequestEvent
from stream_guard.wire.invalid import REASONS
from stream_guard.wire.native import MAX_NAMES, OTHER, EventDecoder
from stream_guard.wire.parse import MAX_DEPTH, MAX_MESSAGE_BYTES
from tests.wire_samples import EVENT, LITELLM, OTLP_SPAN, SMALLEST

SKETCH = bytes(range(64))
SKETCH_TEXT = b64encode(SKETCH).decode()


def decode(**changes: Any) -> RequestEvent:
    return EventDecoder().decode(encode({**SMALLEST, **changes}))


def refusal(value: bytes) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        EventDecoder().decode(value)
    assert caught.value.reason in REASONS
    return caught.value


def refusal_of(**changes: Any) -> InvalidEvent:
    return refusal(encode({**SMALLEST, **changes}))


def test_an_event_of_ours_decodes_to_the_same_values() -> None:
    decoder = EventDecoder()
    event = decoder.decode(encode(EVENT))
    assert {name: getattr(event, name) for name in EVENT} == EVENT
    assert decoder.formats == {"native": 1}
    assert not decoder.unknown_fields


def test_every_reason_is_listed_once() -> None:
    assert len(set(REASONS)) == len(REASONS)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"{", "not_json"),
        (b"hello", "not_json"),
        (b"{} {}", "not_json"),
        (b'{"status":0200}', "not_json"),
        (b"\x00\x00\x00\x07{}", "not_json"),  # a schema registry's envelope
        (b'{"temperature":nan}', "not_json"),
        (b'{"event_id":"\\uXXXX"}', "not_json"),
        (b"null", "not_object"),
        (b"[]", "not_object"),
        (b'"text"', "not_object"),
        (b"12", "not_object"),
        (b'{"x":' + b"[" * 500_000, "too_deep"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "too_large"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value,
)
def test_what_is_no_object_is_refused_with_its_reason(value: bytes, reason: str) -> None:
    assert refusal(value).reason == reason


@pytest.mark.parametrize("name", ["event_id", "account_id", "occurred_at", "model"])
def test_a_required_field_that_is_absent_or_null_is_named(name: str) -> None:
    absent = refusal(encode({key: value for key, value in SMALLEST.items() if key != name}))
    null = refusal_of(**{name: None})
    assert absent.reason == null.reason == "missing_field"
    assert absent.detail.startswith(name)
    assert null.detail.startswith(name)


@pytest.mark.parametrize(
    ("field", "value", "reason", "detail"),
    [
        ("status", "200", "wrong_type", "status: expected int | null; got '200'"),
        ("status", True, "wrong_type", "status: expected int | null; got True"),
        ("status", 1000, "out_of_range", "status: expected int <= 999; got 1000"),
        ("status", 200.5, "wrong_type", "status: expected int | null; got 200.5"),
        ("latency_ms", -1, "out_of_range", "latency_ms: expected float >= 0.0; got -1"),
        ("event_id", "", "out_of_range", "event_id: expected str of length >= 1; got ''"),
        ("event_id", 17, "wrong_type", "event_id: expected str; got 17"),
        (
            "account_id",
            "x" * 600,
            "out_of_range",
            "account_id: expected str of length <= 512; got text of 600",
        ),
        ("prompt_labels", ["a", 3], "wrong_type", "prompt_labels[1]: expected str; got 3"),
        ("prompt_labels", {"a": 1}, "wrong_type", "prompt_labels: expected array | null; got an object of 1"),
        ("org_id", 7, "wrong_type", "org_id: expected str | null; got 7"),
        ("occurred_at", 0, "out_of_range", "occurred_at: expected float > 0.0; got 0"),
        ("occurred_at", 1763800000125, "out_of_range", "occurred_at: expected float < 32503680000.0; got 17"),
    ],
)
def test_a_wrong_value_is_refused_with_field_value_and_what_was_expected(
    field: str, value: Any, reason: str, detail: str
) -> None:
    error = refusal_of(**{field: value})
    assert error.reason == reason
    assert error.detail.startswith(detail)


def test_milliseconds_are_recognised_in_the_detail() -> None:
    assert "milliseconds?" in refusal_of(occurred_at=1763800000125).detail


@pytest.mark.parametrize("digits", [25, 400, 5000])
def test_huge_integers_are_refused_without_being_quoted(digits: int) -> None:
    value = encode(SMALLEST)[:-1] + b',"asn":' + b"9" * digits + b"}"
    error = refusal(value)
    assert error.reason in ("out_of_range", "wrong_type")  # beyond 32 digits it is infinite
    assert len(error.detail) < 200


def test_a_detail_never_quotes_long_text() -> None:
    error = refusal_of(account_id="s3cret " * 100)
    assert "s3cret" not in error.detail


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-22T08:26:40.125Z",
        "2025-11-22t08:26:40.125z",
        "2025-11-22T09:26:40.125+01:00",
        "2025-11-22T02:56:40.125-05:30",
    ],
)
def test_rfc_3339_with_any_offset_is_the_same_moment(text: str) -> None:
    assert decode(occurred_at=text, account_created_at=text).occurred_at == 1763800000.125
    assert decode(account_created_at=text).account_created_at == 1763800000.125


@pytest.mark.parametrize(
    "text", ["2025-11-22T08:26:40", "2025-11-22", "yesterday", "1763800000.125", "", "2025-13-22T08:26:40Z"]
)
@pytest.mark.parametrize("field", ["occurred_at", "account_created_at"])
def test_a_time_without_an_offset_is_refused(field: str, text: str) -> None:
    error = refusal_of(**{field: text})
    assert error.reason == "bad_time"
    assert error.detail.startswith(field)


def test_unknown_fields_are_counted_and_change_nothing() -> None:
    decoder = EventDecoder()
    plain = decoder.decode(encode(EVENT))
    for _ in range(3):
        assert decoder.decode(encode({**EVENT, "region": "eu", "nested": {"a": [1]}})) == plain
    assert decoder.unknown_fields == {"region": 3, "nested": 3}
    assert decoder.formats == {"native": 4}


def test_names_of_unknown_fields_are_bounded() -> None:
    decoder = EventDecoder()
    for number in range(MAX_NAMES + 50):
        decoder.decode(encode({**SMALLEST, f"field_{number}" + "x" * 1000: 1}))
    assert len(decoder.unknown_fields) == MAX_NAMES + 1
    assert decoder.unknown_fields[OTHER] == 50
    assert decoder.unknown_fields.total() == MAX_NAMES + 50
    assert max(map(len, decoder.unknown_fields)) <= 64


def test_the_last_of_a_repeated_key_counts() -> None:
    value = encode(SMALLEST)[:-1] + b',"status":500,"status":200}'
    lenient = encode(SMALLEST)[:-1] + b',"status":500,"x":1,"status":200}'
    assert EventDecoder().decode(value) == EventDecoder().decode(lenient)
    assert EventDecoder().decode(value).status == 200


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("warm_up", [b"", encode({**SMALLEST, "x": 1})])
def test_nesting_is_bounded_alike_whatever_came_before(extra: int, warm_up: bytes) -> None:
    decoder = EventDecoder()
    if warm_up:
        decoder.decode(warm_up)
    depth = MAX_DEPTH - 1 + extra  # the message itself is one level
    value = encode(SMALLEST)[:-1] + b',"x":' + b"[" * depth + b'"]]"' + b"]" * depth + b"}"
    if extra:
        with pytest.raises(InvalidEvent, match="too_deep"):
            decoder.decode(value)
    else:
        assert decoder.decode(value) == decode()


def test_brackets_in_text_are_not_nesting() -> None:
    assert decode(x="[" * 10_000, y='\\"' + "{" * 200).event_id == "e-1"


def test_an_empty_optional_id_means_none() -> None:
    decoder = EventDecoder()
    event = decoder.decode(encode({**SMALLEST, "org_id": "", "api_key_id": "k"}))
    assert (event.org_id, event.api_key_id) == (None, "k")
    assert decoder.mended_fields == {"org_id": 1}


@pytest.mark.parametrize("name", sorted(set(RequestEvent.__struct_fields__) - set(SMALLEST)))
@pytest.mark.parametrize("value", ["", [], {}, 0, 1e300, False, "x", [{}], {"": ""}])
def test_any_value_in_any_optional_field_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        event = decode(**{name: value})
    except InvalidEvent as error:
        refusal = error
    else:
        assert type(getattr(event, name)) in (type(value), type(None), float, int, list)
        return
    assert refusal.reason in REASONS
    assert refusal.detail.startswith(name)


def test_whole_numbers_with_a_point_are_whole_numbers() -> None:
    assert decode(status=200.0, input_tokens=12.0).status == 200


def test_a_client_can_not_make_its_events_invalid() -> None:
    decoder = EventDecoder()
    event = decoder.decode(
        encode(
            {
                **SMALLEST,
                "model": "m" * 300,
                "user_agent": "u" * 5000,
                "end_user_id": "e" * 600,
                "tools": ["t" * 200] * 300,
                "max_tokens": 1 << 60,
                "temperature": -3.5,
                "indicators": {f"{number}" * 130: "v" * 2000 for number in range(20)},
            }
        )
    )
    assert (len(event.model), len(event.user_agent or ""), len(event.end_user_id or "")) == (256, 1024, 512)
    assert (event.max_tokens, event.temperature) == (1 << 53, 0)
    assert [len(tool) for tool in event.tools or ()] == [128] * 256
    assert len(event.indicators or ()) <= 16
    assert decoder.mended_fields.total() == 7


def test_a_prompt_is_reduced_to_its_sketch() -> None:
    seen: list[str] = []

    def sketch(text: str) -> bytes:
        seen.append(text)
        return SKETCH

    decoder = EventDecoder(sketch=sketch, sketch_version=3)
    event = decoder.decode(encode({**SMALLEST, "prompt": "Naïve?"}))
    assert seen == ["Naïve?"]
    assert (event.prompt_sketch, event.prompt_sketch_version, event.prompt_chars) == (SKETCH_TEXT, 3, 6)
    assert decoder.prompts == {"sketched": 1}
    assert "Naïve" not in repr(event)


def test_without_a_sketch_prompts_are_dropped_and_counted() -> None:
    decoder = EventDecoder()
    event = decoder.decode(encode({**SMALLEST, "prompt": "Naïve?"}))
    assert (event.prompt_sketch, event.prompt_chars) == (None, 6)
    assert decoder.prompts == {"dropped": 1}


def test_the_gateways_own_sketch_and_length_stay() -> None:
    decoder = EventDecoder(sketch=lambda _: bytes(64))
    given = {"prompt_sketch": SKETCH_TEXT, "prompt_sketch_version": 1, "prompt_chars": 900}
    event = decoder.decode(encode({**SMALLEST, **given, "prompt": "cut ..."}))
    assert (event.prompt_sketch, event.prompt_sketch_version, event.prompt_chars) == (SKETCH_TEXT, 1, 900)


@pytest.mark.parametrize(
    "text", ["", "AAAA", "not base64!", "é" * 88, SKETCH_TEXT + "AAAA", SKETCH_TEXT[:-1]]
)
def test_a_sketch_of_another_size_is_refused(text: str) -> None:
    assert refusal_of(prompt_sketch=text).reason == "bad_sketch"


def test_an_empty_prompt_has_no_sketch() -> None:
    decoder = EventDecoder(sketch=lambda _: SKETCH)
    event = decoder.decode(encode({**SMALLEST, "prompt": ""}))
    assert (event.prompt_sketch, event.prompt_chars) == (None, 0)


def test_what_came_before_does_not_change_what_a_message_means() -> None:
    messages = [
        encode(EVENT),
        encode({**EVENT, "region": 1}),
        encode({**EVENT, "occurred_at": "2025-11-22T08:26:40.125Z"}),
        encode({**EVENT, "prompt": "x"}),
        encode({**EVENT, "metadata": {"a": 1}, "input_tokens": None, "prompt_tokens": 4}),
        encode({**EVENT, "metadata": {"a": 1}, "name": "x", "model_parameters": 3, "resource": []}),
        encode({**EVENT, "traceId": "t", "startTime": 1, "id": "other"}),
        encode(LITELLM),
        encode({**LITELLM, **SMALLEST}),
        encode(OTLP_SPAN),
        encode({**OTLP_SPAN, **SMALLEST}),
    ]
    alone = [EventDecoder().decode(message) for message in messages]
    for first in messages:
        for message, expected in zip(messages, alone, strict=True):
            decoder, fresh = EventDecoder(), EventDecoder()
            decoder.decode(first)
            before = decoder.unknown_fields.copy()
            assert decoder.decode(message) == expected
            fresh.decode(message)
            assert decoder.unknown_fields - before == fresh.unknown_fields


class Table:
    def lookup(self, client_ip: str) -> tuple[int | None, str | None]:
        return (64500, "hosting") if client_ip == "192.0.2.1" else (None, None)


def test_networks_fill_only_what_is_absent() -> None:
    decoder = EventDecoder(networks=Table())

    def locate(**changes: Any) -> tuple[int | None, str | None]:
        event = decoder.decode(encode({**SMALLEST, **changes}))
        return event.asn, event.network_type

    assert locate(client_ip="192.0.2.1") == (64500, "hosting")
    assert locate(client_ip="192.0.2.1", asn=1) == (1, "hosting")
    assert locate(client_ip="192.0.2.1", network_type="vpn") == (64500, "vpn")
    assert locate(client_ip="192.0.2.1", asn=1, network_type="vpn") == (1, "vpn")
    assert locate(client_ip="198.51.100.1") == (None, None)
    assert locate() == (None, None)
