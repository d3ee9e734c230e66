"""Bytes to a tree of plain values, within bounds that do not depend on who is reading.

The parser's own limit on nesting is Python's recursion limit less the frames already on the
stack, so the same message could pass in one runtime and fail in another.  We set a limit of our
own, far below it, so that every runtime refuses the same messages.

Some of what is no JSON by the book is the work of a client whose gateway passes its text and its numbers
on as they came: half a character, bytes that are no UTF-8, NaN, a number beyond all bounds.  `parse_damaged`
reads that too, so that nobody hides behind it.
"""

import json
import re
from typing import Any, Final

import msgspec

from stream_guard.errors import InvalidEvent

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # Kafka's default bound is 1 MB; files may hold more
MAX_DEPTH: Final = 100

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OPENERS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
REPLACED: Final = "\ufffd"  # stands where a character can not be read
_LONGEST_INTEGER: Final = 32  # digits; a longer one is infinite
# Every escape, from the left, so that none begins within another; runs of others are one match, so that
# nobody makes us dear by a megabyte of them.  The group holds half of a pair.
_ESCAPE = re.compile(
    rb"(?:\\(?:[^u]|u(?![dD][89a-fA-F]))[^\\]*+)++"
    rb"|\\u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|([dD][89a-fA-F][0-9a-fA-F]{2})|)",
    re.DOTALL,
)


def parse_object(value: bytes) -> dict[str, Any]:
    """The JSON object in ``value``; InvalidEvent if there is none.

    Of a key that is given twice the last value counts, as in most parsers.
    """
    if len(value) > MAX_MESSAGE_BYTES:
        detail = f"{len(value)} bytes; expected at most {MAX_MESSAGE_BYTES}"
        raise InvalidEvent("too_large", detail)
    try:
        return _decode(value)
    except RecursionError as error:
        raise InvalidEvent("too_deep", f"nested deeper than {MAX_DEPTH} levels") from error
    except msgspec.ValidationError as error:
        text = str(error)
        if text.startswith("Expected `object`"):
            got = text.partition("got ")[2].strip("`")
            detail = f"expected one JSON object per message; got {got}"
            raise InvalidEvent("not_object", detail) from error
        raise InvalidEvent("out_of_range", f"a number that a double can not hold: {text}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not value.strip():
            raise InvalidEvent("empty", "the message has no body") from error
        raise InvalidEvent("not_json", f"{len(value)} bytes: {error}") from error


def parse_damaged(value: bytes) -> Any:
    """What ``value`` holds, read with patience; None if it is no JSON all the same.

    What can not be read of a text becomes `REPLACED`; NaN, infinities and what is too large for a
    double stay numbers, for the fields' own bounds to judge.  InvalidEvent if it nests too deep.
    """
    check_depth(value)
    try:
        return json.loads(repair(value).decode("utf-8", "replace"), parse_int=_integer)
    except ValueError:
        return None


def repair(value: bytes) -> bytes:
    """JSON with `REPLACED` for each half of a pair of escapes."""
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], value)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def parse_embedded(value: Any) -> Any:
    """JSON inside a string, as OpenTelemetry writes structures on spans; anything else unchanged."""
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    raw = value.encode("utf-8", "replace")
    try:
        check_depth(raw)
        return msgspec.json.decode(raw)
    except (InvalidEvent, msgspec.DecodeError):
        return value


def check_depth(value: bytes) -> None:
    """InvalidEvent if ``value`` nests deeper than MAX_DEPTH.

    Whoever keeps or walks a part of a parsed message whose type no record bounds calls this first.
    """
    if value.count(b"{") + value.count(b"[") > MAX_DEPTH and _is_deep(value):
        raise InvalidEvent("too_deep", f"nested deeper than {MAX_DEPTH} levels")


def _is_deep(value: bytes) -> bool:
    """Whether brackets nest deeper than MAX_DEPTH: each pass takes away the innermost level."""
    brackets = _STRING.sub(b"", value).translate(_OPENERS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            break  # unbalanced, so no JSON: yet the parser would go as deep as brackets are left
        brackets = fewer
    else:
        return bool(brackets)
    return brackets.count(b"[") > MAX_DEPTH
