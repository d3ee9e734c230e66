"""Results of several seeds as one: what is counted is added up, what is drawn keeps its range.

Counts of honest accounts are Poisson within and between seeds, so they are added and get one exact
interval.  A campaign's harvest differs from seed to seed because the campaign itself does: its pooled
ratio comes with the lowest and the highest seed, which is not a confidence interval and is not called
one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from stream_guard.evaluation.results import CampaignResult, HonestResult, Rate, Result
from stream_guard.evaluation.summing import per_100k, share


class Range(NamedTuple):
    """A value over all seeds, and the lowest and highest seed."""

    value: float
    low: float
    high: float


class PooledCampaign(Struct, frozen=True, kw_only=True):
    """One campaign over all seeds."""

    campaign: str
    kind: str
    seeds: int
    stopped: int  # seeds in which it was blocked at all
    accounts: int
    blocked: int
    exchanges: int
    harvested: int
    ratio: Range
    delay_s: float | None  # median over seeds; None: in half of them never
    delay_exchanges: float | None
    purity: Range | None
    completeness: Range
    newcomers: int
    newcomers_stopped: int
    newcomer_exchanges: float | None  # median over seeds of the median
    early: Rate
    usd: float | None
    level: str
    scale: float | None


class Pooled(Struct, frozen=True, kw_only=True):
    """One decider on one kind of traffic, over all seeds."""

    decider: str
    traffic: str
    mode: str
    split: str
    scale: float | None
    seeds: tuple[int, ...]
    events: int
    cpu_us_per_event: float | None
    ratio: Range | None
    purity: Range | None
    campaigns: dict[str, PooledCampaign]
    honest: dict[str, HonestResult]
    honest_total: HonestResult
    complaints: int


def pooled(results: Iterable[Result]) -> list[Pooled]:
    """Results by traffic and decider, in the order in which these first come."""
    together: defaultdict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        together[result.traffic, result.decider, result.split].append(result)
    return [_pool(group) for group in together.values()]


def _pool(results: Sequence[Result]) -> Pooled:
    first = results[0]
    events = sum(result.events for result in results)
    cost = sum((result.cpu_us_per_event or 0.0) * result.events for result in results)
    names = sorted({name for result in results for name in result.campaigns})
    kinds = sorted({kind for result in results for kind in result.honest})
    return Pooled(
        decider=first.decider,
        traffic=first.traffic,
        mode=first.mode,
        split=first.split,
        scale=first.scale,
        seeds=tuple(result.seed for result in results if result.seed is not None),
        events=events,
        cpu_us_per_event=cost / events if events and cost else None,
        ratio=_ratio([one for result in results for one in [_all_campaigns(result)] if one[1]]),
        purity=_range([result.purity for result in results if result.purity is not None]),
        campaigns={
            name: _pool_campaign([r.campaigns[name] for r in results if name in r.campaigns])
            for name in names
        },
        honest={kind: _pool_honest([r.honest[kind] for r in results if kind in r.honest]) for kind in kinds},
        honest_total=_pool_honest([result.honest_total for result in results]),
        complaints=sum(result.complaints or 0 for result in results),
    )


def _all_campaigns(result: Result) -> tuple[int, int]:
    campaigns = result.campaigns.values()
    return sum(one.harvested for one in campaigns), sum(one.exchanges for one in campaigns)


def _ratio(pairs: Sequence[tuple[int, int]]) -> Range | None:
    if not pairs:
        return None
    each = [hits / of for hits, of in pairs]
    return Range(sum(hits for hits, _ in pairs) / sum(of for _, of in pairs), min(each), max(each))


def _range(values: Sequence[float]) -> Range | None:
    return Range(median(values), min(values), max(values)) if values else None


def _pool_campaign(ones: Sequence[CampaignResult]) -> PooledCampaign:
    ratio = _ratio([(one.harvested, one.exchanges) for one in ones if one.exchanges])
    completeness = _range([one.completeness for one in ones])
    return PooledCampaign(
        campaign=ones[0].campaign,
        kind=ones[0].kind,
        seeds=len(ones),
        stopped=sum(one.delay_s is not None for one in ones),
        accounts=sum(one.accounts for one in ones),
        blocked=sum(one.blocked for one in ones),
        exchanges=sum(one.exchanges for one in ones),
        harvested=sum(one.harvested for one in ones),
        ratio=ratio or Range(0.0, 0.0, 0.0),
        delay_s=_middle(ones, lambda one: one.delay_s),
        delay_exchanges=_middle(ones, lambda one: one.delay_exchanges),
        purity=_range([one.purity for one in ones if one.purity is not None]),
        completeness=completeness or Range(0.0, 0.0, 0.0),
        newcomers=sum(one.newcomers for one in ones),
        newcomers_stopped=sum(one.newcomers_stopped for one in ones),
        newcomer_exchanges=_middle(
            [one for one in ones if one.newcomers], lambda one: one.newcomer_exchanges
        ),
        early=share(sum(one.early.count for one in ones), sum(one.accounts for one in ones)),
        usd=sum(one.spent.get("usd", 0.0) for one in ones if one.spent) or None,
        level=ones[0].level,
        scale=ones[0].scale,
    )


def _middle(ones: Sequence[CampaignResult], read: Callable[[CampaignResult], float | None]) -> float | None:
    """The median over seeds; "never" is later than everything."""
    values = sorted(float("inf") if (value := read(one)) is None else value for one in ones)
    if not values:
        return None
    middle = median(values)
    return None if middle == float("inf") else middle


def _pool_honest(ones: Sequence[HonestResult]) -> HonestResult:
    accounts, days = sum(one.accounts for one in ones), sum(one.account_days for one in ones)
    blocked = sum(one.blocked.count for one in ones)
    in_use = [one.days_in_use for one in ones if one.days_in_use is not None]
    return HonestResult(
        kind=ones[0].kind,
        accounts=accounts,
        account_days=days,
        requests=sum(one.requests for one in ones),
        blocked=per_100k(blocked, days),
        throttled=per_100k(sum(one.throttled.count for one in ones), days),
        blocked_share=share(blocked, accounts),
        requests_refused=sum(one.requests_refused for one in ones),
        requests_throttled=sum(one.requests_throttled for one in ones),
        days_in_use=sum(in_use) if in_use else None,
    )
