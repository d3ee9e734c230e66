"""Tables of the page of results that set seeds, or runs of one campaign, beside each other."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from stream_guard.evaluation import tables
from stream_guard.evaluation.intervals import of_mean
from stream_guard.evaluation.pooling import pooled
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.suite import Chapter
from stream_guard.evaluation.summing import per_100k
from stream_guard.evaluation.tables import NEVER, NONE, Sheet, duration, percent, spread, within


class Campaign(NamedTuple):
    """What a row is about."""

    name: str
    level: str


def by_seed(results: Sequence[Result]) -> Sheet:
    """Harvest of each campaign in each seed, and the mean with its interval."""
    seeds = _seeds(results)
    found: defaultdict[Campaign, dict[int | None, float]] = defaultdict(dict)
    for result in results:
        for one in result.campaigns.values():
            found[Campaign(one.campaign, one.level)][result.seed] = one.harvested_ratio
    rows: list[Sequence[str]] = []
    for campaign, ratios in found.items():
        each = [percent(ratios[seed]) if seed in ratios else NONE for seed in seeds]
        rows.append((*campaign, *each, mean(list(ratios.values()))))
    return Sheet(("campaign", "level", *(f"seed {seed}" for seed in seeds), "mean (95 %)"), rows)


def mean(shares: Sequence[float]) -> str:
    """Of shares, with its interval if there are several."""
    interval = of_mean(shares)
    share = fmean(shares)
    return percent(share) if interval is None else within(share, interval.low, interval.high)


def honest_by_seed(results: Sequence[Result]) -> Sheet:
    """Honest accounts of each seed, and of all."""
    rows: list[Sequence[str]] = []
    for seed in [*_seeds(results), None]:
        mine = [result.honest_total for result in results if seed is None or result.seed == seed]
        days = sum(one.account_days for one in mine)
        blocked, slowed = (
            per_100k(sum(counts), days)
            for counts in ([one.blocked.count for one in mine], [one.throttled.count for one in mine])
        )
        cells = (f"{blocked.count:,}", tables.interval(blocked), f"{slowed.count:,}", tables.interval(slowed))
        rows.append(("all" if seed is None else str(seed), f"{days:,}", *cells))
    per = "per 100,000 account-days (95 %)"
    return Sheet(("seed", "honest account-days", "blocked", per, "throttled or challenged", per), rows)


def _seeds(results: Sequence[Result]) -> list[int]:
    return sorted({result.seed for result in results if result.seed is not None})


def cold(chapter: Chapter, results: Sequence[Result]) -> Sheet:
    """The same campaigns after different quiet days; ``results`` in the order of the chapter's jobs."""
    values = chapter.sweep.values if chapter.sweep is not None else ()
    pools = {
        value: pooled(result for job, result in zip(chapter.jobs, results, strict=True) if job.quiet == value)
        for value in values
    }
    rows: defaultdict[Campaign, list[str]] = defaultdict(list)
    for value in values:
        for pool in pools[value]:
            for one in pool.campaigns.values():
                to_it = NEVER if one.delay_exchanges is None else f"{one.delay_exchanges:,.0f}"
                row = rows[Campaign(one.campaign, one.level)]
                row += [spread(one.ratio, one.seeds), duration(one.delay_s), to_it]
    days = [sum(pool.honest_total.account_days for pool in pools[value]) for value in values]
    blocked = [sum(pool.honest_total.blocked.count for pool in pools[value]) for value in values]
    last: list[str] = []
    for count, total in zip(blocked, days, strict=True):
        rate = per_100k(count, total)
        last += [f"{count} in {total:,} account-days", tables.interval(rate), ""]
    columns = ["campaign", "level"]
    for value in values:
        when = f"after {value:g} days"
        columns += [f"{when}: harvested", "first block after", "exchanges by then"]
    body: list[Sequence[str]] = [(*campaign, *cells) for campaign, cells in rows.items()]
    return Sheet(columns, [*body, ("honest accounts blocked", "", *last)])
