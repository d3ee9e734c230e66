"""What a gateway shows to Prometheus: `expose` its guard and its emitter, beside its own metrics.

Needs `prometheus_client`, and is the only module here that does; import it where you want metrics.
Nothing is counted twice: at each scrape the plain numbers of `counts.py` are read.

    expose(guard, emitter)      # in the default registry, as a gateway has it
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from stream_guard.enforcement.check import PASSED
from stream_guard.enforcement.counts import (
    CHECK_BUCKETS,
    REACTION_BUCKETS,
    Buckets,
    GuardCounts,
    kind_of,
)
from stream_guard.enforcement.emitter import EventEmitter
from stream_guard.enforcement.multiprocess import DIRECTORY, Shared

Labels = dict[str, tuple[str, ...]]
STATES: Final = ("starting", "up", "doubtful", "down")


class GatewayMetric(NamedTuple):
    """One metric, as `telemetry.metrics.Metric` has it; docs/metrics.md shows both."""

    name: str
    kind: str
    help: str
    action: str
    labels: Labels
    buckets: tuple[float, ...] = ()


CHECKS: Final = GatewayMetric(
    "stream_guard_gateway_checks_total",
    "counter",
    "Checks by action, outcome and who answered; fail_open and fail_closed: nobody could be asked.",
    "fail_open or fail_closed above 0: look at the state and the failures; shadow: would be refused.",
    {
        "action": ("allow", "throttle", "challenge", "block"),
        "outcome": ("passed", "refused", "shadow"),
        "source": ("local", "redis", "fail_open", "fail_closed", "exempt"),
    },
)
ASKED: Final = GatewayMetric(
    "stream_guard_gateway_check_seconds",
    "histogram",
    "How long checks took that asked Redis and were answered.",
    "The 99th percentile near the deadline: Redis is far away, or slow; look at its slowlog.",
    {},
    CHECK_BUCKETS,
)
REACTION: Final = GatewayMetric(
    "stream_guard_gateway_reaction_seconds",
    "histogram",
    "From the event time at which a decision was taken to the first request that it refused, of accounts "
    "that this gateway was letting pass until then; an account's own pause counts in.",
    "The median above 3: look at the worker's lag and at the projection's lag.",
    {},
    REACTION_BUCKETS,
)
FAILURES: Final = GatewayMetric(
    "stream_guard_gateway_failures_total",
    "counter",
    "Checks that Redis did not answer: timeout (the deadline passed), unreachable (not asked: the "
    "connection is down or in doubt), refused (it answered with an error).",
    "timeout: Redis hangs or is slow; unreachable: it is down; refused: rights, or a replica.",
    {"reason": ("timeout", "unreachable", "refused")},
)
INVALIDATED: Final = GatewayMetric(
    "stream_guard_gateway_invalidated_total",
    "counter",
    "Entries of the local copy that a push removed.",
    "Many more than decisions: Redis evicts keys (maxmemory-policy).",
    {},
)
DIALS: Final = GatewayMetric(
    "stream_guard_gateway_dials_total",
    "counter",
    "Connections made to Redis.",
    "More than one per start: Redis restarts, fails over, or drops idle connections.",
    {},
)
LOADS: Final = GatewayMetric(
    "stream_guard_gateway_function_loads_total",
    "counter",
    "Times that Redis had to be taught the function.",
    "More than starts of Redis: somebody flushes functions, or the gateway may not load them (ACL).",
    {},
)
REMEMBERED: Final = GatewayMetric(
    "stream_guard_gateway_remembered_accounts",
    "gauge",
    "Accounts in the local copy.",
    "At its bound with many checks from redis: raise max_accounts.",
    {},
)
STATE: Final = GatewayMetric(
    "stream_guard_gateway_state_info",
    "gauge",
    "1 for the state that the connection to Redis is in.",
    "doubtful: Redis misses deadlines; down: it can not be reached, checks fail as configured.",
    {"state": STATES},
)
EVENTS: Final = GatewayMetric(
    "stream_guard_gateway_events_total",
    "counter",
    "Events of requests: delivered (acknowledged by Kafka), dropped (no room, or refused for good), invalid.",
    "dropped: Kafka is away or too slow; invalid: the gateway has no account, or what is no JSON.",
    {"outcome": ("delivered", "dropped", "invalid")},
)
PENDING: Final = GatewayMetric(
    "stream_guard_gateway_pending_records",
    "gauge",
    "Events taken and neither delivered nor dropped.",
    "Growing: Kafka is away; at max_pending events are dropped.",
    {},
)
LINES: Final = GatewayMetric(
    "stream_guard_gateway_lines_total",
    "counter",
    "Requests in access logs that gateways sent: events, others (nobody's requests), unreadable, dropped; "
    "what was posted to /events and could not be read counts as unreadable, too.",
    "unreadable: a log's format is not what docs/gateways.md says, or /events told its sender; dropped: as "
    "for events.",
    {"what": ("events", "others", "unreadable", "dropped")},
)
GATEWAY_METRICS: Final = tuple(value for value in globals().values() if isinstance(value, GatewayMetric))


class Watched(Protocol):
    """What is read of a guard, at a scrape."""

    counts: GuardCounts

    @property
    def state(self) -> str:
        """One of `STATES`."""
        ...

    @property
    def remembered(self) -> int:
        """Accounts in the local copy."""
        ...


def expose(
    guard: Watched,
    emitter: EventEmitter | None = None,
    registry: CollectorRegistry = REGISTRY,
    lines: Mapping[str, int] | None = None,
) -> None:
    """Show them from now on; once per registry.  ``lines``: what was made of access logs.

    Where PROMETHEUS_MULTIPROC_DIR is set, they go where all processes' metrics are added up instead.
    """
    shown = _Gateway(guard, emitter, {} if lines is None else lines)
    if os.environ.get(DIRECTORY):
        Shared(shown.collect).start()
    else:
        registry.register(shown)


class _Gateway(Collector):
    def __init__(self, guard: Watched, emitter: EventEmitter | None, lines: Mapping[str, int]) -> None:
        self._guard, self._emitter, self._lines = guard, emitter, lines

    def collect(self) -> Iterator[Any]:
        counts = self._guard.counts
        checks = dict(counts.checks)
        checks[kind_of(PASSED)] = checks.get(kind_of(PASSED), 0) + counts.passed
        yield _counter(CHECKS, checks.items())
        yield _histogram(ASKED, counts.asked)
        yield _histogram(REACTION, counts.reactions)
        yield _counter(FAILURES, (((why,), counts.failures[why]) for why in FAILURES.labels["reason"]))
        for metric, value in (
            (INVALIDATED, counts.invalidated),
            (DIALS, counts.dials),
            (LOADS, counts.function_loads),
        ):
            yield _counter(metric, [((), value)])
        yield _gauge(REMEMBERED, [((), self._guard.remembered)])
        now = self._guard.state
        yield _gauge(STATE, (((state,), int(state == now)) for state in STATES))
        yield _counter(LINES, (((what,), self._lines.get(what, 0)) for what in LINES.labels["what"]))
        if self._emitter is not None:
            status = self._emitter.status()
            yield _counter(EVENTS, (((name,), getattr(status, name)) for name in EVENTS.labels["outcome"]))
            yield _gauge(PENDING, [((), status.pending)])


Samples = Iterable[tuple[tuple[str, ...], float]]


def _counter(metric: GatewayMetric, samples: Samples) -> CounterMetricFamily:
    family = CounterMetricFamily(metric.name.removesuffix("_total"), metric.help, labels=tuple(metric.labels))
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _gauge(metric: GatewayMetric, samples: Samples) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=tuple(metric.labels))
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _histogram(metric: GatewayMetric, found: Buckets) -> HistogramMetricFamily:
    bounds = [f"{bound:g}" for bound in found.bounds] + ["+Inf"]
    family = HistogramMetricFamily(metric.name, metric.help)
    family.add_metric((), list(zip(bounds, accumulate(found.counts), strict=True)), found.total)
    return family
