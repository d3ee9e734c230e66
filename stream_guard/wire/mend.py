"""What may be set right without guessing, so that no event is lost for it.

Some values of an event are chosen by the client itself, and a gateway passes them on as they came.
Were an event refused because its user agent is too long, an account could hide by sending one.
So what the client chooses is cut or clamped to its bounds; what the gateway says is never touched
and, where it is wrong, refused.  Also mended: an empty optional id means "none", and a whole number
written as 200.0 (pandas does that) is a whole number.

The bounds are read from `records.RequestEvent`, not written down again.
"""

from typing import Any, Final

import msgspec
from msgspec import inspect

from stream_guard.records import RequestEvent

CLIENTS_OWN: Final = frozenset(
    {"model", "user_agent", "tls_fingerprint", "end_user_id", "conversation_id", "indicators", "tools"}
    | {"max_tokens", "temperature"}
)


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
    return _within(value, kind) if name in CLIENTS_OWN else value


def _within(value: Any, kind: Any) -> Any:
    """``value`` cut or clamped to the bounds of ``kind``, itself where it lies within."""
    if isinstance(kind, inspect.StrType) and isinstance(value, str):
        return value[: kind.max_length]
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return max(kind.ge, min(kind.le, value)) if is_number else value
    if isinstance(kind, inspect.ListType) and isinstance(value, list):
        items = [_within(item, kind.item_type) for item in value[: kind.max_length]]
        return value if items == value else items
    if isinstance(kind, inspect.DictType) and isinstance(value, dict):
        kept = list(value.items())[: kind.max_length]
        entries = {_within(key, kind.key_type): _within(item, kind.value_type) for key, item in kept}
        return value if entries == value else entries
    return value
