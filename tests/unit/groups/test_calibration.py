"""Laws of fairness to honest accounts of the simulator: half of them taught, the other half is judged."""

from math import log

import pytest

from stream_guard.groups.evidence import TESTS
from stream_guard.groups.judgement import line
from stream_guard.simulator.order import Order
from tests.benchmarks.calibration import ALL, Values, draw, honest, interval, learnt, of_groups, of_strangers


@pytest.fixture(scope="module", params=[5, 6])
def measured(request: pytest.FixtureRequest) -> tuple[Values, Values]:
    people = honest(Order(seed=request.param, accounts=1_500, days=3.0, sketch_ratio=0.5))
    view, judged = learnt(people.taught), [people.judged[name] for name in sorted(people.judged)]
    assert len(judged) > 300
    return of_strangers(judged, view, 300), of_groups(judged, view)


@pytest.mark.parametrize("name", [*(test.name for test in TESTS), ALL])
def test_e_values_of_strangers_from_the_simulator_have_mean_at_most_one(
    measured: tuple[Values, Values], name: str
) -> None:
    strangers, _ = measured
    assert len(strangers[name]) > 100
    assert interval(strangers[name])[1] <= 1.0


def test_what_honest_groups_say_in_all_is_fair_and_below_the_lowest_line(
    measured: tuple[Values, Values],
) -> None:
    """Though single tests hear classes and hackathons: that is what causes are averaged and staked for."""
    _, groups = measured
    assert len(groups[ALL]) > 20
    assert interval(groups[ALL])[1] <= 1.0
    assert log(max(groups[ALL])) < line(looks=1, account_days=1_000_000, false_blocks=1.0)


def test_the_picture_shows_every_test_in_bounds(measured: tuple[Values, Values]) -> None:
    picture = draw([("strangers", measured[0]), ("groups", measured[1])])
    assert picture.count("<circle") >= 2 * len(TESTS)
    assert "nan" not in picture
    for test in TESTS:
        assert f">{test.name}<" in picture
