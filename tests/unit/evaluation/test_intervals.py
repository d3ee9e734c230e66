"""Exact intervals: known values, and that they hold what they promise."""

from math import comb, exp, factorial, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.evaluation.intervals import of_mean, of_rate, of_share

TAIL = 0.025


def test_of_nothing_in_n_account_days_the_rate_may_still_be_three_point_seven_over_n() -> None:
    assert of_rate(0, 100.0).low == 0.0
    assert of_rate(0, 100.0).high == pytest.approx(-log(TAIL) / 100)


@given(st.integers(0, 30), st.integers(1, 30))
def test_at_either_end_of_a_share_the_count_is_just_that_unlikely(hits: int, more: int) -> None:
    of = hits + more
    low, high = of_share(hits, of)
    assert low < hits / of + 1e-12 < high + 1e-12

    def at_most(count: int, p: float) -> float:
        return sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(count + 1))

    assert at_most(hits, high) == pytest.approx(TAIL)
    if hits:
        assert 1 - at_most(hits - 1, low) == pytest.approx(TAIL)


@given(st.integers(0, 30), st.floats(0.1, 100))
def test_at_either_end_of_a_rate_the_count_is_just_that_unlikely(hits: int, exposure: float) -> None:
    low, high = of_rate(hits, exposure)

    def at_most(count: int, mean: float) -> float:
        return sum(exp(-mean) * mean**k / factorial(k) for k in range(count + 1))

    assert at_most(hits, high * exposure) == pytest.approx(TAIL)
    if hits:
        assert 1 - at_most(hits - 1, low * exposure) == pytest.approx(TAIL)


def test_all_of_them_may_be_all() -> None:
    assert of_share(5, 5).high == 1.0
    assert of_rate(3, 0.0).high == float("inf")


def test_a_mean_of_seeds_lies_within_its_interval_and_more_seeds_narrow_it() -> None:
    few, many = of_mean([0.2, 0.3, 0.4]), of_mean([0.2, 0.3, 0.4] * 5)
    assert few is not None
    assert many is not None
    assert few.low == pytest.approx(
        0.3 - 4.3027 * 0.1 / 3**0.5, abs=1e-4
    )  # Student's 97.5 % with two degrees
    assert few.low < many.low < 0.3 < many.high < few.high
    assert of_mean([0.5]) is None
    assert of_mean([0.0, 1.0]) == (0.0, 1.0)
    assert of_mean([1.0, 1.0, 1.0]) == (1.0, 1.0)
