"""The tables of docs/results.md, between two marks; the prose around them is left alone.

No number on that page is written by hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from stream_guard.errors import ConfigurationError
from stream_guard.evaluation import sections, tables
from stream_guard.evaluation.pooling import Pooled, PooledCampaign, pooled
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.suite import Chapter, Plan
from stream_guard.evaluation.sweeps import WHAT, Sweep, points_of
from stream_guard.evaluation.tables import Sheet, duration, percent, spread
from stream_guard.evaluation.targets import targets

COLD: Final = (
    "The same campaigns twice: in the first hour of an installation that knows nothing, and after days "
    "with honest accounts alone."
)
TOGETHER: Final = (
    "counts and dollars are added up, harvest comes with its lowest and highest seed, and whatever tells of "
    "the first block is the median over seeds (never: in half of them or more), purity and completeness as "
    "well. Informed ones were played with the first seed alone, as were the rules of today, dilution and the "
    "operator's knob below."
)
BY_SEED: Final = (
    "Harvest of each campaign of the record in each seed, and the mean over seeds with Student's interval "
    "(95 %), rough where seeds are few. The second table counts honest accounts over all runs of the "
    "guard in the tables above."
)
SIGN: Final = {True: "met", False: "**missed**", None: ""}


def inserted(page: str, block: str, name: str = "results") -> str:
    """``page`` with ``block`` between the marks of that name."""
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        message = f"expected {first} and {last} on the page"
        raise ConfigurationError(message)
    block = block.strip("\n")
    return f"{before}{first}\n\n{block}\n\n{last}{after}"


def block_of(plan: Plan, command: str, done: Mapping[str, tuple[Chapter, Sequence[Result]]]) -> str:
    """All tables."""
    everything = {
        job: result
        for chapter, results in done.values()
        for job, result in zip(chapter.jobs, results, strict=True)
    }
    guard = [result for name in ("record", "informed", "honest") for result in done[name][1]]
    parts = [
        f"    {command}",
        _about(plan, [*everything.values()]),
        "## Aims",
        markdown(_aims(pooled(guard))),
        "## Campaigns",
        _seeds_together(plan),
        markdown(_campaigns([*done["record"][1], *done["informed"][1]])),
        "## Seed by seed",
        BY_SEED,
        markdown(sections.by_seed(done["record"][1])),
        markdown(sections.honest_by_seed(guard)),
        "## Honest accounts",
        "By kind, over all runs of the guard above. An interval is exact (Garwood, 95 %).",
        markdown(_honest(guard)),
        "## What people use today",
        "Each rule on the careful campaigns, and the guard on the same traffic.",
        markdown(_compared(done["record"][1], done["baselines"][1])),
    ]
    parts += [f"## {done['cold'][0].title}", COLD, markdown(sections.cold(*done["cold"]))]
    for name in ("dilution", "budget"):
        chapter, results = done[name]
        if chapter.sweep is not None:
            parts += [f"## {chapter.title}", markdown(_swept(chapter.sweep, chapter, results))]
    return "\n\n".join(parts)


def _seeds_together(plan: Plan) -> str:
    """How several seeds became one row."""
    if plan.seeds < 2:
        return "One seed: a campaign's own luck is in every row."
    return f"Naive and careful campaigns over {plan.seeds} seeds together: {TOGETHER}"


def _about(plan: Plan, results: Sequence[Result]) -> str:
    seeds = ", ".join(str(seed) for seed in sorted({r.seed for r in results if r.seed is not None}))
    versions = ", ".join(sorted({str(r.parameters.get("policy_version", "")) for r in results}))
    return (
        f"Split `{plan.split}`, seeds {seeds}; {len(results)} closed loops, "
        f"{sum(result.events for result in results):,} events; {plan.quiet:g} days of honest accounts alone, "
        f"then {plan.days:g} days with a campaign among {plan.accounts:,}; policy version {versions}; a "
        f"decision is in force {results[0].enforcement_delay_s:g} s after it was made."
    )


def _aims(pools: Iterable[Pooled]) -> Sheet:
    rows: list[Sequence[str]] = [
        (one.what, one.target, one.found, SIGN[one.is_met]) for one in targets(pools)
    ]
    return Sheet(("what", "aim", "found", ""), rows)


def _campaigns(results: Sequence[Result]) -> Sheet:
    columns = (
        "campaign", "level", "scale", "accounts", "exchanges unopposed", "harvested", "first block after",
        "exchanges by then", "accounts blocked", "purity", "completeness", "newcomers blocked",
        "after (median)", "dollars per 1,000 harvested",
    )  # fmt: skip
    rows = [_campaign_row(one) for pool in pooled(results) for one in pool.campaigns.values()]
    return Sheet(columns, rows)


def _campaign_row(one: PooledCampaign) -> Sequence[str]:
    return (
        one.campaign,
        one.level,
        tables.NONE if one.scale is None else f"{one.scale:g}",
        f"{one.accounts:,}",
        f"{one.exchanges:,}",
        spread(one.ratio, one.seeds),
        duration(one.delay_s),
        tables.NEVER if one.delay_exchanges is None else f"{one.delay_exchanges:,.0f}",
        f"{one.blocked:,}",
        tables.NONE if one.purity is None else f"{one.purity.value:.3f}",
        f"{one.completeness.value:.3f}",
        f"{one.newcomers_stopped:,} of {one.newcomers:,}",
        tables.after(one.newcomers, one.newcomer_exchanges),
        tables.NONE if not one.usd or not one.harvested else f"{one.usd * 1000 / one.harvested:,.0f}",
    )


def _honest(results: Sequence[Result]) -> Sheet:
    (pool,) = pooled(msgspec.structs.replace(result, traffic="", decider="") for result in results)
    columns = (
        "kind", "accounts", "account-days", "blocked", "per 100,000 account-days (95 %)",
        "throttled or challenged", "requests refused",
    )  # fmt: skip
    rows: list[Sequence[str]] = [
        (
            one.kind,
            f"{one.accounts:,}",
            f"{one.account_days:,}",
            str(one.blocked.count),
            tables.interval(one.blocked),
            str(one.throttled.count),
            f"{one.requests_refused:,}",
        )
        for one in [*pool.honest.values(), pool.honest_total]
    ]
    return Sheet(columns, rows)


def _compared(guard: Sequence[Result], others: Sequence[Result]) -> Sheet:
    """Every decider over the same traffic."""
    played = {(result.traffic, result.seed) for result in others}
    same = [result for result in guard if (result.traffic, result.seed) in played]
    names = sorted({name for result in same for name in result.campaigns})
    rows: list[Sequence[str]] = []
    for pool in pooled(msgspec.structs.replace(result, traffic="") for result in [*same, *others]):
        harvest = [
            percent(pool.campaigns[n].ratio.value, 1) if n in pool.campaigns else tables.NONE for n in names
        ]
        blocked = pool.honest_total.blocked
        rows.append((
            pool.decider, *harvest, f"{blocked.count:,}", tables.interval(blocked),
            f"{pool.honest_total.requests_refused:,}", f"{pool.complaints:,}",
            tables.NONE if pool.cpu_us_per_event is None else f"{pool.cpu_us_per_event:.0f}",
        ))  # fmt: skip
    columns = (
        "decider", *names, "honest blocked", "per 100,000 account-days (95 %)", "honest requests refused",
        "complaints", "CPU us per event",
    )  # fmt: skip
    return Sheet(columns, rows)


def _swept(sweep: Sweep, chapter: Chapter, results: Sequence[Result]) -> Sheet:
    rows: list[Sequence[str]] = []
    for value, pool in points_of(sweep, chapter.jobs, results):
        for one in pool.campaigns.values():
            useful = 1 - value if sweep.name == "dilution" else 1.0
            rows.append((
                f"{value:g}", one.campaign, spread(one.ratio, one.seeds), percent(one.ratio.value * useful),
                duration(one.delay_s), str(pool.honest_total.blocked.count),
                tables.interval(pool.honest_total.blocked),
            ))  # fmt: skip
    columns = (
        WHAT[sweep.name], "campaign", "harvested", "useful harvest", "first block after", "honest blocked",
        "per 100,000 account-days (95 %)",
    )  # fmt: skip
    return Sheet(columns, rows)


def markdown(sheet: Sheet) -> str:
    """As a table of a page."""
    lines = ["| " + " | ".join(sheet.columns) + " |", "|" + "---|" * len(sheet.columns)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in sheet.rows]
    return "\n".join(lines)
