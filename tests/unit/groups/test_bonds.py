"""Laws of what accounts share besides what formed their group: ties, instruments, cards of several places."""

from math import comb, exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator

from stream_guard.groups import popular
from stream_guard.groups.evidence import bonds, instruments, shared_cards, ties
from stream_guard.groups.evidence.bonds import MIN_KNOWN, MOST
from stream_guard.groups.evidence.cohort import DIMENSIONS, MIN_WITNESSES, RARE, Cohort, Reading, Test
from stream_guard.groups.evidence.shared_cards import HONEST, MIN_CARDS
from stream_guard.groups.judgement import VOTE, judge
from stream_guard.groups.kinds import kind_for
from stream_guard.groups.reference import Reference
from stream_guard.groups.rows import Row
from stream_guard.records import Conduct, Profile, kind_of
from stream_guard.runtime.rows import LaneRows
from tests.unit.groups.crowds import HONEST_CROWDS, crowd
from tests.unit.groups.test_evidence import cohort_of, learnt, profiles, strangers


def shows(name: str, *indicators: str, unit: str = "") -> Profile:
    return Profile(name, 16, unit or name, Conduct(0, 10**8, answered=16), tuple(sorted(indicators)))


def dealt(rng: Generator, size: int = 60, cards: int = 20, rest: int = 10) -> list[Profile]:
    """A farm that deals cards and devices over its accounts, two proxies to each; its client formed it."""
    farm = []
    for i in range(size):
        first, second = rng.choice(rest, 2, replace=False)
        shared = (f"payment:card-{i % cards}", f"device:d-{rng.integers(rest)}")
        proxies = (f"network:n-{first}", f"network:n-{second}")
        farm.append(shows(f"bad-{i:03d}", "client:farm", *shared, *proxies))
    return farm


def counted(accounts: list[tuple[str, ...]]) -> Reference:
    """A reference that these honest accounts taught what they show."""
    rows = LaneRows(Row, 10_000)
    for indicators in accounts:
        popular.count(rows, indicators)
    return Reference(rows)


ALL = frozenset(DIMENSIONS.values())


def read_bonds(cohort: Cohort) -> Reading:
    """Ties and instruments together; a test whose only dimension formed the group has nothing to say."""
    forming = DIMENSIONS.get(kind_of(cohort.indicator))
    found = [reading for test in (ties, instruments) if (reading := test.read(cohort)) is not None]
    assert len(found) == sum(bool(test.DIMENSIONS - {forming}) for test in (ties, instruments))
    return Reading(sum(each.log_e for each in found), sum(each.value for each in found), 0.0)


def heard(cohort: Cohort) -> set[str]:
    """The dimensions that say anything."""
    readings = {name: bonds.read(cohort, frozenset({name})) for name in ALL}
    return {name for name, reading in readings.items() if reading is not None and reading.log_e > 0}


@pytest.mark.parametrize("seed", range(5))
def test_both_speak_of_a_farm_that_deals_cards_devices_and_networks(seed: int) -> None:
    cohort = cohort_of(dealt(np.random.default_rng(seed)), learnt(800), "client:farm")
    assert len(cohort.witnesses) == 20  # one a card: nobody is at home at a rotating proxy
    tied, paid = read_bonds(cohort), shared_cards.read(cohort)
    assert tied.log_e > VOTE  # the strongest of devices and networks is forgiven
    assert tied.value == 1.0
    assert paid is not None
    assert paid.log_e > shared_cards.TEST.cap  # three accounts on each of twenty cards
    judged = judge(cohort, kind_for("client:farm").silences)
    assert "instruments" in judged.causes
    assert "who" in judged.families
    assert "shared_cards" in {said.name for said in judged.evidence}


def test_ties_and_instruments_split_the_same_bonds() -> None:
    """Nothing is said twice, nothing is lost: together they are the bonds in all dimensions."""
    assert ties.DIMENSIONS | instruments.DIMENSIONS == ALL
    assert not ties.DIMENSIONS & instruments.DIMENSIONS
    for seed in range(5):
        for forming in ("client:farm", "payment:card-1", "network:n-1", "none:"):
            cohort = cohort_of(dealt(np.random.default_rng(seed)), learnt(800), forming)
            whole = bonds.read(cohort, ALL)
            assert whole is not None
            assert read_bonds(cohort).log_e == pytest.approx(whole.log_e)
            assert read_bonds(cohort).value == whole.value


