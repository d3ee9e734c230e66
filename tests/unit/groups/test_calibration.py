"""Laws of fairness to honest accounts of the simulator: half of them taught, the other half is judged."""

from math import log

import pytest

from stream_guard.groups.evidence import TESTS
from stream_guard.groups.judgement import line
from stream_guard.simulator.order import Order
from tests.benchmarks.calibration import (
    ALL,
    EVER,
    Values,
    draw,
    honest,
    interval,
    learnt,
    of_groups,
    of_looks,
    of_strangers,
)

Measured = tuple[Values, Values, list[float]]


@pytest.fixture(scope="module", params=[5, 6])
def measured(request: pytest.FixtureRequest) -> Measured:
    people = honest(Order(seed=request.param, accounts=1_500, days=3.0, sketch_ratio=0.5))
    view, judged = learnt(people.taught), people.judged
    assert len(judged) > 300
    return of_strangers(judged, view, 300), of_groups(judged, view), of_looks(people.history, view)


@pytest.mark.parametrize("name", [*(test.name for test in TESTS), ALL])
def test_e_values_of_strangers_from_the_simulator_have_mean_at_most_one(
    measured: Measured, name: str
) -> None:
    strangers, *_ = measured
    assert len(strangers[name]) > 100
    assert interval(strangers[name])[1] <= 1.0


@pytest.mark.parametrize("name", ["ties", "instruments"])
def test_what_binds_honest_groups_has_mean_at_most_one_as_well(measured: Measured, name: str) -> None:
    _, groups, _ = measured
    assert len(groups[name]) > 20
    assert interval(groups[name])[1] <= 1.0


def test_what_honest_groups_say_in_all_is_fair_and_below_the_lowest_line(measured: Measured) -> None:
    """Though single tests hear classes and hackathons: that is what causes are averaged and staked for."""
    _, groups, ever = measured
    assert len(groups[ALL]) > 20
    assert interval(groups[ALL])[1] <= 1.0
    assert log(max(ever)) < line(candidates=1, accounts=1_000_000, false_blocks=1.0)


def test_the_largest_e_value_that_honest_groups_ever_show_has_mean_at_most_one(measured: Measured) -> None:
    """Over all looks at each candidate group: the line for groups rests on it, by Markov."""
    _, groups, ever = measured
    assert len(ever) >= 0.9 * len(groups[ALL])
    assert interval(ever)[1] <= 1.0


def test_the_picture_shows_every_test_in_bounds(measured: Measured) -> None:
    strangers, groups, ever = measured
    picture = draw([("strangers", strangers), ("groups", groups), (EVER, {ALL: ever})])
    assert picture.count("<circle") >= 2 * len(TESTS)
    assert f"{ALL}, {EVER}: " in picture
    assert "nan" not in picture
    for test in TESTS:
        assert f">{test.name}<" in picture
