"""Gateway: are requests checked, how fast, and do their events arrive?"""

from typing import Final

from stream_guard.telemetry.dashboards.looks import Board, Look, Row

PREFIX: Final = "stream_guard_gateway"


def _rate(name: str, by: str) -> dict[str, str]:
    """A rate of a counter, by a label."""
    return {f"{{{{{by}}}}}": f"sum by ({by}) (rate({PREFIX}_{name}_total[$__rate_interval]))"}


def _quantiles(name: str, over: str) -> dict[str, str]:
    """Median and 99th percentile."""
    return {
        legend: f"histogram_quantile({quantile}, sum by (le) (rate({PREFIX}_{name}_seconds_bucket[{over}])))"
        for legend, quantile in (("median", 0.5), ("p99", 0.99))
    }


CHECKS: Final = Row(
    "Checks",
    (
        Look("By outcome", "ops", "Passed, refused, and what would be refused.", _rate("checks", "outcome")),
        Look("By source", "ops", "fail_open: nobody could be asked.", _rate("checks", "source")),
        Look("By action", "ops", "What held for the account.", _rate("checks", "action")),
        Look("Failures", "ops", "Checks that Redis did not answer.", _rate("failures", "reason")),
    ),
)
TIMES: Final = Row(
    "Times",
    (
        Look("Check", "s", "Of checks that asked Redis.", _quantiles("check", "$__rate_interval")),
        Look(
            "Reaction",
            "s",
            "From the event time of a decision to its first refusal.",
            _quantiles("reaction", "1h"),
        ),
    ),
)
STATE: Final = Row(
    "Redis and events",
    (
        Look(
            "State",
            "short",
            "Gateways by the state of their connection to Redis.",
            {"{{state}}": f"sum by (state) ({PREFIX}_state_info)"},
        ),
        Look(
            "Local copy", "short", "Accounts remembered.", {"accounts": f"sum({PREFIX}_remembered_accounts)"}
        ),
        Look("Events", "ops", "Delivered to Kafka, dropped, invalid.", _rate("events", "outcome")),
        Look(
            "Waiting",
            "short",
            "Events taken and not yet delivered.",
            {"events": f"sum({PREFIX}_pending_records)"},
        ),
    ),
)
GATEWAY: Final = Board("stream-guard-gateway", "stream_guard: gateway", (CHECKS, TIMES, STATE))
