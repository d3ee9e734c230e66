"""`stream-guard run`: one worker on Kafka, with its projection and its metrics."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog
import typer

from stream_guard.cli.options import Config, settings_from
from stream_guard.settings import Settings

log = structlog.get_logger(__name__)


def run(config: Config = None) -> None:
    """Run a worker: read events from Kafka, decide, keep Redis up to date, serve metrics.

    Start as many as you like, up to the number of partitions; Kafka divides the work among them. Topics
    that are missing are created. SIGTERM or Ctrl-C stops it after a last flush. It ends by itself when
    Kafka is lost for good, so have it supervised.

    For example:

        stream-guard run -c stream-guard.toml

        STREAM_GUARD_KAFKA__BOOTSTRAP=kafka:9092 stream-guard run
    """
    from stream_guard.bootstrap import build_decoder, build_topology
    from stream_guard.decisions.policy import load_policy
    from stream_guard.runtime.faust_app import run_worker
    from stream_guard.runtime.topics import ensure_topics
    from stream_guard.telemetry.logs import configure_logs
    from stream_guard.telemetry.server import MetricsServer

    settings = settings_from(config)
    configure_logs(settings.telemetry.log_level)
    decoder, telemetry = build_decoder(settings), _telemetry()
    policy = load_policy(Path(settings.policy) if settings.policy else None)
    topology = build_topology(settings, policy, decoder)
    telemetry.watch_decoder(decoder)
    telemetry.watch_limit(policy.limits.blocks_per_hour)
    telemetry.watch_budget(settings.budget.false_blocks_per_100k_account_days)
    with ExitStack() as stack:
        server = stack.enter_context(MetricsServer(telemetry.registry, settings.telemetry))
        log.info("metrics_served", url=server.url)
        ensure_topics(topology, settings.kafka)
        if settings.redis.enabled:
            telemetry.watch_projection(_projection(settings, policy, stack))
        if settings.otlp.topic:
            telemetry.watch_spans(_spans(settings, topology, telemetry, stack))
        code = run_worker(topology, settings.kafka, observer=telemetry)
    raise typer.Exit(code)


def _projection(settings: Settings, policy: Any, stack: ExitStack) -> Any:
    """Redis follows the decisions topic, and what operators say, in threads of its own."""
    from stream_guard.sinks.control import CONTROL_TOPIC
    from stream_guard.sinks.decision_log import DecisionLog
    from stream_guard.sinks.redis_projection import RedisProjection, projection_config
    from stream_guard.sinks.topic_follower import TopicFollower, follow_decisions
    from stream_guard.sinks.words import InterimWords

    bootstrap = settings.kafka.bootstrap
    decisions, words = DecisionLog(bootstrap), InterimWords(policy)
    projection = RedisProjection(
        settings.redis.url, decisions.everything, projection_config(settings.redis), standing=words.standing
    )
    words.tell(projection.push_words)
    projection.start()
    stack.callback(projection.close)
    for follower in (
        follow_decisions(decisions, projection),
        TopicFollower(DecisionLog(bootstrap, CONTROL_TOPIC), words.take),
    ):
        follower.start()
        stack.callback(follower.close)
    return projection


def _spans(settings: Settings, topology: Any, telemetry: Any, stack: ExitStack) -> Any:
    """A collector's spans become events of our log, in a thread of its own; what it counts."""
    from stream_guard.bootstrap import build_decoder
    from stream_guard.runtime.span_bridge import SpanBridge, SpanRoute
    from stream_guard.wire.otlp import SpanReader

    otlp = settings.otlp
    decoder = build_decoder(settings)
    telemetry.watch_decoder(decoder)
    route = SpanRoute.through(topology, settings.kafka, otlp.topic)
    bridge = SpanBridge(route, SpanReader(decoder, otlp.account_attribute))
    bridge.start()
    stack.callback(bridge.close)
    log.info("spans_read", topic=otlp.topic)
    return bridge.counts


def _telemetry() -> Any:
    """All metrics, and one log line per decision."""
    from stream_guard.sinks.entry import decode_decision
    from stream_guard.telemetry.logs import log_decision
    from stream_guard.telemetry.observing import Telemetry

    class LoggingTelemetry(Telemetry):
        def saw(self, stream: str, messages: Iterable[tuple[bytes | None, bytes]]) -> None:
            messages = list(messages)
            super().saw(stream, messages)
            if stream == "decisions":
                for _, value in messages:
                    log_decision(decode_decision(value))

    return LoggingTelemetry()
