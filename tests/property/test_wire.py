"""What holds for every message, however odd."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from stream_guard.errors import InvalidEvent
from stream_guard.records import RequestEvent
from stream_guard.wire.aliases import ALIASES, CONVERSATIONS
from stream_guard.wire.controls import decode_control
from stream_guard.wire.invalid import REASONS
from stream_guard.wire.mend import CLIENTS_OWN, SERVERS_OWN
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.parse import parse_damaged
from stream_guard.wire.redact import MAX_CHARS, redact
from stream_guard.wire.schema import request_event_schema
from tests.wire_samples import EVENT, LITELLM, OTEL_ATTRIBUTES, OTLP_SPAN, SMALLEST

settings.register_profile("wire", deadline=None)
thorough = settings(settings.get_profile("wire"), max_examples=300)

SCHEMA = request_event_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SECRET = "tell nobody 5ecret"

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70).filter(lambda number: -(1 << 63) <= number < 1 << 64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", 0, -1, 1 << 53, 1e300, "2025-11-22T08:26:40", "12"])
)
junk = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a property of the event schema allows."""
    if "anyOf" in schema:
        return st.one_of([fitting(choice) for choice in schema["anyOf"]])
    strategy: st.SearchStrategy[Any] = KINDS[schema["type"]](schema)
    return strategy


def fitting_text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    low, high = schema.get("minLength", 0), schema["maxLength"]
    return st.text(min_size=low, max_size=min(high, low + 20)) | st.just("x" * high)


def fitting_number(schema: dict[str, Any]) -> st.SearchStrategy[float]:
    low, high = schema.get("minimum", 1), schema.get("maximum", 32_000_000_000)
    return st.floats(low, high) | st.integers(low, int(high))


KINDS: dict[str, Any] = {
    "string": fitting_text,
    "number": fitting_number,
    "integer": lambda schema: st.integers(schema["minimum"], schema["maximum"]),
    "array": lambda schema: st.lists(fitting(schema["items"]), max_size=5),
    "object": lambda schema: st.dictionaries(
        st.text(max_size=20), fitting(schema["additionalProperties"]), max_size=5
    ),
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
}


properties = {name: schema for name, schema in SCHEMA["properties"].items() if name != "prompt"}
required = {name: fitting(properties[name]) for name in SCHEMA["required"]}
optional = {name: fitting(schema) for name, schema in properties.items() if name not in required}
fitting_events = st.fixed_dictionaries(required, optional=optional)
odd_events = st.builds(
    lambda event, changes: event | changes,
    fitting_events,
    st.dictionaries(st.sampled_from(sorted(properties)) | st.text(max_size=8), junk, max_size=3),
)


def outcome(decoder: EventDecoder, value: bytes) -> RequestEvent | tuple[str, str]:
    try:
        return decoder.decode(value)
    except InvalidEvent as error:
        refusal = error.reason, error.detail
    assert refusal[0] in REASONS
    return refusal


@thorough
@given(odd_events)
def test_what_is_accepted_as_it_stands_validates_against_the_schema(event: dict[str, Any]) -> None:
    decoder = EventDecoder()
    value = encode(event)
    accepted = isinstance(outcome(decoder, value), RequestEvent)
    if accepted and decoder.formats["native"] and not decoder.mended_fields:
        VALIDATOR.validate(json.loads(value))


@thorough
@given(fitting_events)
def test_what_validates_is_accepted_or_refused_for_what_a_schema_can_not_say(event: dict[str, Any]) -> None:
    VALIDATOR.validate(event)
    decoded = outcome(EventDecoder(), encode(event))
    if not isinstance(decoded, RequestEvent):
        reason, detail = decoded
        assert reason in ("bad_time", "out_of_range")  # a day that no calendar has, or one before 1970
        assert detail.startswith(("occurred_at", "account_created_at"))


@thorough
@given(odd_events)
def test_fast_and_slow_path_agree(event: dict[str, Any]) -> None:
    value = encode(event)
    slow = EventDecoder()
    slow.decode(encode({**SMALLEST, "occurred_at": "2025-11-22T08:26:40Z"}))
    assert outcome(EventDecoder(), value) == outcome(slow, value)


@thorough
@given(
    st.sampled_from([EVENT, LITELLM, OTEL_ATTRIBUTES, OTLP_SPAN]),
    st.dictionaries(
        st.sampled_from(
            sorted({*LITELLM, *OTEL_ATTRIBUTES, *OTLP_SPAN, "resource", "usage", "input", "context"})
        ),
        junk,
        max_size=4,
    ),
)
def test_no_message_raises_anything_but_a_refusal(message: dict[str, Any], changes: dict[str, Any]) -> None:
    value = encode(message | changes)
    outcome(EventDecoder(sketch=lambda _: bytes(64)), value)
    redact(value)


