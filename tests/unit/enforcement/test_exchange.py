"""What is read off requests and answers, and what of it leaves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.enforcement import event as event_module
from stream_guard.enforcement.adapters.litellm_event import event_of
from stream_guard.enforcement.event import FIELDS, edge_sketcher, make_message
from stream_guard.enforcement.exchange import Exchange, describe, read_answer, read_request
from stream_guard.records import RequestEvent
from stream_guard.sketches.prompt import SKETCH_VERSION
from stream_guard.wire.native import EventDecoder

CHAT = {
    "model": "atlas-large-2",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "First."},
        {"role": "assistant", "content": "Yes?"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Name a river."},
                {"type": "image_url", "image_url": {"url": "data:"}},
            ],
        },
    ],
    "max_tokens": 256,
    "temperature": 0.5,
    "stream": True,
    "tools": [{"type": "function", "function": {"name": "search"}}],
}


def body(**changes: Any) -> bytes:
    return json.dumps({**CHAT, **changes}).encode()


def test_the_fields_of_the_contract_are_the_fields_that_may_leave() -> None:
    assert set(RequestEvent.__struct_fields__) == FIELDS
    assert event_module.SKETCH_VERSION == SKETCH_VERSION


def test_a_chat_request_is_read() -> None:
    event = read_request(body())
    assert event.pop("system_prompt_hash")
    assert event == {
        "model": "atlas-large-2",
        "max_tokens": 256,
        "temperature": 0.5,
        "stream": True,
        "tools": ["search"],
        "turn": 2,
        "images": 1,
        "prompt": "Name a river.",
    }


@pytest.mark.parametrize(
    ("request_body", "prompt"),
    [
        ({"model": "m", "prompt": "Once"}, "Once"),
        ({"model": "m", "input": "Embed me"}, "Embed me"),
        ({"model": "m", "system": [{"type": "text", "text": "s"}], "messages": []}, None),
        ({"model": "m", "input": [{"role": "user", "content": "Respond"}]}, "Respond"),
    ],
)
def test_other_apis_prompts_are_found(request_body: dict[str, Any], prompt: str | None) -> None:
    assert read_request(json.dumps(request_body).encode()).get("prompt") == prompt


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (b'{"usage": {"prompt_tokens": 7, "completion_tokens": 3}}', (7, 3)),
        (b'{"usage": {"input_tokens": 7, "output_tokens": 3}}', (7, 3)),
        (
            b'data: {"choices": []}\n\ndata: {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\n'
            b"data: [DONE]\n\n",
            (7, 3),
        ),
        (
            b'data: {"type": "start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}}\n\n'
            b'data: {"type": "message_delta", "usage": {"output_tokens": 3}}\n\n',
            (7, 3),
        ),
        (b'ta: {"usage": cut', (None, None)),
        (b"", (None, None)),
    ],
)
def test_token_counts_are_read_from_bodies_and_from_the_ends_of_streams(
    tail: bytes, expected: tuple[int | None, int | None]
) -> None:
    found = read_answer(tail)
    assert (found.get("input_tokens"), found.get("output_tokens")) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["model", "messages", "content", "role", "tools", "usage", "input", "prompt", "type"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


ODD: st.SearchStrategy[Any] = st.sampled_from([True, False, "", -1, 1e30, "5", None, [], {}])


@given(
    fields=st.dictionaries(
        st.sampled_from(["model", "max_tokens", "max_completion_tokens", "temperature", "stream"]), ODD
    )
)
def test_nobody_hides_by_sending_what_no_event_may_hold(fields: dict[str, Any]) -> None:
    event = describe(Exchange("acct-7", "/v1/completions", 200, 1.0, None, None, json.dumps(fields).encode()))
    message = make_message(event, 1_763_800_000.0, None)
    assert message is not None
    assert EventDecoder().decode(message[1]).account_id == "acct-7"


CHOSEN = st.sampled_from(["max_tokens", "max_completion_tokens", "temperature", "stream", "tools"])


@given(parameters=st.dictionaries(CHOSEN, ODD | st.just(10**400)), user=ODD)
def test_nobody_hides_behind_litellm_either(parameters: dict[str, Any], user: Any) -> None:
    payload = {
        "id": "call-1",
        "call_type": "acompletion",
        "status": "success",
        "endTime": 1_763_800_000.0,
        "model": "atlas-large-2",
        "model_parameters": parameters,
        "end_user": user,
        "metadata": {"user_api_key_hash": "88dc"},
    }
    message = make_message(event_of(payload), 1_763_800_000.0, None)
    assert message is not None
    assert EventDecoder().decode(message[1]).account_id == "88dc"


@given(tree=JSON)
def test_whatever_a_client_sends_is_read_as_far_as_it_goes(tree: Any) -> None:
    raw = json.dumps(tree).encode()
    event = describe(Exchange("a1", "/v1/chat/completions", 200, request=raw, answer=raw))
    assert (event["account_id"], event["status"], event["operation"]) == ("a1", 200, "chat")


@given(raw=st.binary(max_size=200))
def test_what_is_no_json_is_left_out(raw: bytes) -> None:
    assert describe(Exchange("a1", request=b"\xff" + raw))["account_id"] == "a1"


def test_an_event_from_the_edge_is_read_natively_and_holds_no_word_of_the_prompt() -> None:
    event = describe(Exchange("a1", "/v1/chat/completions", 200, 12.5, "203.0.113.7", "sdk/1", body()))
    event |= {"messages": CHAT["messages"], "secret": "Name a river."}
    sketch = edge_sketcher()
    message = make_message(event, 1_763_800_000.5, sketch)
    assert message is not None
    key, value = message
    assert key == b"a1"
    for word in (b"river", b"brief", b"First", b"secret", b"messages"):
        assert word not in value
    decoder = EventDecoder()
    decoded = decoder.decode(value)
    assert decoded.prompt_sketch is not None
    assert (decoded.prompt_chars, decoded.occurred_at) == (len("Name a river."), 1_763_800_000.5)
    assert not decoder.unknown_fields


def test_without_a_sketcher_the_prompt_is_dropped() -> None:
    message = make_message({"account_id": "a1", "prompt": "Name a river."}, 1.0, None)
    assert message is not None
    assert b"river" not in message[1]
    assert json.loads(message[1])["prompt_chars"] == 13


def test_without_an_account_there_is_no_event() -> None:
    assert make_message({"model": "m"}, 1.0, None) is None
