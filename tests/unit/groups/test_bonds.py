"""Laws of what accounts share besides what formed their group: ties, and cards with several accounts."""

from math import comb, exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator

from stream_guard.groups.evidence import shared_cards, ties
from stream_guard.groups.evidence.cohort import Cohort, Reading
from stream_guard.groups.evidence.shared_cards import HONEST, MIN_CARDS
from stream_guard.groups.evidence.ties import DIMENSIONS, MIN_KNOWN, MOST, RARE
from stream_guard.groups.judgement import VOTE, judge
from stream_guard.groups.kinds import kind_for
from stream_guard.groups.reference import Reference
from stream_guard.groups.rows import POPULAR, PopularRow, Row
from stream_guard.records import Conduct, Profile, kind_of
from stream_guard.runtime.rows import LaneRows
from tests.unit.groups.crowds import HONEST_CROWDS, crowd
from tests.unit.groups.test_evidence import cohort_of, learnt, profiles, strangers


def shows(name: str, *indicators: str, unit: str = "") -> Profile:
    return Profile(name, 16, unit or name, Conduct(0, 10**8, answered=16), tuple(sorted(indicators)))


def dealt(rng: Generator, size: int = 60, cards: int = 20, rest: int = 6) -> list[Profile]:
    """A farm that deals its cards, devices and networks over its accounts; its client formed the group."""
    farm = []
    for i in range(size):
        device, network = rng.integers(rest, size=2)
        shared = (f"payment:card-{i % cards}", f"device:d-{device}", f"network:n-{network}")
        farm.append(shows(f"bad-{i:03d}", "client:farm", *shared))
    return farm


def read_ties(cohort: Cohort) -> Reading:
    reading = ties.read(cohort)
    assert reading is not None
    return reading


@pytest.mark.parametrize("seed", range(5))
def test_both_speak_of_a_farm_that_deals_cards_devices_and_networks(seed: int) -> None:
    cohort = cohort_of(dealt(np.random.default_rng(seed)), learnt(800), "client:farm")
    assert len(cohort.witnesses) == 20  # one a card
    tied, paid = read_ties(cohort), shared_cards.read(cohort)
    assert tied.log_e > 2.0  # devices, with networks forgiven; that cards never repeat among units costs 0.8
    assert tied.value == 2.0
    assert paid is not None
    assert paid.log_e > shared_cards.TEST.cap  # three accounts on each of twenty cards
    judged = judge(cohort, kind_for("client:farm").silences)
    assert "card" in judged.causes
    assert {"ties", "shared_cards"} <= {said.name for said in judged.evidence}


def test_what_formed_the_group_is_no_tie_and_no_card() -> None:
    """A farm that shares one card says nothing of cards in that card's group, and one device forgives one."""
    farm = [shows(f"a-{i}", "payment:one", "device:d") for i in range(30)]
    assert "card" in kind_for("payment:one").silences
    assert read_ties(cohort_of(farm, learnt(800), "payment:one")).log_e <= 0
    farm = [shows(f"a-{i}", "payment:one", "device:d", "network:n") for i in range(30)]
    assert read_ties(cohort_of(farm, learnt(800), "payment:one")).log_e > VOTE


@pytest.mark.parametrize("forming", ["network:class", "template:essay"])
@pytest.mark.parametrize("size", [5, 30, 120])
def test_a_class_that_shares_its_network_and_its_template_alone_has_no_ties(forming: str, size: int) -> None:
    pupils = [
        shows(f"p-{i:03d}", "network:class", "template:essay", f"payment:p-{i}", f"device:d-{i}")
        for i in range(size)
    ]
    cohort = cohort_of(pupils, learnt(800), forming)
    reading = read_ties(cohort)
    assert reading.log_e <= 0
    assert reading.value <= 1.0
    assert "ties" not in judge(cohort, kind_for(forming).silences).causes


@pytest.mark.parametrize("count", [0, 10, 40, 800])
@pytest.mark.parametrize("kind", sorted(HONEST_CROWDS))
def test_ties_of_honest_crowds_have_mean_e_at_most_one_whatever_formed_the_group(
    kind: str, count: int
) -> None:
    view, found = learnt(count), []
    for seed in range(12):
        rng = np.random.default_rng(400 + seed)
        size = int(rng.choice([4, 12, 40]))
        members = [
            each[-1] for a in crowd(rng, size, kind, HONEST_CROWDS[kind]) if (each := profiles(rng, a))
        ]
        for forming in sorted({name for name in members[0].indicators if name.endswith(f":{kind}")}):
            reading = ties.read(cohort_of(members, view, forming))
            if reading is not None:
                found.append(exp(min(reading.log_e, ties.TEST.cap)))
    if count < MIN_KNOWN:
        assert not found  # nothing is known to be rare yet
        return
    assert len(found) >= 10
    values = np.array(found)
    assert values.mean() - 2 * values.std() / len(values) ** 0.5 <= 1.0


