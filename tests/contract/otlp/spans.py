"""Spans as an instrumented gateway makes them, by the real OpenTelemetry SDK."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

START_NS = 1_763_800_000_000_000_000
PROMPT = "Name a river that is longer than the Elbe."

Attributes = dict[str, AttributeValue]


def chat(account_id: str, **more: AttributeValue) -> Attributes:
    """Attributes of one request, as the GenAI conventions name them."""
    return {
        "account.id": account_id,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "example",
        "gen_ai.request.model": "atlas-large-2",
        "gen_ai.request.max_tokens": 4096,
        "gen_ai.request.temperature": 0.7,
        "gen_ai.usage.input_tokens": 1234,
        "gen_ai.usage.output_tokens": 567,
        "gen_ai.response.finish_reasons": ("stop",),
        "client.address": "203.0.113.17",
        "http.response.status_code": 200,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def sdk_spans(requests: Sequence[Attributes]) -> Sequence[ReadableSpan]:
    """One web server's span and one of the model's call for each request."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "gateway"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("gateway", "1.0")
    for number, attributes in enumerate(requests):
        start = START_NS + number * 1_000_000_000
        outer = tracer.start_span("POST /v1/chat", kind=SpanKind.SERVER, start_time=start)
        inner = tracer.start_span("chat atlas-large-2", kind=SpanKind.CLIENT, start_time=start + 1_000_000)
        inner.set_attributes(attributes)
        if "error.type" in attributes:
            inner.set_status(Status(StatusCode.ERROR, "failed"))
        inner.end(start + 801_000_000)
        outer.end(start + 802_000_000)
    provider.shutdown()
    return memory.get_finished_spans()


def sdk_batch(requests: Sequence[Attributes]) -> bytes:
    """What the SDK's exporter sends: an export request, which is on the wire what the collector writes."""
    batch: bytes = encode_spans(sdk_spans(requests)).SerializeToString()
    return batch
