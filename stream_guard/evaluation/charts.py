"""What the report draws, from results."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from stream_guard.evaluation.intervals import of_rate
from stream_guard.evaluation.plots import Axis, Frame, rows
from stream_guard.evaluation.pooling import Pooled
from stream_guard.evaluation.results import CampaignResult, HonestResult, Rate
from stream_guard.evaluation.tables import duration, percent

LEAST_RATE, MOST_RATE = 0.1, 100_000.0  # per 100,000 account-days
LEAST_SHARE = 0.0001
HOURS_A_DAY = 24.0
HEADROOM = 1.14  # above what a campaign would have had: words of the first block stand there
FEW = 0.01  # a harvest below is told apart on a logarithmic axis only
ALL = "all"  # kinds together, see `summing.py`
COLOURS = 6  # .c0 to .c5 in the page's style


def _count(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def _per_100k(value: float) -> str:
    return "≤ 0.1" if value <= LEAST_RATE else _count(value)


def harvest(one: CampaignResult) -> str:
    """A campaign's harvest as it grows: what it tried, what it got, and when it was first blocked."""
    days = [0.0, *((hour + 1) / HOURS_A_DAY for hour, _, _ in one.by_hour)]
    tried = [0, *accumulate(hour[1] for hour in one.by_hour)]
    served = [0, *accumulate(hour[2] for hour in one.by_hour)]
    x = Axis("days since its first exchange", 0.0, max(days[-1], 0.1))
    y = Axis("exchanges", 0.0, max(one.exchanges, tried[-1], 1) * HEADROOM, show=_count)
    label = f"{one.campaign}: {one.harvested} of {one.exchanges} exchanges harvested"
    frame = Frame(x, y, label)
    frame.line([(0.0, one.exchanges), (x.high, one.exchanges)], "rule", f"unopposed: {one.exchanges:,}")
    frame.line(list(zip(days, tried, strict=True)), "stroke c1", f"tried: {tried[-1]:,}")
    frame.area(list(zip(days, served, strict=True)), "fill c0", f"harvested: {one.harvested:,}")
    frame.line(list(zip(days, served, strict=True)), "stroke c0")
    if one.delay_s is not None:
        frame.upright(min(one.delay_s / 86_400, x.high), "mark", f"first block after {duration(one.delay_s)}")
    return frame.svg()


def honest(kinds: Iterable[HonestResult]) -> str:
    """False blocks of every honest kind, with their intervals."""
    ones = sorted(kinds, key=lambda one: (one.kind != ALL, -one.blocked.count, one.kind))
    x = Axis("blocked per 100,000 account-days (95 %)", LEAST_RATE, MOST_RATE, is_log=True, show=_per_100k)
    names = [f"{one.kind} ({one.account_days:,} d)" for one in ones]
    frame, places = rows(x, names, "false blocks by kind of honest account")
    frame.upright(1.0, "mark", "aim: below 1")
    for one, place in zip(ones, places, strict=True):
        _draw_rate(frame, one.blocked, place, one.kind)
    return frame.svg()


def _draw_rate(frame: Frame, rate: Rate, place: float, name: str, colour: str = "c0") -> None:
    if rate.value is None or rate.low is None or rate.high is None:
        return
    frame.bar(max(rate.low, LEAST_RATE), rate.high, place, f"stroke thin {colour}")
    title = f"{name}: {rate.count} blocked, {rate.value:.2f} per 100,000 account-days"
    frame.dot(max(rate.value, LEAST_RATE), place, f"fill solid {'c3' if rate.count else colour}", title)


def trade_off(pools: Sequence[Pooled]) -> tuple[str, list[tuple[str, str]]]:
    """Each decider: what it lets be harvested, against the honest accounts that it blocks; and who is who."""
    x = Axis(
        "honest accounts blocked per 100,000 account-days", LEAST_RATE, MOST_RATE, is_log=True, show=_per_100k
    )
    y = _shares(pools)
    frame, legend = Frame(x, y, "harvest against false blocks, by decider", 360), list[tuple[str, str]]()
    deciders = list(dict.fromkeys(pool.decider for pool in pools))
    for number, decider in enumerate(deciders):
        mine = [pool for pool in pools if pool.decider == decider]
        ratio, rate = total_ratio(mine), total_rate(mine)
        if ratio is None or rate.value is None or rate.low is None or rate.high is None:
            continue
        height = max(ratio, y.low)
        colour = f"c{number % COLOURS}"
        frame.bar(max(rate.low, LEAST_RATE), rate.high, height, f"stroke thin {colour}")
        title = f"{decider}: {percent(ratio)} harvested, {rate.value:.1f} blocked per 100,000 account-days"
        frame.dot(max(rate.value, LEAST_RATE), height, f"fill solid {colour}", title)
        legend.append((colour, title))
    return frame.svg(), legend


def _shares(pools: Sequence[Pooled]) -> Axis:
    """Logarithmic if somebody lets next to nothing through."""
    ratios = [pool.ratio.value for pool in pools if pool.ratio is not None]
    is_log = min(ratios, default=1.0) < FEW
    return Axis(
        "harvested", LEAST_SHARE if is_log else 0.0, 1.0, is_log=is_log, show=lambda v: f"{v * 100:g} %"
    )


def total_ratio(pools: Iterable[Pooled]) -> float | None:
    """Harvest over all campaigns together."""
    campaigns = [one for pool in pools for one in pool.campaigns.values()]
    exchanges = sum(one.exchanges for one in campaigns)
    return sum(one.harvested for one in campaigns) / exchanges if exchanges else None


def total_rate(pools: Iterable[Pooled]) -> Rate:
    """False blocks over all traffic together."""
    totals = [pool.honest_total for pool in pools]
    count, days = sum(one.blocked.count for one in totals), sum(one.account_days for one in totals)
    if not days:
        return Rate(count, None, None, None)
    return Rate(count, count * 100_000 / days, *of_rate(count, days / 100_000))


def sweep(points: Sequence[tuple[float, Pooled]], what: str, *, is_log: bool) -> tuple[str, str]:
    """Two plots over a swept parameter: harvest, and false blocks."""
    values = [value for value, _ in points]
    low, high = min(values), max(values)
    x = Axis(what, low, high if high > low else low + 1, is_log=is_log and high > low)
    share = Axis("harvested", 0.0, 1.0, show=lambda v: f"{v * 100:g} %")
    left = Frame(x, share, f"harvest over {what}", 260)
    names = sorted({name for _, pool in points for name in pool.campaigns})
    for number, name in enumerate(names):
        drawn = [(value, pool.campaigns[name].ratio) for value, pool in points if name in pool.campaigns]
        left.line([(value, ratio.value) for value, ratio in drawn], f"stroke c{number % COLOURS}", name)
        for value, ratio in drawn:
            title = f"{name} at {value:g}: {percent(ratio.value)}"
            left.dot(
                value, ratio.value, f"fill solid c{number % COLOURS}", title, name if value == high else ""
            )
    rates = [(value, pool.honest_total.blocked) for value, pool in points]
    right = Frame(
        x,
        Axis("honest blocked per 100,000 account-days", 0.0, _most(rates)),
        f"false blocks over {what}",
        260,
    )
    right.line([(value, rate.value or 0.0) for value, rate in rates], "stroke c3")
    for value, rate in rates:
        right.dot(value, rate.value or 0.0, "fill solid c3", f"{value:g}: {rate.count} blocked")
    return left.svg(), right.svg()


def _most(rates: Iterable[tuple[float, Rate]]) -> float:
    return max(1.0, *(1.1 * (rate.value or 0.0) for _, rate in rates))
