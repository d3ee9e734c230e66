from typing import Any

import pytest
from msgspec.json import encode

from stream_guard.errors import InvalidEvent
from stream_guard.records import Control
from stream_guard.wire.controls import decode_control
from stream_guard.wire.invalid import REASONS

WORD: dict[str, Any] = {"verb": "revoke", "subject": "a-1", "spoken_at": 1763800000.125, "author": "ann"}


def test_a_word_is_read_with_either_kind_of_time() -> None:
    expected = Control(
        verb="revoke", subject="a-1", spoken_at=1763800000.125, author="ann", expires_at=1763800001.0
    )
    assert decode_control(encode({**WORD, "expires_at": 1763800001})) == expected
    text = {"spoken_at": "2025-11-22T09:26:40.125+01:00", "expires_at": "2025-11-22T08:26:41Z"}
    assert decode_control(encode({**WORD, **text})) == expected


def test_what_is_written_can_be_read() -> None:
    word = decode_control(encode(WORD))
    assert decode_control(encode(word)) == word


def test_unknown_fields_are_ignored() -> None:
    assert decode_control(encode({**WORD, "since": 2})) == decode_control(encode(WORD))


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"verb": "ban"}, "out_of_range", "verb: expected one of revoke, exempt, "),
        ({"verb": ["ban"]}, "out_of_range", "verb: expected one of "),
        ({"verb": None}, "missing_field", "verb: "),
        ({"subject": " "}, "missing_field", "subject: required, and empty"),
        ({"author": ""}, "missing_field", "author: required, and empty"),
        ({"subject": 3}, "wrong_type", "subject: expected str; got 3"),
        ({"spoken_at": "2025-11-22T08:26:41"}, "bad_time", "spoken_at: "),
        ({"expires_at": "soon"}, "bad_time", "expires_at: "),
    ],
)
def test_a_wrong_word_is_refused_with_its_reason(changes: dict[str, Any], reason: str, detail: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_control(encode({**WORD, **changes}))
    assert caught.value.reason == reason
    assert caught.value.reason in REASONS
    assert caught.value.detail.startswith(detail)


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b"[" * 5000])
def test_what_is_no_object_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_control(value)
