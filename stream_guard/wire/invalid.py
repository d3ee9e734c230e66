"""Why a message can not be read: a small closed set of reasons, and details a person can act on.

The reason is a metric label and the heading of a dead letter; the detail names the field, what it
held and what was expected.  Long text is never quoted, only measured, so that no prompt that was
put in the wrong place gets into a dead letter or a log; of fields about prompts no text is quoted at all.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stream_guard.errors import InvalidEvent

REASONS: Final = (
    "empty",  # no body at all
    "not_json",  # no JSON, or not UTF-8
    "not_object",  # JSON, but a list, a string, a number: one object per message is expected
    "too_large",  # longer than `parse.MAX_MESSAGE_BYTES`
    "too_deep",  # nested deeper than `parse.MAX_DEPTH`
    "missing_field",  # a required field is absent or null
    "wrong_type",  # a field holds the wrong kind of value
    "out_of_range",  # a number or a length is outside its bounds
    "bad_time",  # a time that is neither Unix seconds nor RFC 3339 with an offset
    "bad_sketch",  # `prompt_sketch` is not base64 of 64 bytes
    "malformed",  # a heartbeat that is no number (runtime/lane.py)
    "stage_failed",  # a stage raised on a record that was read well (runtime/lane.py)
)
QUOTED_CHARS: Final = 64  # a longer string is measured, not quoted
MILLISECONDS: Final = 32_503_680_000  # the year 3000 in seconds: above it, someone sent milliseconds


def shown(value: Any) -> str:
    """A value as a detail may quote it.

    >>> shown("gpt"), shown("x" * 100), shown([1, 2]), shown(None)
    ("'gpt'", 'text of 100 characters', 'a list of 2', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, str):
        return repr(value) if len(value) <= QUOTED_CHARS else f"text of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return f"an object of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 256:  # repr refuses more than 4,300 digits
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


def measured(value: Any) -> str:
    """A value as a detail may quote it where it may be a prompt: text by its length only.

    >>> measured("tell me"), measured(3)
    ('text of 7 characters', '3')
    """
    return f"text of {len(value)} characters" if isinstance(value, str) else shown(value)


def explain(error: msgspec.ValidationError, tree: Mapping[str, Any]) -> InvalidEvent:
    """What msgspec found wrong with ``tree``, as an InvalidEvent."""
    expected, _, path = str(error).partition(" - at `")
    if expected.startswith("Object missing required field"):
        name = expected.split("`")[1]
        return InvalidEvent("missing_field", f"{name}: required, and absent")
    path = path.rstrip("`").replace("key` in `", "").removeprefix("$").removeprefix(".")
    value = _value_at(tree, path)
    reason = "wrong_type" if ", got `" in expected else "out_of_range"
    if expected.endswith(", got `null`"):
        reason = "missing_field"
    wanted = re.sub(r", got `.*`$", "", expected).replace("`", "").removeprefix("Expected ")
    got = measured(value) if path.startswith(("prompt", "system_prompt")) else shown(value)
    detail = f"{path or '(message)'}: expected {wanted}; got {got}"
    if path.endswith("_at") and isinstance(value, int | float) and value >= MILLISECONDS:
        detail += " (milliseconds? Unix seconds are expected)"
    return InvalidEvent(reason, detail)


def _value_at(tree: Mapping[str, Any], path: str) -> Any:
    """The value at ``tools[3]``; the whole field where msgspec does not say which entry."""
    name, _, index = path.partition("[")
    value = tree.get(name)
    digits = index.rstrip("]")
    if isinstance(value, list) and digits.isdigit() and int(digits) < len(value):
        return value[int(digits)]
    return value
