"""OpenTelemetry: one span or log record per message, attributes flat or nested.

Read are a flat object of attributes, an object with ``attributes`` (a map, or OTLP's list of
key/value pairs) and the span's or log record's own time, ids and status.  A whole export batch
(``resourceSpans``) holds many requests and is refused: the collector's Kafka exporter, or a
transform before it, has to send one record per message.
"""

from collections.abc import Mapping
from typing import Any, Final

from stream_guard.errors import InvalidEvent
from stream_guard.wire.aliases import Reading, fill, read_flat
from stream_guard.wire.times import elapsed_ms, read_nanoseconds, read_time

BATCHES: Final = ("resourceSpans", "resourceLogs", "scopeSpans", "scopeLogs")
_ENDS: Final = ("endTimeUnixNano", "timeUnixNano", "observedTimeUnixNano")
_ERROR_CODES: Final = (2, "STATUS_CODE_ERROR", "ERROR")
# Names of a span or log record that are no attributes: read below, or of no use to us.
OWN: Final = frozenset(
    {"attributes", "resource", "traceId", "spanId", "parentSpanId", "traceState", "name", "kind"}
    | {"startTimeUnixNano", *_ENDS, "start_time", "end_time", "context", "parent_id", "flags"}
    | {"events", "links", "body", "severityNumber", "severityText", "eventName", "scope"}
    | {"droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"}
)
UNUSED: Final = frozenset(
    {"gen_ai.system", "gen_ai.provider.name", "gen_ai.response.id", "gen_ai.response.finish_reasons"}
    | {"gen_ai.output.type", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.completion"}
    | {"gen_ai.request.top_p", "gen_ai.request.top_k", "gen_ai.request.seed", "gen_ai.request.choice.count"}
    | {"gen_ai.usage.cache_creation.input_tokens", "error.type", "server.address", "server.port"}
)


def is_otel(tree: Mapping[str, Any]) -> bool:
    """Whether the message speaks OpenTelemetry."""
    return (
        isinstance(tree.get("attributes"), dict | list)
        or any(name.startswith("gen_ai.") for name in tree)
        or any(name in tree for name in BATCHES)
    )


def read_otel(tree: Mapping[str, Any]) -> Reading:
    """One span, log record or flat map of attributes."""
    for name in BATCHES:
        if name in tree:
            detail = f"{name}: an export batch; expected one span or log record per message"
            raise InvalidEvent("not_object", detail)
    resource = tree.get("resource")
    shared = plain_attributes(resource.get("attributes")) if isinstance(resource, dict) else {}
    own_status = tree.get("status")
    flat = shared | plain_attributes(tree.get("attributes"))
    flat |= {name: value for name, value in tree.items() if name not in OWN and value is not None}
    if isinstance(own_status, dict):
        del flat["status"]
    reading = read_flat(flat)
    fill(reading.fields, _identity(tree))
    fill(reading.fields, _times(tree))
    if isinstance(own_status, dict):
        fill(reading.fields, {"status": _status(own_status, flat.get("error.type"))})
    return reading._replace(unknown=reading.unknown - UNUSED - shared.keys())


def _identity(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A span's ids are unique within its trace only, so the event's id holds both."""
    context = tree.get("context")
    ids = context if isinstance(context, dict) else {}
    trace, span = tree.get("traceId", ids.get("trace_id")), tree.get("spanId", ids.get("span_id"))
    return {"event_id": f"{trace}/{span}" if trace and span else None}


def _times(tree: Mapping[str, Any]) -> dict[str, Any]:
    """When it ended, and how long it took."""
    ends = (read_nanoseconds(tree[name]) for name in _ENDS if tree.get(name))
    end = next(ends, read_time(tree.get("end_time"), "end_time"))
    start = read_nanoseconds(tree.get("startTimeUnixNano"))
    if start is None:
        start = read_time(tree.get("start_time"), "start_time")
    return {"occurred_at": end, "latency_ms": elapsed_ms(start, end)}


def _status(own: Mapping[str, Any], error: Any) -> int | None:
    """HTTP status of a span without one: only an error says something."""
    if own.get("code", own.get("status_code")) not in _ERROR_CODES:
        return None
    return (
        int(error)
        if isinstance(error, str) and error.isascii() and error.isdigit() and len(error) == 3
        else 500
    )


def plain_attributes(attributes: Any) -> dict[str, Any]:
    """A map of plain values from a map, or from OTLP's list of key/value pairs."""
    if isinstance(attributes, dict):
        return {name: _plain(value) for name, value in attributes.items()}
    if not isinstance(attributes, list):
        return {}
    pairs = (pair for pair in attributes if isinstance(pair, dict) and isinstance(pair.get("key"), str))
    return {pair["key"]: _plain(pair.get("value")) for pair in pairs}


def _plain(value: Any) -> Any:
    """OTLP's ``AnyValue`` in JSON, unwrapped: 64-bit integers are strings there."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return _integer(inner)
    if kind in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        return inner
    if kind == "arrayValue" and isinstance(inner, dict) and isinstance(inner.get("values"), list):
        return [_plain(item) for item in inner["values"]]
    if kind == "kvlistValue" and isinstance(inner, dict):
        return plain_attributes(inner.get("values"))
    return value


def _integer(value: Any) -> Any:
    if isinstance(value, str) and len(value) < 32:
        try:
            return int(value)
        except ValueError:
            return value
    return value
