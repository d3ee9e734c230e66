"""The seams of River that we lean on: how its models hold their state.

A River upgrade that moves one of them must fail here, loudly, and not in somebody's changelog.
"""

import random

import pytest
from river import anomaly, drift, stats

from stream_guard.accounts.models import FADING, MEANS, VARIANCES, Averages, DailyLevel, HourlyVolume
from stream_guard.accounts.population import FEATURES, WINDOW, _masses, _new_trees, _restore


def test_a_running_mean_is_value_alphas_and_a_flag() -> None:
    mean = stats.EWMean(FADING)
    assert len(mean._ewmean.__getstate__()) == 33
    assert mean._ewmean.__getstate__()[24] == 0
    mean.update(1.5)
    assert mean._ewmean.__getstate__()[24] == 1


def test_a_running_variance_is_two_running_means() -> None:
    variance = stats.EWVar(FADING)
    variance.update(1.5)
    assert len(variance._ewvar.__getstate__()) == 66


@pytest.mark.parametrize("updates", [0, 1, 2, 50])
def test_averages_restored_go_on_bit_for_bit_like_river_itself(updates: int) -> None:
    rng = random.Random(updates)
    averages, river_mean, river_var = Averages(), stats.EWMean(FADING), stats.EWVar(FADING)
    for i in range(updates + 20):
        value = rng.lognormvariate(3, 2)
        for name in MEANS + VARIANCES:
            getattr(averages, name).update(value)
        river_mean.update(value)
        river_var.update(value)
        if i == updates:
            averages = Averages.restore(averages.snapshot())
    assert averages.turn.get() == river_mean.get()
    assert averages.log_gap.get() == river_var.get()
    assert averages.mean_of("log_gap") == river_mean.get(), "a variance holds the mean beside it"


def test_an_untouched_average_survives_as_untouched() -> None:
    averages = Averages()
    averages.turn.update(2.0)
    again = Averages.restore(averages.snapshot())
    assert again.mean_of("log_gap") == 0.0
    again.log_gap.update(7.0)
    assert again.mean_of("log_gap") == 7.0
    assert again.turn.get() == 2.0


def test_hourly_volume_restored_scores_like_river_itself() -> None:
    rng = random.Random(1)
    volume, scorer = HourlyVolume(), anomaly.GaussianScorer(grace_period=HourlyVolume.GRACE)
    for i in range(300):
        value = rng.gauss(2, 0.5)
        scorer.learn_one(None, value)
        volume.learn_one(value)
        if i % 37 == 0:
            volume = HourlyVolume.restore(volume.snapshot())
        assert volume.score_one(9.0) == scorer.score_one(None, 9.0)


def test_a_daily_level_restored_detects_like_river_itself() -> None:
    rng = random.Random(1)
    level, detector = DailyLevel(), drift.PageHinkley(min_instances=7, delta=0.1, threshold=6.0)
    found = []
    for day in range(120):
        value = rng.gauss(2 if day < 60 else 4.3, 0.4)
        detector.update(value)
        if level.update(value):
            found.append(day)
        assert bool(detector.drift_detected) == (found[-1:] == [day])
        if day % 17 == 0:
            level = DailyLevel.restore(level.snapshot())
    assert found, "a tenfold change is found"
    assert min(found) >= 60, "and nothing before it"


def test_half_space_trees_are_their_masses() -> None:
    rng = random.Random(4)
    trees = _new_trees()
    samples = [{name: rng.random() for name in FEATURES} for _ in range(WINDOW)]
    for sample in samples:
        trees.learn_one(sample)
    assert trees.counter == 0, "a full window turns over by itself"
    again = _restore(_masses(trees))
    assert [again.score_one(s) for s in samples] == [trees.score_one(s) for s in samples]


def test_half_space_trees_built_early_equal_river_s_own() -> None:
    rng = random.Random(4)
    ours = _new_trees()
    river = anomaly.HalfSpaceTrees(
        n_trees=ours.n_trees, height=ours.height, window_size=WINDOW, seed=ours.seed,
        limits=dict.fromkeys(FEATURES, (0.0, 1.0)),
    )  # fmt: skip
    samples = [{name: rng.random() for name in FEATURES} for _ in range(2 * WINDOW)]
    for sample in samples:
        ours.learn_one(sample)
        river.learn_one(sample)
    assert [ours.score_one(s) for s in samples] == [river.score_one(s) for s in samples]
