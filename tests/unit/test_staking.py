"""Laws of staking: a part of an e-value staked is an e-value again, and can be lost but for a bound."""

from math import exp, fsum, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.groups.evidence import TESTS
from stream_guard.staking import STAKE, STAKES, staked

causes = st.sampled_from([*sorted(STAKES), "load"])
logs = st.floats(-700, 700)
bets = st.lists(st.tuples(st.floats(-30, 30), st.floats(0.01, 1.0)), min_size=1, max_size=8)


@given(causes, bets)
def test_a_staked_e_value_is_an_e_value(cause: str, drawn: list[tuple[float, float]]) -> None:
    """Whatever it is worth and however likely: where its mean is one, that of what is staked is one."""
    whole = fsum(chance for _, chance in drawn)
    scale = log(fsum(exp(log_e) * chance for log_e, chance in drawn) / whole)
    mean = fsum(exp(staked(cause, log_e - scale)) * chance for log_e, chance in drawn) / whole
    assert mean == pytest.approx(1.0)


@given(causes, logs, logs)
def test_more_evidence_is_never_worth_less(cause: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert staked(cause, low) <= staked(cause, high)


@given(causes, logs)
def test_a_cause_costs_and_loses_no_more_than_its_part(cause: str, log_e: float) -> None:
    stake = STAKES.get(cause, STAKE)
    assert staked(cause, log_e) >= -log(1 / (1 - stake)) - 1e-12
    assert staked(cause, log_e) >= log_e - log(1 / stake) - 1e-9
    assert staked(cause, log_e) <= max(log_e, 0.0) + 1e-9


def test_who_says_nothing_either_way_changes_nothing() -> None:
    for cause in (*STAKES, "load"):
        assert staked(cause, 0.0) == pytest.approx(0.0)


def test_parts_are_fixed_for_causes_that_there_are() -> None:
    assert STAKES.keys() <= {test.cause for test in TESTS}
    assert all(0 < stake < 1 for stake in (*STAKES.values(), STAKE))
