"""The page to look at is whole: well-formed, nothing from elsewhere, and it says what it rests on."""

from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from stream_guard.errors import ConfigurationError
from stream_guard.evaluation.loop import Timing, play
from stream_guard.evaluation.overview import harvests, tiles
from stream_guard.evaluation.page import inserted
from stream_guard.evaluation.plots import Axis
from stream_guard.evaluation.pooling import pooled
from stream_guard.evaluation.report import render
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.rulings import Ruling
from stream_guard.evaluation.runs import Job
from stream_guard.evaluation.summing import per_100k
from stream_guard.evaluation.sweeps import drawn, read_sweep, swept
from stream_guard.evaluation.tables import percent
from stream_guard.evaluation.targets import targets
from tests.support.loop import Patience, ToyTraffic

VOID = {"meta", "br", "line", "circle", "polyline", "polygon", "i"}


class Checker(HTMLParser):
    """Every tag is closed by its own, and none fetches anything."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [tag] if tag not in {"meta", "br"} else []
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "xlink:href"}]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "xlink:href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def result(seed: int = 1, split: str = "test", patience: int = 3, decider: str = "stream-guard") -> Result:
    about = {"traffic": "toy <&>", "split": split, "seed": seed, "decider": decider}
    return play(ToyTraffic(100), Patience(patience, Ruling("", "block", 0.0)), Timing(), about)


def test_the_page_is_well_formed_and_fetches_nothing() -> None:
    page = render([result(), result(2), result(decider="card")], "Toy <script>")
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.fetched == []
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_says_which_split_and_seeds_and_warns_of_tune() -> None:
    tested, tuned = render([result(), result(2)], "Toy"), render([result(split="tune")], "Toy")
    assert "split: test" in tested
    assert "seeds: 1, 2" in tested
    assert "flatter" not in tested
    assert "flatter" in tuned


def test_seeds_are_added_and_ranges_span_them() -> None:
    results = [result(1, patience=3), result(2, patience=6)]
    (pool,) = pooled(results)
    theft = pool.campaigns["theft"]
    ratios = [one.campaigns["theft"].harvested_ratio for one in results]
    assert theft.harvested == sum(one.campaigns["theft"].harvested for one in results)
    assert (theft.ratio.low, theft.ratio.high) == (min(ratios), max(ratios))
    assert pool.honest_total.account_days == sum(one.honest_total.account_days for one in results)
    assert pool.honest_total.blocked == per_100k(0, pool.honest_total.account_days)


def test_aims_are_met_or_missed_by_what_was_counted() -> None:
    outcomes = {one.what: one.is_met for one in targets(pooled([result()]))}
    assert outcomes["honest accounts blocked"] is True
    assert outcomes["campaign grouping: completeness"] is False  # Patience names no campaign
    assert outcomes["harvested: theft"] is None  # neither level nor scale is known


def test_a_sweep_plays_the_guard_with_each_value() -> None:
    sweep = read_sweep("budget=10,0.1")
    jobs = swept([Job(scenario="toy", seed=1), Job(scenario="toy", seed=1, decider="card")], sweep)
    assert [job.decider for job in jobs] == ["guard:budget=0.1", "guard:budget=10"]
    plots = drawn(sweep, jobs, [result(), result()])
    assert plots["harvest"].count("<circle") == 2
    diluted = swept([Job(scenario="toy", seed=1)], read_sweep("dilution=0,0.5"))
    assert [job.dilution for job in diluted] == [0.0, 0.5]


@pytest.mark.parametrize("text", ["budget", "budget=a", "colour=1"])
def test_a_sweep_that_can_not_be_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--sweep"):
        read_sweep(text)


def test_only_what_lies_between_the_marks_of_a_page_is_written_anew() -> None:
    def page(text: str, also: str) -> str:
        results = f"<!-- results: begin -->{text}<!-- results: end -->"
        return f"before\n{results}\nbetween\n<!-- scale: begin -->{also}<!-- scale: end -->\nafter\n"

    first = inserted(page("\nold\n", "\nold\n"), "new")
    assert first == page("\n\nnew\n\n", "\nold\n")
    assert inserted(first, "more", "scale") == page("\n\nnew\n\n", "\n\nmore\n\n")


def test_axes_label_round_values_within_their_range() -> None:
    assert Axis("", 0.0, 1.0).ticks() == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert Axis("", 0.1, 1000.0, is_log=True).ticks() == pytest.approx([0.1, 1, 10, 100, 1000])
    assert Axis("", 0.1, 1000.0, is_log=True).place(0.0) == 0.0


def test_the_large_figures_are_those_of_the_first_decider_and_add_up() -> None:
    results = [result(1, patience=3), result(2, patience=6), result(decider="card", patience=9)]
    told = {tile.what: tile for tile in tiles(results[:2])}
    harvested = sum(one.campaigns["theft"].harvested for one in results[:2])
    exchanges = sum(one.campaigns["theft"].exchanges for one in results[:2])
    assert told["harvested"].figure == percent(harvested / exchanges, 1)
    assert f"of {exchanges:,} exchanges" in told["harvested"].about
    assert told["honest accounts blocked"].figure == "0"
    assert "2 of 2 campaigns" in told["first block after"].about
    page = render(results, "Toy")
    assert "At a glance: stream-guard" in page
    assert f'<div class="figure">{told["harvested"].figure}</div>' in page


def test_never_is_the_median_of_campaigns_that_mostly_were_not_blocked() -> None:
    told = {tile.what: tile.figure for tile in tiles([result(1, patience=3), *2 * [result(2, patience=500)]])}
    assert told["first block"] == "never"


def test_every_campaign_has_a_dot_for_each_decider_and_one_for_each_of_its_seeds() -> None:
    found = harvests([result(1), result(2), result(1, decider="card")])
    assert found is not None
    svg, legend = found
    assert svg.count("<circle") == 2 + 1 + 1  # two seeds and both together, and the other's only one
    assert [name for _, name in legend] == ["stream-guard", "card"]
    assert harvests([]) is None


def test_the_figures_of_one_traffic_and_decider_stand_together_seed_by_seed() -> None:
    page = render([result(1), result(2), result(1, decider="card")], "Toy")
    assert page.count("<details") == 2 + 2  # deciders, campaigns, and one for each decider
    assert page.count("<h3>seed 2: campaigns</h3>") == 1


def test_an_aim_over_several_seeds_is_judged_by_the_worst_of_them() -> None:
    good, bad = result(1), result(2)
    for one, purity in ((good, 1.0), (bad, 0.5)):
        one.campaigns["theft"] = replace(one.campaigns["theft"], purity=purity)
    outcomes = {one.what: one for one in targets(pooled([good, bad, replace(good, seed=3)]))}
    assert outcomes["campaign grouping: purity"].is_met is False
    assert "0.500 to 1.000" in outcomes["campaign grouping: purity"].found


def test_an_aim_says_when_the_first_block_came_only_where_most_seeds_had_one() -> None:
    def found(*patience: int) -> str:
        pools = pooled([result(seed, patience=each) for seed, each in enumerate(patience)])
        return {one.what: one.found for one in targets(pools)}["harvested: theft"]

    assert "blocked in 1 of 1 seeds, first after" in found(3)
    assert found(3, 4).endswith("at the median")
    assert found(3, 500, 500).endswith("blocked in 1 of 3 seeds")
