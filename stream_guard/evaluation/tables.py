"""Results as rows of text, for terminals and for pages."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stream_guard.evaluation.pooling import Pooled, PooledCampaign, Range
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
        after(one.newcomers, one.newcomer_exchanges),
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
        interval(blocked),
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


def deciders(pools: Iterable[Pooled]) -> Sheet:
    """Every decider on every kind of traffic, seeds pooled."""
    columns = (
        "traffic", "decider", "split", "seeds", "events", "harvested (lowest to highest seed)",
        "honest blocked", "per 100k account-days (95 %)", "slowed", "honest requests refused",
        "complaints", "us per event",
    )  # fmt: skip
    return Sheet(columns, [_decider_row(pool) for pool in pools])


def _decider_row(pool: Pooled) -> Sequence[str]:
    blocked = pool.honest_total.blocked
    return (
        pool.traffic,
        pool.decider,
        pool.split,
        ", ".join(map(str, pool.seeds)) or NONE,
        f"{pool.events:,}",
        spread(pool.ratio, len(pool.seeds)),
        f"{blocked.count:,}",
        interval(blocked),
        f"{pool.honest_total.throttled.count:,}",
        f"{pool.honest_total.requests_refused:,}",
        f"{pool.complaints:,}",
        NONE if pool.cpu_us_per_event is None else f"{pool.cpu_us_per_event:.0f}",
    )


def spread(of: Range | None, seeds: int) -> str:
    """A share over all seeds, and that of the lowest and the highest seed where there are several."""
    if of is None:
        return NONE
    return percent(of.value) if seeds < 2 else within(of.value, of.low, of.high)


def within(share: float, low: float, high: float) -> str:
    """A share and the range in which it lies, where there is one."""
    return percent(share) if low == high else f"{percent(share)} ({percent(low)} to {percent(high)})"


def interval(of: Rate, digits: int = 1) -> str:
    """A rate with its interval."""
    if of.value is None:
        return NONE
    return f"{of.value:.{digits}f} ({of.low:.{digits}f} to {of.high:.{digits}f})"


def pooled_campaigns(pools: Iterable[Pooled]) -> Sheet:
    """Every campaign of every decider and traffic, seeds pooled."""
    columns = (
        "traffic", "decider", "campaign", "stopped", "accounts", "exchanges",
        "harvested (lowest to highest seed)", "delay", "exchanges to it", "purity", "complete",
        "newcomers stopped", "after", "early",
    )  # fmt: skip
    return Sheet(columns, [_pooled_row(pool, one) for pool in pools for one in pool.campaigns.values()])


def _pooled_row(pool: Pooled, one: PooledCampaign) -> Sequence[str]:
    return (
        pool.traffic,
        pool.decider,
        one.campaign,
        f"{one.stopped} of {one.seeds}",
        f"{one.accounts:,}",
        f"{one.exchanges:,}",
        spread(one.ratio, one.seeds),
        duration(one.delay_s),
        NEVER if one.delay_exchanges is None else f"{one.delay_exchanges:,.0f}",
        NONE if one.purity is None else f"{one.purity.value:.3f}",
        f"{one.completeness.value:.3f}",
        f"{one.newcomers_stopped:,} of {one.newcomers:,}",
        after(one.newcomers, one.newcomer_exchanges),
        percent(one.early.value, 0),
    )


def after(newcomers: int, exchanges: float | None) -> str:
    """Median exchanges of newcomers before their block."""
    if not newcomers:
        return NONE
    return NEVER if exchanges is None else f"{exchanges:g}"
