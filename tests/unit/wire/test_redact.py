import json

import pytest
from msgspec.json import encode

from stream_guard.errors import InvalidEvent
from stream_guard.wire.aliases import FIELDS
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.redact import MAX_CHARS, bears_prompt, redact
from tests.wire_samples import EVENT, LITELLM, OTLP_SPAN, key_values


def test_our_own_fields_stay_and_the_prompt_goes() -> None:
    shown = json.loads(redact(encode({**EVENT, "status": "two hundred", "prompt": "my secret"})))
    assert shown == {**dict(list(EVENT.items())[:20]), "status": "two hundred"}


@pytest.mark.parametrize("name", ["prompt_labels", "prompt_sketch", "prompt_language", "system_prompt_hash"])
@pytest.mark.parametrize("secret", ["my secret", ["my secret"], {"my secret": "my secret"}])
def test_a_prompt_that_was_put_into_a_field_about_prompts_goes(name: str, secret: object) -> None:
    wrong = encode({**EVENT, "status": "two hundred", name: secret})
    assert "my secret" not in redact(wrong)
    assert "my secret" not in redact(wrong[:-1])
    with pytest.raises(InvalidEvent) as caught:
        EventDecoder().decode(encode({**EVENT, "prompt_chars": "my secret", name: secret}))
    assert "my secret" not in str(caught.value)


def test_a_message_of_many_fields_is_cut_to_its_first() -> None:
    assert len(json.loads(redact(encode({f"field_{n}": n for n in range(1000)})))) == 20


@pytest.mark.parametrize(
    "name",
    [
        "prompt", "Prompt", "userPrompt", "user_prompt", "PROMPT", "messages", "input", "content", "system",
        "completion", "response", "choices", "text", "gen_ai.input.messages", "gen_ai.prompt.0.content",
        "gen_ai.system_instructions", "llm.input_messages.0", "gen_ai.tool.definitions", "inputText",
    ],
)  # fmt: skip
def test_prompt_bearing_names_are_known(name: str) -> None:
    assert bears_prompt(name)


def test_no_field_of_ours_bears_a_prompt() -> None:
    assert not any(bears_prompt(name) for name in FIELDS)


def test_a_litellm_payload_keeps_its_outline() -> None:
    text = redact(encode(LITELLM))
    for secret in ("terse", "river", "Elbe", "longer", "Nile", "Look things up"):
        assert secret not in text
    shown = json.loads(text)
    assert shown["call_type"] == "acompletion"
    assert shown["prompt_tokens"] == 1234
    assert shown["metadata"]["user_api_key_hash"] == "[10 characters]"


def test_otlp_key_values_are_judged_by_their_key() -> None:
    attributes = key_values(
        {"gen_ai.prompt": "my secret", "gen_ai.request.model": "atlas", "note": "my secret"}
    )
    shown = json.loads(redact(encode({**OTLP_SPAN, "attributes": attributes})))
    assert shown["attributes"] == [
        {"key": "gen_ai.prompt", "value": {"stringValue": "[removed]"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "atlas"}},
        {"key": "note", "value": {"stringValue": "[9 characters]"}},
    ]


def test_text_under_unknown_names_is_only_measured() -> None:
    shown = json.loads(redact(b'{"note":"my secret","list":["my secret"],"object":{"my secret":1},"n":4}'))
    assert shown == {"note": "[9 characters]", "list": "[1 items]", "object": "[1 fields]", "n": 4}


def test_names_that_look_like_text_are_only_measured() -> None:
    assert json.loads(redact(b'{"tell me a secret":1}')) == {"[a name of 16 characters]": 1}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"", "0 bytes, not JSON"),
        (b"tell me a secret", "16 bytes, not JSON"),
        (
            b'{"event_id":"e-1","status":200,"prompt":"tell',
            '45 bytes, not JSON: {"event_id":"e-1","status":200,...',
        ),
        (b'{"event_id":"tell me', "20 bytes, not JSON: {..."),
        (b'{"event_id":"e-1" "x":3}', "24 bytes, not JSON: {..."),
        (b'"my secret"', '"[9 characters]"'),
        (b'["my secret",2]', '["[9 characters]",2]'),
        (
            b'{"metadata":["my secret"],"usage":"my secret"}',
            '{"metadata":["[9 characters]"],"usage":"[9 characters]"}',
        ),
        (b'{"model":{"model":"my secret"}}', '{"model":"[1 fields]"}'),
        (b"null", "null"),
    ],
)
def test_what_is_no_message_shows_only_what_is_surely_ours(value: bytes, shown: str) -> None:
    assert redact(value) == shown


@pytest.mark.parametrize(
    "value",
    [
        encode(dict.fromkeys(sorted(FIELDS), "é" * 128)),
        b'{"event_id":"' + b"\xff" * 100 + b'",' * 3,
        b"".join([b"{", *[b'"model":"%s",' % (b"x" * 128)] * 100]),
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":18446744073709551615,"b":-9223372036854775809,"c":36893488147419103232}',
        b"[" * 100_000,
        b'{"model":' + b"[" * 90 + b"]" * 90 + b"}",
        encode({"tools": ["\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")] * 5000}),
    ],
)
def test_the_result_is_short_and_fit_for_json(value: bytes) -> None:
    text = redact(value)
    assert 0 < len(text) <= MAX_CHARS
    encode(text)
