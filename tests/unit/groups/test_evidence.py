"""Laws of the tests: fair to strangers they were not fitted on, capped for crowds of one kind."""

from functools import lru_cache
from math import exp

import numpy as np
import pytest
from numpy.random import Generator

from stream_guard.groups import reference
from stream_guard.groups.evidence import TESTS, ranks
from stream_guard.groups.evidence.cohort import Cohort, Test, witness
from stream_guard.groups.rows import Row
from stream_guard.groups.units import cards, representatives
from stream_guard.records import Conduct, Profile
from stream_guard.runtime.rows import LaneRows
from tests.unit.groups.crowds import HONEST_CROWDS, Account, campaign, crowd, profile_at, stranger
from tests.unit.groups.stream import Recorder

BY_NAME = {test.name: test for test in TESTS}


def profiles(rng: Generator, account: Account) -> list[Profile]:
    return [profile_at(rng, account, 1 << k) for k in range(1, 10) if len(account.times) >= 1 << k]


@lru_cache(maxsize=8)
def learnt(count: int, seed: int = 11) -> reference.Reference:
    """A reference that ``count`` strangers taught."""
    rng, rows, out = np.random.default_rng(seed), LaneRows(Row, 100), Recorder()
    for i in range(count):
        for profile in profiles(rng, stranger(rng, f"r-{i}")):
            reference.learn(rows, profile, out)
    return reference.Reference(rows)


@lru_cache(maxsize=1)
def strangers() -> list[list[Profile]]:
    """Other strangers, none of whom taught the reference."""
    rng = np.random.default_rng(12)
    return [found for i in range(600) if (found := profiles(rng, stranger(rng, f"t-{i}")))]


def cohort_of(accounts: list[Profile], view: reference.Reference, indicator: str = "") -> Cohort:
    """All of them as witnesses, or, where an indicator formed the group, one of each unit as in GROUPS."""
    accounts = sorted(accounts, key=lambda profile: profile.account_id)
    units = representatives(indicator, accounts) if indicator else accounts
    return Cohort([witness(profile, view) for profile in units], view, indicator, cards(accounts))


def readings(test: Test, count: int, cohorts: int = 400) -> list[float]:
    """Capped e-values over cohorts of strangers of all sizes and ages."""
    rng, view, found = np.random.default_rng(13), learnt(count), []
    pool = strangers()
    for _ in range(cohorts):
        size = int(rng.choice([3, 5, 10, 30, 60]))
        chosen = [pool[i] for i in rng.choice(len(pool), size, replace=False)]
        cohort = cohort_of([each[rng.integers(len(each))] for each in chosen], view)
        reading = test.read(cohort)
        if reading is not None:
            found.append(exp(min(reading.log_e, test.cap)))
    return found


@pytest.mark.parametrize("count", [40, 200, 800])
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_e_values_of_strangers_have_mean_at_most_one(name: str, count: int) -> None:
    found = np.array(readings(BY_NAME[name], count))
    assert len(found) > 100
    assert found.mean() - 2 * found.std() / len(found) ** 0.5 <= 1.0


@pytest.mark.parametrize("doubt", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("crowd_sd", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("size", [3, 10, 100])
def test_rank_bets_are_fair_to_crowds_that_are_a_kind_of_their_own(
    doubt: float, crowd_sd: float, size: int
) -> None:
    rng = np.random.default_rng(size)
    kinds = rng.normal(0, crowd_sd, 4000)
    scores = np.sort(kinds[:, None] + rng.normal(0, 1, (4000, size)), axis=1)
    found = np.array([exp(ranks.log_e(row, ranks.CROWD, doubt)) for row in scores.tolist()])
    assert found.mean() - 3 * found.std() / len(found) ** 0.5 <= 1.0


@pytest.mark.parametrize("spread", [0.6, 0.8, 1.5])
def test_evenness_is_fair_to_crowds_as_narrow_as_it_allows(spread: float) -> None:
    rng, view, test = np.random.default_rng(2), learnt(200), BY_NAME["load_evenness"]
    found = []
    for _ in range(2000):
        accounts = []
        for i in range(int(rng.choice([3, 8, 20]))):
            life_ms = int(86_400_000 * np.exp(1.5 + rng.normal(0, spread)))
            accounts.append(
                Profile(f"a-{i}", 32, f"a-{i}", Conduct(0, max(life_ms, 30_000_000), answered=32))
            )
        reading = test.read(cohort_of(accounts, view))
        assert reading is not None
        found.append(exp(min(reading.log_e, test.cap)))
    values = np.array(found)
    assert values.mean() - 3 * values.std() / len(values) ** 0.5 <= 1.0


@pytest.mark.parametrize("kind", sorted(HONEST_CROWDS))
def test_no_test_says_more_of_an_honest_crowd_than_its_cap(kind: str) -> None:
    rng, view = np.random.default_rng(21), learnt(800)
    for size in (5, 30, 120):
        accounts = [
            found[-1] for a in crowd(rng, size, kind, HONEST_CROWDS[kind]) if (found := profiles(rng, a))
        ]
        for test in TESTS:
            reading = test.read(cohort_of(accounts, view))
            assert reading is None or np.isfinite(reading.log_e)
            if test.cap > 6 and reading is not None:  # of those that may say much
                assert reading.log_e < 6, (test.name, size)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("content_sameness", 4.0),
        ("prompt_labels", 2.0),
        ("load_evenness", 6.0),
        ("no_night", 0.7),
        ("sign_up_burst", 4.0),
    ],
)
def test_a_campaign_is_heard(name: str, least: float) -> None:
    heard = []
    for seed in range(8):
        rng, view = np.random.default_rng(100 + seed), learnt(800)
        accounts = [profiles(rng, a)[-1] for a in campaign(rng, 40)]
        reading = BY_NAME[name].read(cohort_of(accounts, view))
        assert reading is not None
        heard.append(reading.log_e)
    assert np.median(heard) > least


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_odd_members_break_no_test(name: str) -> None:
    nan = float("nan")
    odd = [
        Profile("empty", 4, "empty", Conduct(0, 0)),
        Profile("nan", 64, "nan", Conduct(5, 1, log_gap_var=nan, hidden_ratio=nan, mismatch_ratio=nan)),
        Profile("short", 8, "short", Conduct(0, 10**9, hours=(1, 2)), sketch=b"abc", sketched=3),
        Profile("zero", 8, "zero", Conduct(0, 10**9, hours=(0,) * 24), sketch=bytes(128), sketched=0),
        Profile("none", 1, "none"),
    ]
    for view in (learnt(0), learnt(200)):
        reading = BY_NAME[name].read(cohort_of(odd * 3, view))
        assert reading is None or np.isfinite(reading.log_e)
        assert BY_NAME[name].read(cohort_of([], view)) is None


def test_every_test_has_a_cause_a_family_and_an_argument() -> None:
    assert len({test.name for test in TESTS}) == len(TESTS) >= 5
    assert {test.family for test in TESTS} == {"what", "when", "who", "links"}
    for test in TESTS:
        text = __import__(test.read.__module__, fromlist=["TEST"]).__doc__ or ""
        for part in ("Idea.", "Null", "reference", "e-value", "Fails.", "Source.", "Cost"):
            assert part.lower() in text.lower(), (test.name, part)
        assert any(part in text for part in ("Formula.", "`ranks.py`", "`bonds.py`")), test.name
