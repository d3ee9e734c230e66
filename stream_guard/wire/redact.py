"""What a dead letter may show of a message that could not be used: enough to mend the sender, no prompt.

Of JSON the outline stays.  The value of a key that may bear a prompt is replaced by "[removed]",
whatever it is.  Under names that we know and that hold none (`event_id`, `usage`, ...) values stay; of the
fields about prompts (`prompt_labels`, `prompt_sketch`, ...) only numbers do, since whoever mistakes one of
them for another puts the prompt there.
Under all others numbers and truth values stay, text becomes "[12 characters]" and a list or object
its size.  Of what is no JSON only the length is shown, and those fields at its beginning that are
surely ours.

Never more than `MAX_CHARS` characters.
"""

import re
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
    conversation data definition definitions delta description document documents history input inputs
    instruction instructions message messages output outputs part parts prompt prompts query question
    reply request response responses result results system text texts thinking thought thoughts
    transcript""".split()  # noqa: SIM905 - read by eye
)
# Names whose text is shown.
SHOWN: Final = (
    (FIELDS - {"indicators"})
    | {alias for alias in ALIASES if alias != "gen_ai.tool.definitions"}
    | {"id", "trace_id", "call_type", "startTime", "endTime", "custom_llm_provider", "traceId", "spanId"}
    | {"startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "start_time", "end_time", "kind", "role"}
    | {"total_tokens", "response_time", "model_group", "status_code", "error_code"}
)
# Names below which names are judged one by one.
OUTLINED: Final = frozenset(
    {"attributes", "metadata", "model_parameters", "resource", "usage", "usage_object", WRAPPER}
    | {"prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details"}
)
# Fields of ours next to a prompt: their text may be one by mistake.
NEXT_TO_PROMPT: Final = frozenset(name for name in FIELDS if name.startswith(("prompt", "system_prompt")))
_WRAPPERS: Final = frozenset({"stringValue", "intValue", "doubleValue", "boolValue"})
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.:/@-]{1,64}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_decode = msgspec.json.Decoder().decode
# `{` and then fields of ours with plain values: what may be shown of a message that is cut or broken.
_NAMES = "|".join(sorted(map(re.escape, FIELDS - NEXT_TO_PROMPT - {"indicators", "tools"})))
_SCALAR = r'(?:"[^"\\\x00-\x1f]{0,128}"|-?\d[\d.eE+-]{0,32}|true|false|null)'
_BEGINNING = re.compile(rf'\s*\{{\s*(?:"(?:{_NAMES})"\s*:\s*{_SCALAR}\s*,\s*)*'.encode())


def redact(value: bytes) -> str:
    """``value`` as a dead letter may show it."""
    try:
        check_depth(value)
        tree = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidEvent):
        return _beginning(value)
    return _cut(msgspec.json.encode(_outline(tree)).decode(), MAX_CHARS)


def bears_prompt(name: str) -> bool:
    """Whether a field of that name may hold a prompt, an answer, or a part of either.

    >>> bears_prompt("gen_ai.input.messages"), bears_prompt("userPrompt"), bears_prompt("input_tokens")
    (True, True, False)
    """
    if name in SHOWN or name in OUTLINED:
        return False
    return not PROMPT_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def _outline(value: Any) -> Any:
    """An object, or a list of them, with its names judged one by one."""
    if isinstance(value, list):
        return [_outline(item) for item in value[:MAX_ITEMS]]
    if not isinstance(value, dict):
        return _measure(value)
    pair = value.get("key")
    if isinstance(pair, str) and "value" in value:  # OTLP's key/value
        return {"key": _clean_name(pair), "value": _clean_pair(value["value"], pair)}
    return {_clean_name(name): _clean_field(item, name) for name, item in list(value.items())[:MAX_ITEMS]}


def _clean_field(value: Any, name: str) -> Any:
    if bears_prompt(name) or (name in NEXT_TO_PROMPT and isinstance(value, str | list | dict)):
        return REMOVED
    if name in OUTLINED and isinstance(value, dict | list):
        return _outline(value)
    if name == "indicators" and isinstance(value, dict):  # its names are the sender's choice
        kinds = list(value)[:MAX_ITEMS]
        return {_clean_name(kind): REMOVED if bears_prompt(kind) else _show(value[kind]) for kind in kinds}
    if name not in SHOWN:
        return _measure(value)
    return [_show(item) for item in value[:MAX_ITEMS]] if isinstance(value, list) else _show(value)


def _show(value: Any) -> Any:
    return _cut(value, MAX_TEXT) if isinstance(value, str) else _measure(value)


def _measure(value: Any) -> Any:
    """What kind of thing it is, and how long; numbers and truth values as they are."""
    if isinstance(value, str):
        return f"[{len(value)} characters]"
    if isinstance(value, list):
        return f"[{len(value)} items]"
    if isinstance(value, dict):
        return f"[{len(value)} fields]"
    if isinstance(value, int) and value.bit_length() > 63:  # more than the encoder takes
        return f"[an integer of {value.bit_length()} bits]"
    return value


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
