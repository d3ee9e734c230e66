"""What may be set right without guessing, so that no event is lost for it.

Some values of an event are chosen by the client itself or said by a model's server, and a gateway
passes them on as they came.  Were an event refused because its user agent is too long or its
temperature is true, an account could hide by sending that.  So what the client chooses is cut or
clamped to its bounds, and where it is nonsense (`CLIENTS_OWN`, `SERVERS_OWN`) it counts as absent; of a list
or a map only the entries that are nonsense do.  What the gateway says is never touched and, where it
is wrong, refused: that is a fault which somebody can mend.

Also mended: an empty optional id means "none", and a whole number written as 200.0 (pandas does
that) is a whole number.

The bounds are read from `records.RequestEvent`, not written down again.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, get_type_hints

import msgspec
from msgspec import inspect

from stream_guard.records import RequestEvent

CLIENTS_OWN: Final = frozenset(
    {"model", "user_agent", "tls_fingerprint", "client_ip", "end_user_id", "conversation_id", "indicators"}
    | {"tools", "max_tokens", "temperature", "stream", "reasoning", "turn", "images"}
)
SERVERS_OWN: Final = frozenset(
    {"input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "tool_calls"}
)
DAMAGE: Final = "(message)"  # under this name a message counts as mended that was no JSON by the book
UNKNOWN_MODEL: Final = "unknown"  # as gateways call one that they do not know (`enforcement.event`)


def _type_of(field: inspect.Field) -> Any:
    """A field's type without its ``| None``."""
    kind = field.type
    if isinstance(kind, inspect.UnionType):
        kind = next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    return kind


_INFO = inspect.type_info(RequestEvent)
_TYPES: Final = {field.name: _type_of(field) for field in getattr(_INFO, "fields", ())}
_OPTIONAL: Final = frozenset(
    field.name for field in getattr(_INFO, "fields", ()) if field.default is not msgspec.NODEFAULT
)
_HINTS: Final[Mapping[str, Any]] = get_type_hints(RequestEvent, include_extras=True)


def mend(fields: dict[str, Any]) -> list[str]:
    """Set ``fields`` right in place; the names of those that were changed."""
    changed = []
    for name, value in list(fields.items()):
        better = _mended(name, value, _TYPES[name])
        if better is not value:
            fields[name] = better
            changed.append(name)
    return changed


def _mended(name: str, value: Any, kind: Any) -> Any:
    if isinstance(kind, inspect.IntType) and isinstance(value, float) and value.is_integer():
        value = int(value)
    if value == "" and name in _OPTIONAL and isinstance(kind, inspect.StrType) and kind.min_length:
        return None
    if name in CLIENTS_OWN:
        value = _within(value, kind)
    is_passed_on = name in CLIENTS_OWN or name in SERVERS_OWN
    if value is None or not is_passed_on or _fits(value, _HINTS[name]):
        return value
    return None if name in _OPTIONAL else UNKNOWN_MODEL


def _fits(value: Any, hint: Any) -> bool:
    """Whether a record may hold ``value``."""
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True


def _within(value: Any, kind: Any) -> Any:
    """``value`` cut or clamped to the bounds of ``kind``, itself where it lies within."""
    if isinstance(kind, inspect.StrType) and isinstance(value, str):
        return value[: kind.max_length]
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return max(kind.ge, min(kind.le, value)) if _is_number(value) else value
    if isinstance(kind, inspect.ListType) and isinstance(value, list):
        kept = (item for item in value if isinstance(item, str))
        items = [_within(item, kind.item_type) for item in islice(kept, kind.max_length)]
        return value if items == value else items
    if isinstance(kind, inspect.DictType) and isinstance(value, dict):
        pairs = (pair for pair in value.items() if isinstance(pair[1], str))
        entries = {
            _within(key, kind.key_type): _within(item, kind.value_type)
            for key, item in islice(pairs, kind.max_length)
        }
        return value if entries == value else entries
    return value


def _is_number(value: Any) -> bool:
    """Neither true, which Python holds for 1, nor what lies beyond all numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0
