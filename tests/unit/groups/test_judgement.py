"""Laws of merging, of silence and of the line."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.groups.evidence import TESTS
from stream_guard.groups.judgement import FIRST_INFO, MOST_RATIO, judge, line, next_look
from stream_guard.groups.kinds import KINDS, kind_for, weight
from stream_guard.records import INDICATOR_KINDS
from tests.unit.groups.crowds import campaign
from tests.unit.groups.test_evidence import cohort_of, learnt, profiles, strangers

CROWD_PRONE = ("content_sameness", "sign_up_burst")
"""What a class and a hackathon show just by being one."""


def test_what_a_class_shows_by_being_one_does_not_reach_the_line() -> None:
    caps = {test.name: test.cap for test in TESTS}
    lowest = line(looks=1, account_days=1_000_000, false_blocks=1.0)
    merged = [log((exp(caps["content_sameness"]) + 1) / 2), log((1 + exp(caps["sign_up_burst"])) / 2)]
    assert sum(merged) < lowest


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


def test_the_line_depends_on_looks_per_account_day_not_on_the_size_of_the_provider() -> None:
    assert line(400, 1_000, 1.0) == pytest.approx(line(400_000, 1_000_000, 1.0))
    assert line(800, 1_000, 1.0) == pytest.approx(line(400, 1_000, 1.0) + log(2))


def test_the_line_falls_as_the_budget_grows_and_rises_with_each_look() -> None:
    assert line(400, 1_000, 10.0) == pytest.approx(line(400, 1_000, 1.0) - log(10))
    lines = [line(looks, 1_000, 1.0) for looks in (0, 1, 100, 400, 1_000, 4_000, 10**9)]
    assert lines == sorted(lines)
    assert np.isfinite(line(0, 0, 0.001))


@given(st.integers(0, 10**7), st.floats(0, 10**7), st.floats(1e-3, 1e3))
def test_looks_cost_at_most_the_grant_together(looks: int, account_days: float, budget: float) -> None:
    """All looks of all days, each at the line of its time, as long as the ratio is one that is believed."""
    if looks > MOST_RATIO * max(account_days, 1.0):
        return
    false_blocks = looks * exp(-line(looks, account_days, budget))
    assert false_blocks <= budget * max(account_days, 1.0) / 100_000 * (1 + 1e-9)


def test_groups_are_looked_at_again_only_after_they_have_grown_and_sooner_where_suspected() -> None:
    for info in (0, 6, 9, 14, 100, 3_000):
        assert FIRST_INFO <= next_look(info, 9.0) <= next_look(info, 0.0)
        assert next_look(info, 9.0) > info


def test_common_values_weigh_nothing_and_rare_ones_much() -> None:
    assert weight("client:sdk", 0.6) < 0 < weight("payment:card", 0.001)
    assert weight("payment:card", 0.0001) > weight("payment:card", 0.001)
