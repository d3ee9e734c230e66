"""The top of the page: a few large figures, and every campaign's harvest at one look.

Glossary: *tile* one large figure with a line of what it rests on.
"""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from msgspec import Struct

from stream_guard.evaluation.charts import COLOURS
from stream_guard.evaluation.plots import ROW, Axis, Frame, rows
from stream_guard.evaluation.results import CampaignResult, Result
from stream_guard.evaluation.summing import per_100k
from stream_guard.evaluation.tables import NEVER, duration, interval, percent

DECIDER_PX, GAP_PX = 11, 6  # a row has room for every decider
REACH = 0.34  # of a row's height: how far deciders stand from its middle
SEED_PX, ALL_PX = 3.0, 5.5


class Tile(Struct, frozen=True):
    """One figure."""

    what: str
    figure: str
    about: str


def tiles(results: Sequence[Result]) -> list[Tile]:
    """What one decider came to over all its runs."""
    campaigns = [one for result in results for one in result.campaigns.values()]
    made = [_harvested(campaigns), _first_block(campaigns)] if campaigns else []
    return [*made, *_honest(results), *_cost(results)]


def _harvested(campaigns: Sequence[CampaignResult]) -> Tile:
    exchanges = sum(one.exchanges for one in campaigns)
    ratio = sum(one.harvested for one in campaigns) / exchanges if exchanges else None
    each = [one.harvested_ratio for one in campaigns]
    about = f"of {exchanges:,} exchanges unopposed"
    if len(each) > 1:
        about += f"; {percent(min(each), 1)} to {percent(max(each), 1)} from campaign to campaign"
    return Tile("harvested", percent(ratio, 1), about)


def _first_block(campaigns: Sequence[CampaignResult]) -> Tile:
    late = float("inf")
    delay = median(late if one.delay_s is None else one.delay_s for one in campaigns)
    asked = median(late if one.delay_exchanges is None else one.delay_exchanges for one in campaigns)
    stopped = sum(one.delay_s is not None for one in campaigns)
    about = f"the median; {stopped} of {len(campaigns)} campaigns were blocked"
    if delay == late:
        return Tile("first block", NEVER, about)
    return Tile("first block after", duration(delay), f"and {asked:,.0f} exchanges, {about}")


def _honest(results: Iterable[Result]) -> Iterator[Tile]:
    totals = [result.honest_total for result in results]
    days = sum(one.account_days for one in totals)
    for what, count in (
        ("honest accounts blocked", sum(one.blocked.count for one in totals)),
        ("honest accounts slowed", sum(one.throttled.count for one in totals)),
    ):
        rate = interval(per_100k(count, days))
        yield Tile(what, f"{count:,}", f"{rate} per 100,000 of {days:,} account-days")
    asked = sum(one.requests for one in totals)
    refused = sum(one.requests_refused + one.requests_throttled for one in totals)
    about = f"of {asked:,}, by blocks and throttles"
    complaints = [result.complaints for result in results if result.complaints is not None]
    if complaints:
        about += f"; {sum(complaints):,} complaints"
    yield Tile("honest requests refused", f"{refused:,}", about)


def _cost(results: Iterable[Result]) -> Iterator[Tile]:
    known = [(one.cpu_us_per_event, one.events) for one in results if one.cpu_us_per_event]
    events = sum(count for _, count in known)
    if events:
        each = sum(cost * count for cost, count in known) / events
        yield Tile(
            "CPU per event", f"{each:,.0f} µs", f"{1e6 / each:,.0f} events a CPU second, of the decider alone"
        )


def harvests(results: Sequence[Result]) -> tuple[str, list[tuple[str, str]]] | None:
    """Harvest of every campaign by every decider: all seeds together, and each; and who is who."""
    deciders = list(dict.fromkeys(result.decider for result in results))
    found: dict[tuple[str, str, str], list[tuple[Result, CampaignResult]]] = {}
    for result in results:
        for one in result.campaigns.values():
            found.setdefault((one.campaign, one.level, result.traffic), []).append((result, one))
    if not found:
        return None
    x = Axis("harvested, of what it would have had unopposed", 0.0, 1.0, show=lambda v: f"{v * 100:g} %")
    names = [f"{campaign}, {level}" if level else campaign for campaign, level, _ in found]
    height = max(ROW, DECIDER_PX * len(deciders) + GAP_PX)
    frame, places = rows(x, names, "harvest by campaign and decider", height)
    for place, runs in zip(places, found.values(), strict=True):
        here = [decider for decider in deciders if any(run.decider == decider for run, _ in runs)]
        for number, decider in enumerate(here):
            at = place + REACH * (1 - 2 * number / (len(here) - 1)) if len(here) > 1 else place
            mine = [(run, one) for run, one in runs if run.decider == decider and one.exchanges]
            _draw(frame, mine, at, f"c{deciders.index(decider) % COLOURS}")
    legend = [(f"c{number % COLOURS}", decider) for number, decider in enumerate(deciders)]
    return frame.svg(), legend


def _draw(frame: Frame, mine: Sequence[tuple[Result, CampaignResult]], at: float, colour: str) -> None:
    """One campaign by one decider."""
    if not mine:
        return
    ratios = [one.harvested_ratio for _, one in mine]
    frame.bar(min(ratios), max(ratios), at, f"stroke thin {colour}")
    for run, one in mine if len(mine) > 1 else ():
        title = f"{one.campaign}, {run.decider}, seed {run.seed}: {percent(one.harvested_ratio)}"
        frame.dot(one.harvested_ratio, at, f"fill {colour}", title, radius=SEED_PX)
    ratio = sum(one.harvested for _, one in mine) / sum(one.exchanges for _, one in mine)
    seeds = "1 run" if len(mine) == 1 else f"{len(mine)} runs together"
    title = f"{mine[0][1].campaign}, {mine[0][0].decider}: {percent(ratio)} of {seeds}"
    frame.dot(ratio, at, f"fill solid {colour}", title, radius=ALL_PX)