@pytest.mark.parametrize("count", [40, 200, 800])
def test_ties_of_strangers_who_use_popular_tools_have_mean_e_at_most_one(count: int) -> None:
    """Also with a reference that hardly knows what is popular."""
    rng, view, found = np.random.default_rng(51), learnt(count), []
    pool = strangers()
    for _ in range(300):
        size = int(rng.choice([3, 8, 25, 60]))
        chosen = [pool[i][0] for i in rng.choice(len(pool), size, replace=False)]
        found.append(exp(read_ties(cohort_of(chosen, view, "network:x")).log_e))
    values = np.array(found)
    assert values.mean() - 2 * values.std() / len(values) ** 0.5 <= 1.0


@pytest.mark.parametrize("share", [0.002, 0.005, 0.009])
def test_ties_are_fair_where_strangers_draw_from_values_as_rare_as_the_reference_says(share: float) -> None:
    """Two dimensions of values that honest accounts show with a known share, drawn independently."""
    rng, rows, values = np.random.default_rng(52), LaneRows(Row, 100), round(1 / share)
    shown = {
        f"{kind}:{i}": round(share * 10_000)
        for kind in ("device", "network", "payment")
        for i in range(values)
    }
    rows.put(POPULAR, PopularRow(shown, accounts=10_000))
    view, found = Reference(rows), []
    for _ in range(400):
        draws = rng.integers(values, size=(30, 3))
        crowd_ = [
            shows(f"a-{i:02d}", f"device:{d}", f"network:{n}", f"payment:{p}")
            for i, (d, n, p) in enumerate(draws)
        ]
        found.append(exp(read_ties(cohort_of(crowd_, view)).log_e))
    e_values = np.array(found)
    assert e_values.mean() - 2 * e_values.std() / len(e_values) ** 0.5 <= 1.0


def test_popular_values_tie_nobody_and_no_dimension_says_more_than_its_bound() -> None:
    rows = LaneRows(Row, 100)
    rows.put(POPULAR, PopularRow({"device:popular": 200, "network:popular": 200}, accounts=1_000))
    everybody = [shows(f"a-{i:02d}", "device:popular", "network:popular") for i in range(40)]
    assert read_ties(cohort_of(everybody, Reference(rows))).log_e <= 0
    one_hand = [
        shows(f"a-{i:03d}", *(f"{kind}:one" for kind in sorted(DIMENSIONS) if kind != "payment"))
        for i in range(200)
    ]
    reading = read_ties(cohort_of(one_hand, learnt(800)))
    dimensions = len(set(DIMENSIONS.values()))
    assert MOST < reading.log_e <= (dimensions - 1) * MOST
    assert reading.value == dimensions


@pytest.mark.parametrize("share", [0.0, 0.1, HONEST])
@pytest.mark.parametrize("number", [MIN_CARDS, 10, 60])
def test_shared_cards_are_fair_to_every_honest_share_up_to_the_granted_one(number: int, share: float) -> None:
    """Exactly: the expectation over all counts, before the cap."""
    expected = 0.0
    for several in range(number + 1):
        cards = [2] * several + [1] * (number - several)
        reading = shared_cards.read(Cohort([], learnt(0), cards=cards))
        assert reading is not None
        expected += (
            comb(number, several) * share**several * (1 - share) ** (number - several) * exp(reading.log_e)
        )
    assert expected <= 1 + 1e-9


@given(st.lists(st.integers(1, 9), min_size=MIN_CARDS, max_size=40))
def test_another_account_on_a_card_of_its_own_never_makes_cards_louder(cards: list[int]) -> None:
    before = shared_cards.read(Cohort([], learnt(0), cards=cards))
    after = shared_cards.read(Cohort([], learnt(0), cards=[*cards, 1]))
    assert before is not None
    assert after is not None
    assert after.log_e < before.log_e


def test_organisations_and_few_cards_say_nothing_of_cards() -> None:
    seats = [shows(f"s-{i}", f"payment:{i % 5}", "client:x", unit="org:acme") for i in range(30)]
    assert shared_cards.read(cohort_of(seats, learnt(0), "client:x")) is None
    couple = [shows(f"c-{i}", f"payment:{i % 2}", "client:x") for i in range(8)]
    assert shared_cards.read(cohort_of(couple, learnt(0), "client:x")) is None


def test_dimensions_are_of_kinds_that_the_records_know_and_hold_what_is_rare() -> None:
    assert {kind_of(f"{kind}:x") for kind in DIMENSIONS} == set(DIMENSIONS)
    assert 0 < RARE < 0.05
