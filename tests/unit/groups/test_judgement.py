"""Laws of merging, of silence and of the line."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.groups.evidence import TESTS
from stream_guard.groups.judgement import (
    ACCOUNTS_AT_RISK,
    FIRST_INFO,
    HORIZON_DAYS,
    LEAST_RATIO,
    MOST_RATIO,
    judge,
    line,
    next_look,
)
from stream_guard.groups.kinds import KINDS, kind_for, weight
from stream_guard.records import INDICATOR_KINDS
from stream_guard.staking import staked
from tests.unit.groups.crowds import campaign
from tests.unit.groups.test_evidence import cohort_of, learnt, profiles, strangers

CROWD_PRONE = ("content_sameness", "sign_up_burst")
"""What a class and a hackathon show just by being one."""


def test_what_a_class_shows_by_being_one_does_not_reach_the_line() -> None:
    by_name = {test.name: test for test in TESTS}
    usual = line(candidates=200, accounts=1_000, false_blocks=1.0)
    caps_of = ((by_name[name].cause, by_name[name].cap) for name in CROWD_PRONE)
    assert sum(staked(cause, cap) for cause, cap in caps_of) < usual


def test_every_kind_of_the_records_is_weighed_and_silences_its_own_cause() -> None:
    assert KINDS.keys() == INDICATOR_KINDS.keys()
    for name, cause in INDICATOR_KINDS.items():
        assert cause in kind_for(f"{name}:x").silences
    assert kind_for("anything else:x").cause == "other"


def test_silent_causes_say_nothing() -> None:
    rng, view = np.random.default_rng(4), learnt(800)
    cohort = cohort_of([profiles(rng, account)[-1] for account in campaign(rng, 40)], view)
    loud = judge(cohort, frozenset())
    assert {"content", "load", "sign_up"} <= set(loud.causes)
    assert {"what", "when", "who"} <= set(loud.families)
    quiet = judge(cohort, frozenset({"content", "load"}))
    assert not {"content", "load"} & {evidence.cause for evidence in quiet.evidence}
    assert quiet.log_e < loud.log_e
    assert [e.weight for e in loud.evidence] == sorted((e.weight for e in loud.evidence), reverse=True)


@pytest.mark.parametrize("silences", [frozenset(), kind_for("network:x").silences])
def test_judgements_of_strangers_have_mean_e_at_most_one(silences: frozenset[str]) -> None:
    rng, view, pool = np.random.default_rng(31), learnt(800), strangers()
    found = []
    for _ in range(300):
        size = int(rng.choice([3, 8, 25]))
        chosen = [pool[i] for i in rng.choice(len(pool), size, replace=False)]
        cohort = cohort_of([each[rng.integers(len(each))] for each in chosen], view)
        found.append(exp(judge(cohort, silences).log_e))
    e_values = np.array(found)
    assert e_values.mean() - 2 * e_values.std() / len(e_values) ** 0.5 <= 1.0


def test_the_line_depends_on_candidates_per_account_not_on_the_size_of_the_provider() -> None:
    assert line(400, 1_000, 1.0) == pytest.approx(line(400_000, 1_000_000, 1.0))
    assert line(800, 1_000, 1.0) == pytest.approx(line(400, 1_000, 1.0) + log(2))


def test_the_line_falls_as_the_budget_grows_and_rises_with_each_candidate() -> None:
    assert line(400, 1_000, 10.0) == pytest.approx(line(400, 1_000, 1.0) - log(10))
    lines = [line(candidates, 1_000, 1.0) for candidates in (0, 1, 100, 400, 1_000, 2_000, 10**9)]
    assert lines == sorted(lines)
    assert np.isfinite(line(0, 0, 0.001))


@given(st.integers(0, 10**9), st.integers(0, 10**7), st.floats(1e-3, 1e3))
def test_whoever_floods_with_groups_raises_the_line_by_a_bounded_amount(
    candidates: int, accounts: int, budget: float
) -> None:
    lowest = line(0, accounts, budget)
    assert lowest <= line(candidates, accounts, budget) <= lowest + log(MOST_RATIO / LEAST_RATIO) + 1e-9


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.floats(1e-3, 1e3))
def test_candidates_cost_at_most_what_is_granted_for_the_horizon(
    candidates: int, accounts: int, budget: float
) -> None:
    """Each once, with the accounts it would cost, as long as the ratio is one that is believed."""
    if candidates > MOST_RATIO * accounts:
        return
    false_blocks = candidates * ACCOUNTS_AT_RISK * exp(-line(candidates, accounts, budget))
    assert false_blocks <= budget * HORIZON_DAYS * accounts / 100_000 * (1 + 1e-9)


def test_groups_are_looked_at_again_only_after_they_have_grown_and_sooner_where_suspected() -> None:
    for info in (0, 6, 9, 14, 100, 3_000):
        assert FIRST_INFO <= next_look(info, 9.0) <= next_look(info, 0.0)
        assert next_look(info, 9.0) > info


def test_common_values_weigh_nothing_and_rare_ones_much() -> None:
    assert weight("client:sdk", 0.6) < 0 < weight("payment:card", 0.001)
    assert weight("payment:card", 0.0001) > weight("payment:card", 0.001)
