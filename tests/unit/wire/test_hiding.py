"""Nobody hides from detection by what he sends: nonsense in a client's fields counts as absent."""

from typing import Any

import msgspec
import pytest
from msgspec.json import encode

from stream_guard.enforcement import event as gateways_event
from stream_guard.errors import InvalidEvent
from stream_guard.records import RequestEvent
from stream_guard.wire.aliases import FIELDS
from stream_guard.wire.mend import CLIENTS_OWN, DAMAGE, SERVERS_OWN, UNKNOWN_MODEL
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.parse import REPLACED
from tests.wire_samples import SMALLEST


def decode(**changes: Any) -> RequestEvent:
    return EventDecoder().decode(encode({**SMALLEST, **changes}))


def refusal(value: bytes) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        EventDecoder().decode(value)
    return caught.value


NONSENSE: list[Any] = [True, 7, -7, 2.5, 1 << 70, "x", "", [3], {"a": 3}, [[]], [{"name": {}}]]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("name", sorted(CLIENTS_OWN | SERVERS_OWN))
def test_no_value_that_a_client_chooses_hides_its_request(name: str, value: Any) -> None:
    decoder = EventDecoder()
    event = decoder.decode(encode({**SMALLEST, "status": 200, name: value}))
    assert (event.account_id, event.status) == ("a-1", 200)
    msgspec.convert(msgspec.to_builtins(event), RequestEvent)  # within all bounds
    is_taken = getattr(event, name) == value and type(getattr(event, name)) in (type(value), float)
    assert is_taken != (decoder.mended_fields == {name: 1})


@pytest.mark.parametrize("name", sorted(FIELDS - CLIENTS_OWN - SERVERS_OWN))
def test_what_a_gateway_says_is_refused_where_it_is_wrong(name: str) -> None:
    assert refusal(encode({**SMALLEST, name: {"a": [3]}})).detail.startswith(name)


def test_nonsense_counts_as_absent_and_by_its_field() -> None:
    decoder = EventDecoder()
    client = {"temperature": True, "tools": "all", "user_agent": 7, "stream": "yes", "max_tokens": 0.5}
    server = {"input_tokens": -3, "output_tokens": 1 << 60, "cached_tokens": 1.5}
    event = decoder.decode(encode({**SMALLEST, **client, **server}))
    assert {getattr(event, name) for name in (*client, *server)} == {None}
    assert decoder.mended_fields == dict.fromkeys((*client, *server), 1)


def test_of_a_list_or_map_only_the_entries_that_are_nonsense_are_left_out() -> None:
    event = decode(tools=["a", 3, "b"], indicators={"device": 7, "referral": "r"})
    assert (event.tools, event.indicators) == (["a", "b"], {"referral": "r"})


@pytest.mark.parametrize("model", [7, "", [], {"a": 1}])
def test_a_model_that_is_no_name_is_unknown(model: Any) -> None:
    assert decode(model=model).model == UNKNOWN_MODEL == gateways_event.UNKNOWN_MODEL


@pytest.mark.parametrize("usage", [{"prompt_tokens": -5}, {"input_tokens": True}, {"output_tokens": "9"}])
def test_odd_numbers_in_usage_lose_no_event(usage: dict[str, Any]) -> None:
    decoder = EventDecoder()
    event = decoder.decode(encode({**SMALLEST, "usage": usage}))
    assert (event.input_tokens, event.output_tokens) == (None, None)
    assert decoder.mended_fields.total() == 1


@pytest.mark.parametrize(
    ("prompt", "text", "mended"),
    [
        (["Hel", "lo"], "Hel\nlo", 0),
        (["Hello", 3], "Hello", 1),
        ([[1, 2]], None, 1),
        (5, None, 1),
        ({"text": "Hello"}, None, 1),
    ],
)
def test_a_prompt_of_an_odd_shape_hides_nobody(prompt: Any, text: str | None, mended: int) -> None:
    seen: list[str] = []
    decoder = EventDecoder(sketch=lambda text: seen.append(text) or bytes(64))  # type: ignore[func-returns-value]
    assert decoder.decode(encode({**SMALLEST, "prompt": prompt})).account_id == "a-1"
    assert seen == ([text] if text else [])
    assert decoder.mended_fields["prompt"] == mended


def raw(**changes: bytes) -> bytes:
    """A message with values as they stand in JSON, or as they should not."""
    return b"".join(
        (encode(SMALLEST)[:-1], *(b',"%s":%s' % (k.encode(), v) for k, v in changes.items()), b"}")
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b'"\\ud800"', "\ufffd"),  # a lone surrogate, as JavaScript and Python write it
        (b'"\\uDC00a\\ud83d\\ude00"', "\ufffda\U0001f600"),
        (b'"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),  # an escaped backslash: nothing is damaged
        (b'"\\\\\\udfffx"', "\\\ufffdx"),
        (b'"\xed\xa0\x80"', "\ufffd" * 3),  # a surrogate in UTF-8
        (b'"a\xff"', "a\ufffd"),
    ],
)
def test_nobody_hides_behind_half_a_character(value: bytes, text: str) -> None:
    for decoder in (EventDecoder(), slow_decoder()):
        event = decoder.decode(raw(user_agent=value, prompt=value))
        assert (event.user_agent, event.prompt_chars) == (text, len(text))
        assert decoder.mended_fields == ({DAMAGE: 1} if REPLACED in text else {})


def slow_decoder() -> EventDecoder:
    """One that takes the lenient path first."""
    decoder = EventDecoder()
    decoder.decode(encode({**SMALLEST, "occurred_at": "2025-11-22T08:26:40Z"}))
    return decoder


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
@pytest.mark.parametrize("name", ["temperature", "max_tokens", "output_tokens"])
def test_nobody_hides_behind_what_is_no_number(name: str, number: bytes) -> None:
    decoder = EventDecoder()
    assert getattr(decoder.decode(raw(**{name: number})), name) is None
    assert decoder.mended_fields == {name: 1, DAMAGE: 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"account_id": b'"a\\ud800"'}, "not_json"),
        ({"payment_id": b'"a\xff"'}, "not_json"),
        ({"latency_ms": b"NaN"}, "out_of_range"),
        ({"occurred_at": b"Infinity"}, "out_of_range"),
        ({"occurred_at": b"1e999"}, "out_of_range"),
        ({"x": b"NaN,"}, "not_json"),
        ({"prompt": b"[" * 200 + b'"\\ud800"' + b"]" * 200}, "too_deep"),
    ],
)
def test_what_a_gateway_wrote_must_be_whole(changes: dict[str, bytes], reason: str) -> None:
    assert refusal(raw(**changes)).reason == reason