def test_the_strongest_dimension_is_forgiven_whichever_it_is() -> None:
    """Take it away, and the next one is forgiven in its place."""
    kinds = {"device": 3, "network": 5, "payment": 4}
    for count in range(len(kinds), 0, -1):
        left = list(kinds.items())[-count:]
        farm = [
            shows(f"a-{i:02d}", *(f"{kind}:{i * (place + 1) % n}" for place, (kind, n) in enumerate(left)))
            for i in range(14)
        ]
        said = heard(cohort_of(farm, learnt(800)))
        assert len(said) == count - 1
        assert said <= {kind for kind, _ in left}


def test_what_formed_the_group_is_silent_even_where_it_is_tied_across() -> None:
    farm = [shows(f"a-{i:02d}", f"payment:{i % 5}", f"device:{i % 7}", f"network:{i % 6}") for i in range(30)]
    for forming, dimension in (
        ("payment:one", "payment"),
        ("device:one", "device"),
        ("network:one", "network"),
    ):
        group = [Profile(p.account_id, 16, p.unit, p.conduct, (*p.indicators, forming)) for p in farm]
        cohort = cohort_of(group, learnt(800), forming)
        assert bonds.read(cohort, frozenset({dimension})) is None
        assert dimension not in heard(cohort)


def test_what_formed_the_group_is_no_tie() -> None:
    """Cards that cross are no news where a card formed the group, and the strongest dimension is forgiven."""
    farm = [shows(f"a-{i:02d}", f"payment:{i % 5}", f"device:{i % 7}") for i in range(30)]
    assert read_bonds(cohort_of(farm, learnt(800))).log_e > VOTE
    group = [Profile(p.account_id, 16, p.unit, p.conduct, (*p.indicators, "payment:one")) for p in farm]
    reading = read_bonds(cohort_of(group, learnt(800), "payment:one"))
    assert reading.log_e <= 0
    assert reading.value == 0.0


@pytest.mark.parametrize("size", [12, 30, 120])
def test_a_class_on_machines_of_a_few_images_has_no_instruments(size: int) -> None:
    """Devices cross with rooms and tools there: ties, which convict nobody beside what crowds show."""
    pupils = [
        shows(
            f"p-{i:03d}", f"network:room-{i % 3}", f"template:task-{i % 5}", f"device:image-{i % 4}",
            "referral:school", f"payment:p-{i}",
        )
        for i in range(size)
    ]  # fmt: skip
    for forming in ("referral:school", "network:room-0", "template:task-0", "device:image-0"):
        members = [pupil for pupil in pupils if forming in pupil.indicators]
        if len(members) >= MIN_WITNESSES:
            judged = judge(cohort_of(members, learnt(800), forming), kind_for(forming).silences)
            assert "instruments" not in judged.causes


@pytest.mark.parametrize("size", [5, 30, 120])
def test_what_all_of_a_crowd_have_in_common_ties_nobody(size: int) -> None:
    """One address, one tool, one device type for all make a crowd, whatever is rare about them."""
    pupils = [
        shows(f"p-{i:03d}", "network:class", "template:essay", "device:lab", f"payment:p-{i}")
        for i in range(size)
    ]
    cohort = cohort_of(pupils, learnt(800), "network:class")
    reading = read_bonds(cohort)
    assert reading.log_e <= 0
    assert reading.value == 0.0
    causes = judge(cohort, kind_for("network:class").silences).causes
    assert not {"ties", "instruments"} & set(causes)


def test_a_tool_that_shows_itself_in_two_ways_is_forgiven() -> None:
    """Its users' request shape ties them where its system prompt is left out, but that is one dimension."""
    users = [
        shows(f"u-{i:02d}", "network:vpn", "system_prompt:x", "shape:x", f"payment:{i}") for i in range(30)
    ]
    reading = read_bonds(cohort_of(users, learnt(800), "network:vpn"))
    assert reading.value == 0.0
    assert reading.log_e <= 0


def test_a_class_is_one_witness_where_its_template_formed_the_group() -> None:
    pupils = [shows(f"p-{i:03d}", "network:class", "template:essay", f"payment:p-{i}") for i in range(30)]
    cohort = cohort_of(pupils, learnt(800), "template:essay")
    assert len(cohort.witnesses) == 1
    assert ties.read(cohort) is None
    assert instruments.read(cohort) is None


