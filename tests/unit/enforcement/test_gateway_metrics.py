"""What a gateway shows of its guard and its emitter."""

import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream_guard.embedded.process import HOST, free_port
from stream_guard.enforcement import Guard
from stream_guard.enforcement.metrics import GATEWAY_METRICS, GatewayMetric, expose
from stream_guard.telemetry.metrics import METRICS, UNITS


@pytest.mark.parametrize("metric", GATEWAY_METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_named_by_the_convention_and_tells_what_to_do(metric: GatewayMetric) -> None:
    match = re.fullmatch(r"stream_guard_gateway_[a-z_]+_([a-z]+)", metric.name)
    assert match is not None
    assert match[1] in UNITS
    assert (match[1] == "total") == (metric.kind == "counter")
    assert metric.help.endswith(".")
    assert metric.action.endswith(".")
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert metric.name not in {other.name for other in METRICS}


def test_every_declared_metric_but_the_emitters_is_shown_with_its_labels() -> None:
    guard = Guard.from_url(f"redis://{HOST}:{free_port()}/0")
    registry = CollectorRegistry()
    expose(guard, registry=registry)
    assert guard.check("a1").source == "fail_open"
    guard.counts.reactions.add(0.3)
    guard.close()
    families = {
        family.name: family for family in text_string_to_metric_families(generate_latest(registry).decode())
    }
    for metric in GATEWAY_METRICS:
        if "events" in metric.name or "pending" in metric.name:
            continue
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.kind
        for sample in family.samples:
            for label, value in sample.labels.items():
                assert label == "le" or value in metric.labels[label]
    shown = {
        tuple(sample.labels.values()): sample.value
        for sample in families["stream_guard_gateway_checks"].samples
    }
    assert shown[("allow", "passed", "fail_open")] == 1
    reactions = {
        s.labels.get("le"): s.value for s in families["stream_guard_gateway_reaction_seconds"].samples
    }
    assert (reactions["0.25"], reactions["0.5"]) == (0, 1)
