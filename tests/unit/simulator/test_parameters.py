"""What docs/traffic.md says of parameters is what the code draws: the page's own tables are read.

Each parameter is drawn for many seeds: none is constant, in the tune split all lie within the page's range
and fill it, and the test split reaches beyond it by no more than `WIDER`.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stream_guard.simulator.arrivals import DAY, Span
from stream_guard.simulator.attackers.operation import size_of
from stream_guard.simulator.attackers.record import RECORDS
from stream_guard.simulator.attackers.scheme import Scheme, draw_scheme
from stream_guard.simulator.catalogue import CROWDS
from stream_guard.simulator.draws import WIDER, Draw, Split
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest.individuals import AGENT, DEVELOPER, PERSON
from stream_guard.simulator.order import LEVELS, Level

PAGE = (Path(__file__).parents[3] / "docs" / "traffic.md").read_text(encoding="utf-8")
SEEDS = 400
FILLED = 0.8  # of a documented range, by so many draws
ROUNDED = 1.02  # the page writes 90 for 0.898
Range = tuple[float, float]

# Row of the page's table, which of its ranges, and the parameter in the page's unit.
DRAWN: dict[str, tuple[str, int, Callable[[Scheme], float]]] = {
    "cards": ("accounts on a card; with their own", 0, lambda scheme: scheme.cards[0]),
    "devices": ("accounts on a sign-up device", 0, lambda scheme: scheme.devices[0]),
    "exits": ("exits per account", 0, lambda scheme: scheme.exits),
    "builds": ("client builds", 0, lambda scheme: scheme.builds),
    "lot": ("accounts opened together, at most; long ago", 0, lambda scheme: scheme.lot),
    "aged": ("accounts opened together, at most; long ago", 1, lambda scheme: 100 * scheme.aged),
    "dilution": ("ordinary conversations", 0, lambda scheme: 100 * scheme.dilution),
    "sigma": ("rates (sigma of the logarithm)", 0, lambda scheme: scheme.sigma),
    "hours": ("shift", 0, lambda scheme: scheme.hours),
    "failover": ("throttled: to a sibling", 0, lambda scheme: 100 * scheme.fails_over),
    "failover_s": ("throttled: to a sibling", 1, lambda scheme: scheme.failover_s),
    "replaces": ("blocked: replaced", 0, lambda scheme: 100 * scheme.replaces),
    "replaced_after_h": ("blocked: replaced", 1, lambda scheme: scheme.replaced_after_h),
    "renewed": ("replacements with nothing of the old stock", 0, lambda scheme: 100 * scheme.renewed),
    "lies_low": ("a tenth is blocked: drops", 0, lambda scheme: 100 * scheme.lies_low),
}
UNSAID: dict[Level, set[str]] = {  # what a level does not draw, and the page does not give a range for
    "naive": {"lies_low"},
    "careful": set(),
    "informed": {"builds", "hours"},
}
NOT_DRAWN: dict[Level, set[str]] = {  # fields of a scheme that are the level's mark
    "naive": {"level", "templates", "end_users", "lies_low"},
    "careful": {"level", "templates"},
    "informed": {
        "level", "templates", "exit_kinds", "builds", "systems", "declared", "discipline", "keeps_settings",
        "max_tokens", "temperature",
    },
}  # fmt: skip


def ranges(cell: str) -> list[Range]:
    """All ranges in a cell, such as ``0.5-8 %`` or ``3,000-12,000``."""
    found = re.findall(r"([\d.,]*\d)-([\d.,]*\d)", cell)
    return [(float(low.replace(",", "")), float(high.replace(",", ""))) for low, high in found]


def row(title: str) -> list[str]:
    """The cells of the row with this title."""
    [line] = [line for line in PAGE.splitlines() if line.startswith(f"| {title} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def schemes(level: Level, split: Split, name: str = "moonshot") -> list[Scheme]:
    return [draw_scheme(Draw(f"{seed}", split), RECORDS[name], level) for seed in range(SEEDS)]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_level_draws_its_parameters_from_the_pages_range_and_wider_for_the_test_split(
    level: Level, name: str
) -> None:
    title, which, value = DRAWN[name]
    cell = row(title)[LEVELS.index(level)]
    if name in UNSAID[level]:
        assert len(ranges(cell)) <= which
        return
    low, high = ranges(cell)[which]
    tuned = [value(scheme) for scheme in schemes(level, "tune")]
    assert low / ROUNDED <= min(tuned)
    assert max(tuned) <= high * ROUNDED
    assert max(tuned) - min(tuned) >= FILLED * (high - low)
    tested = [value(scheme) for scheme in schemes(level, "test")]
    half = 0.5 if isinstance(tested[0], int) else 0.0  # sizes are whole numbers
    assert min(tested) >= low / WIDER / ROUNDED - half
    assert max(tested) <= high * WIDER * ROUNDED + half
    assert min(tested) < min(tuned) or max(tested) > max(tuned)


@pytest.mark.parametrize("split", ["tune", "test"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(RECORDS))
def test_nothing_of_a_scheme_is_the_same_for_every_seed_but_the_levels_mark(
    name: str, level: Level, split: Split
) -> None:
    drawn = schemes(level, split, name)
    constant = {field for field in Scheme.__slots__ if len({repr(getattr(one, field)) for one in drawn}) == 1}
    of_shops = {"hours", "dilution", "lies_low"} if RECORDS[name].aim == "resale" else set()
    assert constant - {"discipline"} == (NOT_DRAWN[level] | of_shops) - {"discipline"}
    assert ("discipline" in constant) == (level == "informed" and RECORDS[name].aim == "distillation")


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_campaigns_accounts_and_days_are_the_pages(name: str) -> None:
    record = RECORDS[name]
    exchanges, accounts, days = row(f"`{name}`")[:3]
    said = float(exchanges.split()[0].replace(",", "")) * (1e6 if "million" in exchanges else 1)
    assert record.exchanges == said
    for cell, known in ((accounts, record.accounts), (days, record.days)):
        given = ranges(cell) or [(float(cell.replace(",", "")),) * 2]
        assert given == [(float(known[0]), float(known[1]))]
    start = 1_776_816_000.0
    world = World(Draw("w"), Span(start, start + 200 * DAY))
    sizes = [size_of(world, Draw(f"{seed}"), record, 1.0) for seed in range(SEEDS)]
    low, high = record.accounts
    assert all(low <= size.accounts <= high for size in sizes)
    lengths = [(size.end - size.begin) / DAY for size in sizes]
    assert record.days[0] - 0.01 <= min(lengths)
    assert max(lengths) <= record.days[1] + 0.01
    if name != "qwen":  # its report names both
        assert len({size.accounts for size in sizes}) > SEEDS / 4
        assert max(lengths) - min(lengths) > FILLED * (record.days[1] - record.days[0])
    assert len({size.begin for size in sizes}) == SEEDS


@pytest.mark.parametrize("name", sorted(CROWDS))
def test_a_crowds_size_is_the_pages_and_drawn(name: str) -> None:
    low, high = CROWDS[name][2]
    assert ranges(row(f"`{name}`")[0]) == [(low, high)]
    tuned = [Draw(f"{seed}").count(low, high) for seed in range(SEEDS)]
    tested = [Draw(f"{seed}", "test").count(low, high) for seed in range(SEEDS)]
    assert low <= min(tuned) < max(tuned) <= high
    assert max(tested) > high
    assert max(tested) <= high * WIDER + 0.5


@pytest.mark.parametrize("kind", [PERSON, DEVELOPER, AGENT], ids=lambda kind: kind.name)
def test_what_individuals_ask_on_a_day_is_the_pages(kind: object) -> None:
    assert isinstance(kind, type(PERSON))
    median, sigma = row(f"`{kind.name}`")[1].split(", ")
    assert (float(median), float(sigma)) == (kind.per_day, kind.sigma)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("requests that offer tools", "tools_ratio"),
        ("requests with images", "images_ratio"),
        ("requests that wish reasoning, where they say", "reasoning_ratio"),
        ("accounts that replace others", "successors"),
        ("requests of unrelated customers", "unrelated"),
        ("cards that are stolen", "stolen"),
    ],
)
def test_shares_drawn_for_a_campaign_are_the_pages(title: str, name: str) -> None:
    for cell, campaign in zip(
        row(title), ("deepseek", "moonshot", "minimax", "qwen", "reseller"), strict=True
    ):
        low, high = getattr(RECORDS[campaign], name)
        assert ranges(cell) == ([(round(100 * low), round(100 * high))] if high else [])
