"""One page to look at: HTML with its plots inside, and nothing from elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from stream_guard.evaluation import charts, overview, tables
from stream_guard.evaluation.pooling import Pooled, pooled
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.tables import percent
from stream_guard.evaluation.targets import GUARD, targets

TUNED_ON = "Split tune: thresholds may have been set on traffic like this, so these figures flatter."
OPEN_LOG = "Open log: nobody in it reacts to a refusal, which flatters whoever decides."


def render(results: Sequence[Result], title: str, sweeps: Iterable[Mapping[str, Any]] = ()) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("stream_guard.evaluation"), autoescape=select_autoescape(), trim_blocks=True
    )
    pools = pooled(results)
    mine = [result for result in results if _is_guard(result.decider)]
    is_loop = any(result.mode == "closed_loop" for result in results)
    return environment.get_template("report.html").render(
        title=title,
        chips=_chips(results),
        warnings=_warnings(results),
        tiles=overview.tiles(_first(mine or results)),
        everybody=_everybody(results),
        outcomes=targets(pools) if is_loop else [],
        trade_off=_trade_off(pools),
        harvests=_harvests(mine or list(results)),
        sweeps=sweeps,
        honest=_plot(charts.honest(_kinds(mine or list(results)))),
        guard=(mine or list(results))[0].decider if results else GUARD,
        groups=_sheets(results, pools),
    )


def _is_guard(decider: str) -> bool:
    return decider.startswith(GUARD)


def _first(results: Sequence[Result]) -> list[Result]:
    """The runs of the decider that comes first."""
    return [one for one in results if one.decider == results[0].decider]


def _everybody(results: Sequence[Result]) -> dict[str, Any] | None:
    found = overview.harvests(results)
    return None if found is None else {"svg": _plot(found[0]), "legend": found[1]}


def _plot(svg: str) -> Markup:
    """SVG of `plots.py`, which has escaped whatever is in it."""
    return Markup(svg)  # noqa: S704 - see above


def _trade_off(pools: Sequence[Pooled]) -> dict[str, Any] | None:
    """Only where there is something to compare, and only over traffic that every decider had."""
    deciders = {pool.decider for pool in pools}
    had = {
        traffic: {p.decider for p in pools if p.traffic == traffic} for traffic in {p.traffic for p in pools}
    }
    shared = [pool for pool in pools if had[pool.traffic] == deciders]
    if len(deciders) < 2 or not shared:
        return None
    svg, legend = charts.trade_off(shared)
    return {"svg": _plot(svg), "legend": legend}


def _chips(results: Sequence[Result]) -> list[str]:
    seeds = sorted({result.seed for result in results if result.seed is not None})
    chips = [f"split: {', '.join(sorted({result.split for result in results}))}"]
    chips += [f"seeds: {', '.join(map(str, seeds))}"] if seeds else []
    chips += [f"{len(results)} runs", f"{sum(result.events for result in results):,} events"]
    chips += [mode.replace("_", " ") for mode in sorted({result.mode for result in results})]
    first = results[0].decider  # the others judge the same accounts
    days = sum(result.honest_total.account_days for result in results if result.decider == first)
    return [*chips, f"{days:,} honest account-days"]


def _warnings(results: Sequence[Result]) -> list[str]:
    warnings = [OPEN_LOG] if any(result.mode == "open_log" for result in results) else []
    return warnings + ([TUNED_ON] if any(result.split == "tune" for result in results) else [])


def _harvests(mine: Sequence[Result]) -> list[dict[str, Any]]:
    """Of each traffic, the first seed's campaigns."""
    firsts: dict[str, Result] = {}
    for result in mine:
        firsts.setdefault(result.traffic, result)
    return [
        {
            "title": traffic,
            "note": "" if result.seed is None else f" in seed {result.seed}",
            "plots": [
                {
                    "name": one.campaign,
                    "ratio": percent(one.harvested_ratio),
                    "svg": _plot(charts.harvest(one)),
                }
                for one in result.campaigns.values()
            ],
        }
        for traffic, result in firsts.items()
        if result.campaigns
    ]


def _kinds(mine: Sequence[Result]) -> list[Any]:
    """Every honest kind over all runs of the guard."""
    first = mine[0].decider
    renamed = [msgspec.structs.replace(one, traffic="all") for one in mine if one.decider == first]
    return [kind for pool in pooled(renamed) for kind in [*pool.honest.values(), pool.honest_total]]


def _sheets(results: Sequence[Result], pools: Sequence[Pooled]) -> list[dict[str, Any]]:
    """What the plots rest on: seeds together, then each traffic and decider with its seeds apart."""
    groups = [
        {
            "title": "Deciders",
            "sheets": [{"title": "", **tables.deciders(pools)._asdict()}],
        }
    ]
    if any(pool.campaigns for pool in pools):
        groups.append(
            {
                "title": "Campaigns, seeds together",
                "sheets": [{"title": "", **tables.pooled_campaigns(pools)._asdict()}],
            }
        )
    runs: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        seed = "" if result.seed is None else f"seed {result.seed}: "
        runs.setdefault(f"{result.traffic}: {result.decider}", []).extend(
            {"title": f"{seed}{what}", **sheet._asdict()}
            for what, sheet in (
                ("campaigns", tables.campaigns([result])),
                ("honest accounts", tables.honest([result])),
                ("reasons of blocks", tables.reasons(result)),
            )
            if sheet.rows
        )
    return groups + [{"title": title, "sheets": sheets} for title, sheets in runs.items()]
