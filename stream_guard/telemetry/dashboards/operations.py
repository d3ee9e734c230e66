"""Operations: does the stream flow?  One row per stage, in stream order; the first that lags is at fault."""

from typing import Final

from stream_guard.telemetry.dashboards.looks import Board, Look, Row

STAGES: Final = ("accounts", "control", "groups", "campaigns", "decisions")


def _stage(stage: str) -> Row:
    of = f'{{stage="{stage}"}}'
    prefix = "stream_guard_stream"
    return Row(
        stage,
        (
            Look(
                "Rate",
                "ops",
                "Messages taken, heartbeats and frames included.",
                {"messages": f"sum(rate({prefix}_fed_messages_total{of}[$__rate_interval]))"},
            ),
            Look("Lag", "short", "Messages that wait.", {"waiting": f"sum({prefix}_lag_messages{of})"}),
            Look(
                "Behind the clock",
                "s",
                "By how much event time is behind, for the slowest lane.",
                {"behind": f"time() - min({prefix}_watermark_timestamp_seconds{of})"},
            ),
            Look(
                "CPU",
                "percentunit",
                "Of one core.",
                {"cpu": f"sum(rate({prefix}_cpu_seconds_total{of}[$__rate_interval]))"},
            ),
            Look(
                "Flush",
                "s",
                "Wall time of a transaction.",
                {
                    "p99": "histogram_quantile(0.99, sum by (le) "
                    f"(rate({prefix}_flush_seconds_bucket{of}[$__rate_interval])))"
                },
            ),
            Look("State", "short", "Rows kept in memory.", {"rows": f"sum({prefix}_kept_rows{of})"}),
        ),
    )


IN: Final = Row(
    "requests",
    (
        Look(
            "Events",
            "ops",
            "Request events read from the log.",
            {"events": 'sum(rate(stream_guard_stream_events_total{stage="accounts"}[$__rate_interval]))'},
        ),
        Look(
            "Dead letters",
            "ops",
            "Messages that could not be used.",
            {
                "kept": "sum(rate(stream_guard_stream_dead_letters_total[$__rate_interval]))",
                "only counted": "sum(rate(stream_guard_stream_dead_letters_capped_total[$__rate_interval]))",
            },
        ),
        Look(
            "Mended",
            "ops",
            "Nonsense in what clients choose: absent, and counted. A rise may be somebody who tries to hide.",
            {"{{field}}": "sum by (field) (rate(stream_guard_wire_mended_fields_total[$__rate_interval]))"},
        ),
        Look(
            "Out of time",
            "ops",
            "Events later than the bound, or ahead of their arrival.",
            {
                "late": "sum(rate(stream_guard_stream_late_total[$__rate_interval]))",
                "future": "sum(rate(stream_guard_stream_future_total[$__rate_interval]))",
            },
        ),
    ),
)
OUT: Final = Row(
    "Redis projection and worker",
    (
        Look(
            "Decision latency",
            "s",
            "From a decision's event time to its being durable; a point is a decision, and leads to it. "
            "Meaningless in a replay.",
            {
                name: f"histogram_quantile({quantile}, sum by (le) "
                "(increase(stream_guard_decisions_delay_seconds_bucket[1h])))"
                for name, quantile in (("median", 0.5), ("p99", 0.99))
            },
            "/decisions",
            has_exemplars=True,
        ),
        Look(
            "Projection lag",
            "s",
            "For how long Redis has lacked a decision.",
            {"lag": "max(stream_guard_projection_lag_seconds)"},
        ),
        Look(
            "Projection failures",
            "ops",
            "Attempts that failed.",
            {"failures": "sum(rate(stream_guard_projection_failures_total[$__rate_interval]))"},
        ),
        Look(
            "Lanes",
            "short",
            "Lanes that have an owner, by stage.",
            {"{{stage}}": "sum by (stage) (stream_guard_stream_owned_lanes)"},
        ),
        Look(
            "Memory",
            "bytes",
            "Of each worker, and of it the packed rows of each stage, all workers together.",
            {
                "{{instance}}": 'process_resident_memory_bytes{job="stream-guard"}',
                "rows of {{stage}}": "sum by (stage) (stream_guard_stream_kept_bytes)",
            },
        ),
        Look("Up", "short", "Workers that answer.", {"workers": 'sum(up{job="stream-guard"})'}),
    ),
)
OPERATIONS: Final = Board(
    "stream-guard-operations", "stream_guard: operations", (IN, *map(_stage, STAGES), OUT)
)
