"""Laws of what operators' labels may do."""

import numpy as np
import pytest

from stream_guard.campaigns.labels import MOST_BONUS, WARM, LabelModel


def odds(rng: np.random.Generator, *, is_right: bool) -> dict[str, float]:
    return {"fit": float(rng.normal(4 if is_right else 0)), "payment": float(rng.uniform(0, 6))}


def taught(count: int = 200) -> LabelModel:
    rng, model = np.random.default_rng(1), LabelModel()
    for i in range(count):
        model.learn_one(odds(rng, is_right=i % 2 == 0), is_right=i % 2 == 0)
    return model


def test_labels_add_at_most_a_little_and_never_take_away() -> None:
    model, rng = taught(), np.random.default_rng(2)
    bonuses = [model.bonus({"fit": float(rng.normal(0, 100)), "network": 3.0}) for _ in range(200)]
    assert min(bonuses) >= 0
    assert max(bonuses) <= MOST_BONUS


def test_labels_say_nothing_until_both_kinds_were_seen() -> None:
    rng, model = np.random.default_rng(3), LabelModel()
    for _ in range(5 * WARM):
        model.learn_one(odds(rng, is_right=True), is_right=True)
    assert model.bonus({"fit": 5.0}) == 0.0


def test_what_was_confirmed_gains_and_what_was_refuted_does_not() -> None:
    model = taught()
    assert model.bonus({"fit": 5.0, "payment": 3.0}) > 0
    assert model.bonus({"fit": -1.0, "payment": 3.0}) == 0.0


@pytest.mark.parametrize("count", [0, 1, 7, 200])
def test_a_restored_model_behaves_the_same_bit_for_bit(count: int) -> None:
    model = taught(count)
    again = LabelModel.restore(model.snapshot())
    assert again.snapshot() == model.snapshot()
    rng = np.random.default_rng(4)
    for i in range(50):
        drawn = odds(rng, is_right=i % 3 == 0)
        model.learn_one(drawn, is_right=i % 3 == 0)
        again.learn_one(drawn, is_right=i % 3 == 0)
        assert again.bonus(drawn) == model.bonus(drawn)
    assert again.snapshot() == model.snapshot()


def test_odd_odds_pass() -> None:
    model = taught()
    model.learn_one({"fit": float("nan"), "unknown": 3.0}, is_right=True)
    assert 0 <= model.bonus({"fit": float("inf")}) <= MOST_BONUS
