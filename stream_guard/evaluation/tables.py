"""Results as rows of text, for terminals and for pages."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stream_guard.evaluation.results import CampaignResult, HonestResult, Rate, Result

NEVER = "never"
NONE = "-"


class Sheet(NamedTuple):
    """A table."""

    columns: Sequence[str]
    rows: list[Sequence[str]]


def percent(share: float | None, digits: int = 2) -> str:
    """A share as per cent."""
    return NONE if share is None else f"{share * 100:.{digits}f} %"


def duration(seconds: float | None) -> str:
    """A time in the largest unit that suits."""
    if seconds is None:
        return NEVER
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def rate(of: Rate, digits: int = 1) -> str:
    """A count, its rate and the rate's interval."""
    if of.value is None or of.low is None or of.high is None:
        return str(of.count)
    return f"{of.count} ({of.value:.{digits}f}, {of.low:.{digits}f} to {of.high:.{digits}f})"


def campaigns(results: Iterable[Result]) -> Sheet:
    """Every campaign of every result."""
    columns = (
        "campaign", "accounts", "blocked", "slowed", "exchanges", "harvested", "ratio", "delay",
        "exchanges to it", "purity", "complete", "newcomers", "stopped", "after", "early",
    )  # fmt: skip
    rows = [_campaign_row(one) for result in results for one in result.campaigns.values()]
    return Sheet(columns, rows)


def _campaign_row(one: CampaignResult) -> Sequence[str]:
    return (
        one.campaign,
        f"{one.accounts:,}",
        f"{one.blocked:,}",
        f"{one.throttled + one.challenged:,}",
        f"{one.exchanges:,}",
        f"{one.harvested:,}",
        percent(one.harvested_ratio),
        duration(one.delay_s),
        NEVER if one.delay_exchanges is None else f"{one.delay_exchanges:,}",
        NONE if one.purity is None else f"{one.purity:.3f}",
        f"{one.completeness:.3f}",
        f"{one.newcomers:,}",
        f"{one.newcomers_stopped:,}",
        NONE
        if not one.newcomers
        else NEVER
        if one.newcomer_exchanges is None
        else f"{one.newcomer_exchanges:.0f}",
        percent(one.early.value, 0),
    )


def honest(results: Iterable[Result]) -> Sheet:
    """Every honest kind of every result, and all together."""
    columns = (
        "honest kind", "accounts", "account-days", "blocked", "per 100k days (95 %)", "slowed", "refused",
        "throttled",
    )  # fmt: skip
    rows: list[Sequence[str]] = []
    for result in results:
        rows += [_honest_row(one) for one in [*result.honest.values(), result.honest_total]]
    return Sheet(columns, rows)


def _honest_row(one: HonestResult) -> Sequence[str]:
    blocked = one.blocked
    return (
        one.kind,
        f"{one.accounts:,}",
        f"{one.account_days:,}",
        str(blocked.count),
        NONE if blocked.value is None else f"{blocked.value:.1f} ({blocked.low:.1f} to {blocked.high:.1f})",
        str(one.throttled.count),
        f"{one.requests_refused:,}",
        f"{one.requests_throttled:,}",
    )


def reasons(result: Result) -> Sheet:
    """How many blocked accounts each reason code speaks of."""
    rows: list[Sequence[str]] = [
        (name, str(honest_ones), str(guilty))
        for name, (honest_ones, guilty) in result.blocks_by_reason.items()
    ]
    return Sheet(("reason", "honest", "campaign"), rows)