CLIENTS = sorted(
    CLIENTS_OWN - {"model"}  # null is the gateway's own fault there
    | SERVERS_OWN
    | {alias for alias, field in ALIASES.items() if field in (CLIENTS_OWN | SERVERS_OWN) - {"model"}}
    | {*CONVERSATIONS, "prompt", "usage", "model_parameters", "end_user", "request_tags", "response"}
)


@thorough
@given(
    st.sampled_from([EVENT, LITELLM, OTEL_ATTRIBUTES | SMALLEST, OTLP_SPAN]),
    st.dictionaries(st.sampled_from(CLIENTS), junk, max_size=4),
)
def test_nothing_that_a_client_chooses_hides_its_request(
    message: dict[str, Any], changes: dict[str, Any]
) -> None:
    found = outcome(EventDecoder(sketch=lambda _: bytes(64)), encode(message | changes))
    assert isinstance(found, RequestEvent)
    assert found.account_id == outcome(EventDecoder(), encode(message)).account_id  # type: ignore[union-attr]


ESCAPES = ["\\ud800", "\\udc00", "\\uD83D", "\\ude00", "\\\\", "\\n", "\\u00e9", '\\"', "a", "u", "d800", "é"]


@thorough
@given(st.lists(st.sampled_from(ESCAPES), max_size=12).map("".join))
def test_only_half_characters_are_replaced_and_each_of_them(text: str) -> None:
    message = f'{{"p":"{text}"}}'
    expected = "".join(
        "\ufffd" if 0xD800 <= ord(each) < 0xE000 else each for each in json.loads(message)["p"]
    )
    assert parse_damaged(message.encode()) == {"p": expected}


@thorough
@given(st.binary(max_size=60) | junk.map(encode))
def test_no_bytes_raise_anything_but_a_refusal(value: bytes) -> None:
    outcome(EventDecoder(), value)
    assert len(redact(value)) <= MAX_CHARS
    with pytest.raises(InvalidEvent):
        decode_control(value)


@thorough
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1)),  # noqa: DTZ001 - the zone is drawn apart
    st.integers(-23 * 60, 23 * 60),
)
def test_a_moment_is_the_same_in_every_zone(moment: datetime, minutes: int) -> None:
    utc = moment.replace(tzinfo=UTC)
    text = utc.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    event = EventDecoder().decode(encode({**SMALLEST, "occurred_at": text}))
    assert event.occurred_at == utc.timestamp()


# No prompt gets out.

BEARING = [
    "prompt", "messages", "input", "content", "system", "completion", "response", "choices", "text",
    "gen_ai.input.messages", "gen_ai.prompt.0.content", "userPrompt", "Messages", "output", "arguments",
]  # fmt: skip
# `indicators` are the operator's own, values and all.
around = st.sampled_from(sorted({*EVENT, *LITELLM, *OTLP_SPAN, *BEARING, "note"} - {"indicators"})) | st.text(
    max_size=8
)
hidden = st.recursive(
    st.just(SECRET) | st.text(max_size=5).map(lambda text: text + SECRET + text),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(around | st.just(SECRET), inner, min_size=1, max_size=2)
    ),
    max_leaves=3,
)
bearing_pair = st.tuples(st.sampled_from(BEARING), hidden)
bearer = bearing_pair.map(lambda pair: {pair[0]: pair[1]}) | bearing_pair.map(
    lambda pair: {"attributes": [{"key": pair[0], "value": {"stringValue": pair[1]}}]}
)
secretive = st.recursive(
    st.builds(lambda given, more: {**more, **given}, bearer, st.dictionaries(around, junk, max_size=3)),
    lambda inner: (
        st.builds(
            lambda name, value, more: {**more, name: value},
            around,
            inner,
            st.dictionaries(around, junk, max_size=2),
        )
        | st.lists(inner, min_size=1, max_size=2)
    ),
    max_leaves=4,
)


@thorough
@given(secretive, st.sampled_from([{}, SMALLEST, EVENT, LITELLM]), st.floats(0, 1))
def test_a_prompt_never_comes_out(message: Any, base: dict[str, Any], share: float) -> None:
    if isinstance(message, dict):
        message = {**base, **message}
    whole = encode(message)
    for value in (whole, whole[: int(len(whole) * share)], whole + b"}", b"[" + whole):
        assert "5ecret" not in redact(value)
        assert "5ecret" not in repr(outcome(EventDecoder(), value))
