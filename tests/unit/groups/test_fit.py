"""Laws of fit: a member's own conduct against that of its group and that of honest accounts."""

from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream_guard.groups.conduct import STATISTICS, values_of
from stream_guard.groups.evidence.cohort import witness
from stream_guard.groups.fit import LEAST_TERM, MOST_FIT, MOST_TERM, TELLING, TEMPER, conduct_of, fit
from stream_guard.groups.levels import BINS, mass_of
from stream_guard.groups.reference import Reference
from stream_guard.groups.rows import GroupConduct
from stream_guard.records import Evidence, Profile
from tests.unit.groups.crowds import campaign, stranger
from tests.unit.groups.test_evidence import cohort_of, learnt, profiles

ALIKE = (Evidence("content_sameness", 0.8, 0.0, 4.0, "content", "what"),)


def farm_and_strangers(seed: int, requests: int = 16) -> tuple[list[Profile], list[Profile]]:
    rng = np.random.default_rng(seed)
    farm = [p for a in campaign(rng, 40) for p in profiles(rng, a) if p.requests == requests]
    drawn = (stranger(rng, f"q-{seed}-{i}") for i in range(120))
    return farm, [p for a in drawn for p in profiles(rng, a) if p.requests == requests]


def fits(group: GroupConduct, accounts: list[Profile], view: Reference) -> NDArray[np.float64]:
    return np.array([fit(group, witness(account, view)) for account in accounts])


@pytest.mark.parametrize("seed", range(5))
def test_members_fit_and_strangers_who_stand_among_them_do_not(seed: int) -> None:
    farm, strangers = farm_and_strangers(seed)
    view, bystanders = learnt(800), strangers[:8]
    group = conduct_of(cohort_of([*farm, *bystanders], view), ALIKE)
    members, others = fits(group, farm, view), fits(group, strangers, view)
    assert np.median(members) > 1.0
    assert np.mean(others > 0.5) < 0.1
    assert np.mean(others) < 0


@pytest.mark.parametrize("seed", range(5))
def test_nobody_fits_a_crowd_of_strangers(seed: int) -> None:
    """In the mean: each of them lives where the honest live, and his own place in the group is left out."""
    _, strangers = farm_and_strangers(seed)
    view = learnt(800)
    found = fits(conduct_of(cohort_of(strangers[:40], view), ()), strangers[:40], view)
    assert found.mean() < 0.5
    assert np.mean(found > 1.0) <= exp(-1.0 / TEMPER)  # Markov, on the likelihood ratio before it is tempered


def test_no_statistic_says_more_than_its_bound_and_nothing_is_said_without_members() -> None:
    farm, strangers = farm_and_strangers(1)
    view = learnt(800)
    group = conduct_of(cohort_of(farm, view), ())
    for statistic in range(len(STATISTICS)):
        alone = GroupConduct(
            counts=[counts if place == statistic else b"" for place, counts in enumerate(group.counts)]
        )
        for found in fits(alone, [*farm, *strangers], view):
            assert TEMPER * LEAST_TERM <= found <= TEMPER * MOST_TERM
    assert not fits(GroupConduct(), farm, view).any()


def test_where_everybody_sits_says_nothing() -> None:
    """A group like all honest accounts, at a value that nearly all of them show, speaks neither way."""
    _, strangers = farm_and_strangers(6)
    view = learnt(800)
    one = witness(strangers[0], view)
    alike = [
        [round(200 * m / sum(mass)) for m in mass] for mass in (mass_of(one.level, n) for n in range(19))
    ]
    found = fit(GroupConduct(counts=[bytes(counts) for counts in alike]), one)
    assert abs(found) < 0.5


def test_accounts_of_few_requests_shape_no_group() -> None:
    farm, _ = farm_and_strangers(2, TELLING // 2)
    assert len(farm) >= 30
    group = conduct_of(cohort_of(farm, learnt(800)), ())
    assert set(group.counts) == {b""}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=BINS, max_size=BINS) | st.just(b""), min_size=len(STATISTICS), max_size=19),
    st.integers(0, 30),
)
def test_a_fit_is_finite_and_bounded_whatever_the_group(counts: list[bytes], place: int) -> None:
    farm, strangers = farm_and_strangers(3)
    accounts = [*farm, *strangers]
    found = fit(GroupConduct(counts=counts), witness(accounts[place % len(accounts)], learnt(800)))
    assert abs(found) <= MOST_FIT


def test_conduct_that_has_none_fits_nowhere() -> None:
    farm, _ = farm_and_strangers(4)
    group = conduct_of(cohort_of(farm, learnt(800)), ALIKE)
    hello = Profile("new", 1, "new")
    assert values_of(hello) == (None,) * len(STATISTICS)
    assert fit(group, witness(hello, learnt(800))) == 0.0
