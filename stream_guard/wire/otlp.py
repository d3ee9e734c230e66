"""OTLP span batches, as the OpenTelemetry collector's Kafka exporter writes them: requests in, the rest out.

One message holds many spans, of many accounts, and most of them are no requests (web servers,
databases, tools).  Read are the exporter's encodings `otlp_json` and `otlp_proto`, told apart by the
first byte (a batch in protobuf begins with a line feed, so JSON may not).  A span is a request if it
names a model and its operation calls one; it becomes an event as one that came by itself would
(`otel.py`), attributes of its resource included.

A span that should be a request and can not be read becomes a `Failure`, and its neighbours are
read all the same.  A message that is no batch at all raises InvalidEvent.

Glossary: *resource* what a batch says of the program that made the spans.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from stream_guard.errors import ConfigurationError, InvalidEvent
from stream_guard.records import RequestEvent
from stream_guard.wire.native import DAMAGED, EventDecoder, whole
from stream_guard.wire.otel import plain_attributes
from stream_guard.wire.parse import check_depth, parse_damaged, parse_object
from stream_guard.wire.redact import redact

MODELS: Final = ("gen_ai.request.model", "gen_ai.response.model", "model")
NO_REQUESTS: Final = frozenset(
    {"execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "retrieval"}  # they contain requests
)
_ENCODE = msgspec.json.Encoder().encode


class Failure(NamedTuple):
    """A span that names a model, and is no event."""

    reason: str
    detail: str
    shown: str  # what a dead letter may show of it


class SpanBatch(NamedTuple):
    """What one message held."""

    events: list[RequestEvent]
    failures: list[Failure]
    others: int  # spans that are no requests


class SpanReader:
    """Reads messages; one per process, as the decoder that it uses.

    ``account_attribute``: where the account stands if not in `account.id` or `user.id`; empty: there.
    """

    def __init__(self, decoder: EventDecoder, account_attribute: str = "") -> None:
        self._decode = decoder.decode
        self._account = account_attribute

    def read(self, value: bytes) -> SpanBatch:
        """The events in a message; InvalidEvent if it is no batch of spans."""
        batch, others = SpanBatch([], [], 0), 0
        for number, span in enumerate(_spans(value)):
            attributes = span["attributes"]
            if not any(name in attributes for name in MODELS) or (
                attributes.get("gen_ai.operation.name") in NO_REQUESTS
            ):
                others += 1
                continue
            if self._account:
                shared = span["resource"]["attributes"]
                attributes["account_id"] = attributes.get(self._account, shared.get(self._account))
            raw = _ENCODE(span)
            try:
                batch.events.append(whole(self._decode(raw)))
            except InvalidEvent as error:
                failure = Failure(error.reason, f"span {number}: {error.detail}", redact(raw))
                batch.failures.append(failure)
        return batch._replace(others=others)


def encode_event(event: RequestEvent) -> bytes:
    """An event as we write it to the log: our own names, what is not known left out."""
    fields = ((name, getattr(event, name)) for name in event.__struct_fields__)
    return _ENCODE({name: value for name, value in fields if value is not None})


def _spans(value: bytes) -> Iterator[dict[str, Any]]:
    """Spans as `otel.read_otel` takes them, with plain attributes."""
    return _from_json(value) if value[:1] == b"{" else _from_protobuf(value)


def _from_json(value: bytes) -> Iterator[dict[str, Any]]:
    tree = _parse_json(value)
    check_depth(value)
    if not isinstance(tree.get("resourceSpans"), list):
        raise InvalidEvent("not_object", "expected a batch of spans (resourceSpans)")
    for group in _objects(tree, "resourceSpans"):
        resource = _object(group, "resource")
        shared = {"attributes": plain_attributes(resource.get("attributes"))}
        for scope in _objects(group, "scopeSpans"):
            for span in _objects(scope, "spans"):
                own = {name: span[name] for name in _OWN if span.get(name)}
                yield {**own, "attributes": plain_attributes(span.get("attributes")), "resource": shared}


def _parse_json(value: bytes) -> dict[str, Any]:
    """A batch is not lost for half a character that one client sent: `parse.parse_damaged`."""
    try:
        return parse_object(value)
    except InvalidEvent as error:
        tree = parse_damaged(value) if error.reason in DAMAGED else None
        if not isinstance(tree, dict):
            raise
        return tree


def _from_protobuf(value: bytes) -> Iterator[dict[str, Any]]:
    for group in _parse(value).resource_spans:
        shared = {"attributes": _map(group.resource.attributes)}
        for scope in group.scope_spans:
            for span in scope.spans:
                yield {
                    "traceId": span.trace_id.hex(),
                    "spanId": span.span_id.hex(),
                    "startTimeUnixNano": span.start_time_unix_nano or None,
                    "endTimeUnixNano": span.end_time_unix_nano or None,
                    "status": {"code": span.status.code},
                    "attributes": _map(span.attributes),
                    "resource": shared,
                }


_OWN: Final = ("traceId", "spanId", "startTimeUnixNano", "endTimeUnixNano", "status")
_TRACES: Final[list[Any]] = []  # built at the first batch in protobuf: the library is an extra

# opentelemetry/proto/trace/v1/trace.proto, as far as it is read
_FIELDS: Final = {
    "Traces": {"resource_spans": (1, "[ResourceSpans]")},
    "ResourceSpans": {"resource": (1, "Resource"), "scope_spans": (2, "[ScopeSpans]")},
    "Resource": {"attributes": (1, "[KeyValue]")},
    "ScopeSpans": {"spans": (2, "[Span]")},
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "start_time_unix_nano": (7, "fixed64"),
        "end_time_unix_nano": (8, "fixed64"),
        "attributes": (9, "[KeyValue]"),
        "status": (15, "Status"),
    },
    "Status": {"code": (3, "enum")},
    # Text is read as bytes, the same on the wire: for one text that is no UTF-8 all of the batch would fail.
    "KeyValue": {"key": (1, "bytes"), "value": (2, "AnyValue")},
    "AnyValue": {
        "string_value": (1, "bytes?"),
        "bool_value": (2, "bool?"),
        "int_value": (3, "int64?"),
        "double_value": (4, "double?"),
        "array_value": (5, "ArrayValue?"),
        "kvlist_value": (6, "KeyValueList?"),
        "bytes_value": (7, "bytes?"),
    },
    "ArrayValue": {"values": (1, "[AnyValue]")},
    "KeyValueList": {"values": (1, "[KeyValue]")},
}


def _parse(value: bytes) -> Any:
    """The batch in ``value``."""
    if not _TRACES:
        try:
            from stream_guard.wire.protobuf import build  # noqa: PLC0415 - an extra
        except ImportError as error:
            message = "a batch of spans in protobuf: pip install 'stream-guard[otlp]'"
            raise ConfigurationError(message) from error
        _TRACES.append(build("otlp", _FIELDS)["Traces"])
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - an extra

    try:
        batch = _TRACES[0].FromString(value)
    except DecodeError as error:
        raise InvalidEvent("not_object", f"{len(value)} bytes: no batch of spans: {error}") from error
    if not batch.resource_spans:
        raise InvalidEvent("not_object", f"{len(value)} bytes: a batch without spans")
    return batch


def _map(pairs: Any) -> dict[str, Any]:
    return {_text(pair.key): _plain(pair.value) for pair in pairs}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """A protobuf `AnyValue`, unwrapped."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    if kind == "string_value":
        return _text(inner)
    if kind == "array_value":
        return [_plain(item) for item in inner.values]
    return _map(inner.values) if kind == "kvlist_value" else inner


def _object(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def _objects(tree: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = tree.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