@pytest.mark.parametrize("test", [ties.TEST, instruments.TEST], ids=lambda test: test.name)
@pytest.mark.parametrize("count", [0, 10, 40, 800])
@pytest.mark.parametrize("kind", sorted(HONEST_CROWDS))
def test_bonds_of_honest_crowds_have_mean_e_at_most_one_whatever_formed_the_group(
    kind: str, count: int, test: Test
) -> None:
    view, found = learnt(count), []
    for seed in range(12):
        rng = np.random.default_rng(400 + seed)
        size = int(rng.choice([4, 12, 40]))
        members = [
            each[-1] for a in crowd(rng, size, kind, HONEST_CROWDS[kind]) if (each := profiles(rng, a))
        ]
        for forming in sorted({name for name in members[0].indicators if name.endswith(f":{kind}")}):
            reading = test.read(cohort_of(members, view, forming))
            if reading is not None:
                found.append(exp(min(reading.log_e, test.cap)))
    if count < MIN_KNOWN:
        assert not found  # nothing is known to be rare yet
        return
    if kind == "office":
        assert not found  # one address and one card: one witness, whichever of them formed the group
        return
    assert len(found) >= 10
    values = np.array(found)
    assert values.mean() - 2 * values.std() / len(values) ** 0.5 <= 1.0


@pytest.mark.parametrize("count", [40, 200, 800])
def test_bonds_of_strangers_who_use_popular_tools_have_mean_e_at_most_one(count: int) -> None:
    """Also with a reference that hardly knows what is popular."""
    rng, view, found = np.random.default_rng(51), learnt(count), []
    pool = strangers()
    for _ in range(300):
        size = int(rng.choice([3, 8, 25, 60]))
        chosen = [pool[i][0] for i in rng.choice(len(pool), size, replace=False)]
        found.append(exp(read_bonds(cohort_of(chosen, view, "network:x")).log_e))
    values = np.array(found)
    assert values.mean() - 2 * values.std() / len(values) ** 0.5 <= 1.0


@pytest.mark.parametrize("share", [0.002, 0.005, 0.01, 0.02])
def test_bonds_are_fair_where_strangers_draw_from_values_as_rare_as_the_reference_learns(
    share: float,
) -> None:
    """Three dimensions of values that honest accounts show with a known share, drawn independently."""
    rng, values = np.random.default_rng(52), round(1 / share)
    kinds = ("device", "network", "payment")
    taught = rng.integers(values, size=(4_000, 3)).tolist()
    view = counted([tuple(f"{kind}:{v}" for kind, v in zip(kinds, row, strict=True)) for row in taught])
    found = []
    for _ in range(400):
        draws = rng.integers(values, size=(30, 3))
        crowd_ = [
            shows(f"a-{i:02d}", f"device:{d}", f"network:{n}", f"payment:{p}")
            for i, (d, n, p) in enumerate(draws)
        ]
        found.append(exp(read_bonds(cohort_of(crowd_, view)).log_e))
    e_values = np.array(found)
    assert e_values.mean() - 2 * e_values.std() / len(e_values) ** 0.5 <= 1.0


def test_popular_values_tie_nobody() -> None:
    view = counted([("device:popular",) if i % 5 else ("network:popular",) for i in range(1_000)])
    everybody = [
        shows(f"a-{i:02d}", f"device:{'popular' if i % 2 else i}", "network:popular") for i in range(40)
    ]
    assert read_bonds(cohort_of(everybody, view)).log_e <= 0


def test_no_dimension_says_more_than_its_bound() -> None:
    one_hand = [
        shows(f"a-{i:03d}", *(f"{kind}:{i * place % 7}" for place, kind in enumerate(sorted(DIMENSIONS), 1)))
        for i in range(200)
    ]
    reading = read_bonds(cohort_of(one_hand, learnt(800)))
    assert MOST < reading.log_e <= (len(ALL) - 1) * MOST
    assert reading.value == len(ALL) - 1  # one is forgiven


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


def test_accounts_of_one_place_are_no_several_on_a_card() -> None:
    """A family at one address, and an office: several accounts, one place."""
    families = [
        shows(f"f-{i:02d}", f"payment:{i % 6}", f"network:home-{i % 6}", "client:x") for i in range(24)
    ]
    reading = shared_cards.read(cohort_of(families, learnt(0), "client:x"))
    assert reading is not None
    assert reading.value == 0.0
    assert reading.log_e < 0
