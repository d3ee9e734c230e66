"""An operator's word, from bytes: one JSON object, times as in events.

Unlike events, words are few and typed by people, so one careful path is enough.  Unknown fields are
ignored: a newer console may talk to an older worker.
"""

from typing import Final, get_args

import msgspec

from stream_guard.errors import InvalidEvent
from stream_guard.records import Control
from stream_guard.wire.invalid import explain, shown
from stream_guard.wire.parse import parse_object
from stream_guard.wire.times import read_time

VERBS: Final[tuple[str, ...]] = get_args(Control.__annotations__["verb"])


def decode_control(value: bytes) -> Control:
    """The word in ``value``; InvalidEvent with one of `invalid.REASONS` if there is none."""
    tree = parse_object(value)
    for name in ("spoken_at", "expires_at"):
        if isinstance(tree.get(name), str):
            tree[name] = read_time(tree[name], name)
    if tree.get("verb") is not None and tree["verb"] not in VERBS:
        detail = f"verb: expected one of {', '.join(VERBS)}; got {shown(tree['verb'])}"
        raise InvalidEvent("out_of_range", detail)
    try:
        control = msgspec.convert(tree, Control)
    except msgspec.ValidationError as error:
        raise explain(error, tree) from error
    for name in ("subject", "author"):
        if not tree[name].strip():
            raise InvalidEvent("missing_field", f"{name}: required, and empty")
    return control
