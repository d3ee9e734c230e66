"""What a dead letter may show of a message that could not be used: enough to mend the sender, no prompt.

Of JSON the outline stays.  The value of a key that may bear a prompt is replaced by "[removed]",
whatever it is.  Under names that we know and that hold none (`event_id`, `usage`, ...) values stay.
Under all others numbers and truth values stay, text becomes "[12 characters]" and a list or object
its size.  Of what is no JSON only the length is shown, and those fields at its beginning that are
surely ours.

Never more than `MAX_CHARS` characters.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stream_guard.errors import InvalidEvent
from stream_guard.wire.aliases import ALIASES, FIELDS
from stream_guard.wire.litellm import WRAPPER
from stream_guard.wire.parse import check_depth

MAX_CHARS: Final = 2048
MAX_TEXT: Final = 128  # characters of one value
MAX_ITEMS: Final = 20  # of one list or object
REMOVED: Final = "[removed]"

# A key is prompt-bearing if one of its words is one of these, unless it is shown by name below.
# Broad on purpose: a word too many costs a hint, a word too few costs a secret.
PROMPT_WORDS: Final = frozenset(
    """answer answers arguments body choice choices completion completions content contents context
    conversation data delta description document documents history input inputs instruction instructions
    message messages output outputs part parts prompt prompts query question reply request response
    responses result results system text texts thinking thought thoughts transcript""".split()  # noqa: SIM905 - read by eye
)
SHOWN: Final = (
    FIELDS
    | {alias for alias in ALIASES if alias != "gen_ai.tool.definitions"}
    | {"id", "trace_id", "call_type", "startTime", "endTime", "custom_llm_provider", "traceId", "spanId"}
    | {
        "startTimeUnixNano",
        "endTimeUnixNano",
        "timeUnixNano",
        "start_time",
        "end_time",
        "key",
        "kind",
        "role",
    }
    | {"usage", "usage_object", "total_tokens", "response_time", "model_group", "status_code", "error_code"}
    | {"prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details"}
    | {"attributes", "metadata", "model_parameters", "resource", "context", WRAPPER}
)
_WRAPPERS: Final = frozenset({"stringValue", "intValue", "doubleValue", "boolValue"})
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.:/@-]{1,64}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_decode = msgspec.json.Decoder().decode
# `{` and then fields of ours with plain values: what may be shown of a message that is cut or broken.
_NAMES = "|".join(sorted(map(re.escape, FIELDS - {"prompt_sketch", "indicators", "tools"})))
_SCALAR = r'(?:"[^"\\\x00-\x1f]{0,128}"|-?\d[\d.eE+-]{0,32}|true|false|null)'
_BEGINNING = re.compile(rf'\s*\{{\s*(?:"(?:{_NAMES})"\s*:\s*{_SCALAR}\s*,\s*)*'.encode())


def redact(value: bytes) -> str:
    """``value`` as a dead letter may show it."""
    try:
        check_depth(value)
        tree = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidEvent):
        return _beginning(value)
    return _cut(msgspec.json.encode(_clean(tree, is_shown=True)).decode(), MAX_CHARS)


def bears_prompt(name: str) -> bool:
    """Whether a field of that name may hold a prompt, an answer, or a part of either.

    >>> bears_prompt("gen_ai.input.messages"), bears_prompt("userPrompt"), bears_prompt("input_tokens")
    (True, True, False)
    """
    return name not in SHOWN and not PROMPT_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def _clean(value: Any, *, is_shown: bool) -> Any:
    """``value`` as it is where ``is_shown``, else what kind of thing it is; never a prompt below it."""
    if isinstance(value, str):
        return _cut(value, MAX_TEXT) if is_shown else f"[{len(value)} characters]"
    if isinstance(value, list):
        if not is_shown:
            return f"[{len(value)} items]"
        return [_clean(item, is_shown=True) for item in value[:MAX_ITEMS]]
    if isinstance(value, dict):
        return _clean_object(value) if is_shown else f"[{len(value)} fields]"
    if isinstance(value, int) and value.bit_length() > 63:
        return f"[an integer of {value.bit_length()} bits]"
    return value


def _clean_object(value: Mapping[str, Any]) -> dict[str, Any]:
    pair = value.get("key")
    if isinstance(pair, str) and "value" in value:  # OTLP's key/value
        return {"key": _clean_name(pair), "value": _clean_pair(value["value"], pair)}
    items = list(value.items())[:MAX_ITEMS]
    return {_clean_name(name): _clean_field(item, name) for name, item in items}


def _clean_field(value: Any, name: str) -> Any:
    if bears_prompt(name):
        return REMOVED
    if name == "indicators" and isinstance(value, dict):  # names are the sender's choice
        return {
            _clean_name(kind): _clean(item, is_shown=not bears_prompt(kind)) for kind, item in value.items()
        }
    return _clean(value, is_shown=name in SHOWN)


def _clean_pair(value: Any, name: str) -> Any:
    """The value of the OTLP attribute ``name``; its wrapper says only of what type it is."""
    if isinstance(value, dict) and len(value) == 1 and value.keys() <= _WRAPPERS:
        kind, inner = next(iter(value.items()))
        return {kind: _clean_field(inner, name)}
    return _clean_field(value, name)


def _clean_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f"[a name of {len(name)} characters]"


def _beginning(value: bytes) -> str:
    match = _BEGINNING.match(value)
    shown = match.group().decode("utf-8", "replace") if match else ""
    return _cut(f"{len(value)} bytes, not JSON{': ' + shown + '...' if shown else ''}", MAX_CHARS)


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
