"""The declared metrics as instruments of prometheus_client, in a registry of their own.

Labels are checked against their closed sets: what is in none becomes "other", so a fault in a
caller can not make time series without end.  Counters with few labels start at 0 for each of them,
since Prometheus can not see the first increase of a series that was not there before.
"""

from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from stream_guard.telemetry.labels import OTHER
from stream_guard.telemetry.metrics import EXEMPLAR, METRICS, Metric

EXEMPLAR_CHARS = 64  # OpenMetrics allows 128 with the name
ZEROED_SERIES = 100  # above that most combinations can not happen


class Instruments:
    """One instrument per declared metric.  Bound: `Metric.max_series` each.  Safe in any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series that nobody asks for
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in METRICS:
            self._make(metric, registry)

    def _make(self, metric: Metric, registry: CollectorRegistry) -> None:
        name, names = metric.name, tuple(metric.labels)
        if metric.kind == "gauge":
            self._gauges[name] = Gauge(name, metric.help, names, registry=registry)
        elif metric.kind == "histogram":
            self._histograms[name] = Histogram(
                name, metric.help, names, registry=registry, buckets=metric.buckets
            )
        else:
            counter = self._counters[name] = Counter(name, metric.help, names, registry=registry)
            if names and metric.max_series <= ZEROED_SERIES:
                for values in product(*metric.labels.values()):
                    counter.labels(*values)

    def add(self, metric: Metric, by: float = 1, *labels: str) -> None:
        """Count ``by`` more."""
        if by:
            counter = self._counters[metric.name]
            (counter.labels(*_known(metric, labels)) if labels else counter).inc(by)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """A gauge shows ``value`` from now on."""
        gauge = self._gauges[metric.name]
        (gauge.labels(*_known(metric, labels)) if labels else gauge).set(value)

    def observe(self, metric: Metric, value: float, *labels: str, exemplar: str = "") -> None:
        """A histogram takes ``value``; ``exemplar`` names what it was, under `metrics.EXEMPLAR`.

        The newest of each bucket is shown to whoever asks for OpenMetrics.
        """
        histogram = self._histograms[metric.name]
        named = {EXEMPLAR: exemplar[:EXEMPLAR_CHARS]} if exemplar else None
        (histogram.labels(*_known(metric, labels)) if labels else histogram).observe(value, named)

    def clear(self, metric: Metric) -> None:
        """Forget all label values of a gauge."""
        self._gauges[metric.name].clear()


def _known(metric: Metric, labels: tuple[str, ...]) -> list[str]:
    allowed = metric.labels.values()
    return [value if value in values else OTHER for value, values in zip(labels, allowed, strict=True)]
