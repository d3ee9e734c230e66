"""Laws of the union: a mean of e-values weighed by units, over the groups where a cause may speak."""

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.campaigns.conviction import (
    CROWDED,
    FEW,
    FEW_UNITS,
    MOST,
    MOST_RELIEF,
    ONE_CROWD,
    Case,
    case_of,
    core_of,
    is_convicted,
    suspects_of,
)
from stream_guard.campaigns.rows import FITS, AccountRow, SuspectRow
from stream_guard.records import Evidence
from stream_guard.settings import CampaignsSettings
from stream_guard.staking import staked

CAUSES = ("content", "load", "network", "rhythm", "sign_up", "ties")
ODD = tuple(cause for cause in CAUSES if cause not in CROWDED)
FAMILY = {
    "content": "what",
    "load": "when",
    "rhythm": "when",
    "network": "who",
    "sign_up": "who",
    "ties": "links",
}
heard = st.dictionaries(st.sampled_from(CAUSES), st.floats(-20, 20), min_size=1)
unions = st.lists(st.tuples(heard, st.integers(1, 500)), min_size=1, max_size=8)


def group(name: str, said: dict[str, float], units: int = FEW_UNITS, line: float = 10.0) -> SuspectRow:
    evidence = tuple(
        Evidence(cause, 1.0, 0.0, log_e, cause, FAMILY[cause]) for cause, log_e in said.items() if log_e > 0
    )
    total = sum(staked(cause, log_e) for cause, log_e in said.items())
    return SuspectRow(
        f"shape:{name}", total, line, units=units, causes=tuple(sorted(said.items())), evidence=evidence
    )


@given(unions)
def test_a_union_is_the_staked_product_of_means_weighed_by_units(
    said: list[tuple[dict[str, float], int]],
) -> None:
    case = case_of([group(f"g{i}", causes, units) for i, (causes, units) in enumerate(said)])
    expected = 0.0
    for cause in CAUSES:
        speakers = [(exp(causes[cause]), units) for causes, units in said if cause in causes]
        if speakers:
            mean = sum(e * units for e, units in speakers) / sum(units for _, units in speakers)
            expected += staked(cause, log(mean))
    assert case.log_e == pytest.approx(expected, abs=1e-9)


@given(heard, st.integers(1, 500), st.integers(1, 20))
def test_the_same_said_by_many_groups_is_no_more_than_said_by_one(
    said: dict[str, float], units: int, times: int
) -> None:
    one = case_of([group("a", said, units)])
    many = case_of([group(f"g{i}", said, units) for i in range(times)])
    assert many.log_e == pytest.approx(one.log_e, abs=1e-9)
    assert many.causes == one.causes


def test_a_cause_that_one_group_silences_is_heard_undiluted_in_another() -> None:
    silent, heard_there = group("proxy", {"load": 5.0}, 900), group("card", {"load": 5.0, "network": 6.0}, 3)
    assert case_of([silent, heard_there]).log_e == pytest.approx(case_of([heard_there]).log_e)
    # Where it could have spoken and did not, it counts for what it said there.
    doubting = group("proxy", {"load": 5.0, "network": 0.0}, 900)
    assert case_of([doubting, heard_there]).log_e < case_of([heard_there]).log_e - 2.5


@given(st.floats(-10_000, -MOST))
def test_a_cause_that_speaks_against_without_measure_costs_its_stake_and_no_more(log_e: float) -> None:
    spread = {"load": log_e, "ties": 9.0}
    case = case_of([group("a", spread), group("b", spread)])
    assert case.log_e == pytest.approx(staked("load", -MOST) + staked("ties", 9.0), abs=1e-9)
    assert case.causes == {"ties"}


def test_a_large_group_outweighs_a_small_loud_one() -> None:
    small, large = group("small", {"load": 10.0}, 3), group("large", {"load": 0.0}, 300)
    assert case_of([small, large]).log_e == pytest.approx(
        staked("load", log((exp(10.0) * 3 + 300) / 303)), abs=1e-9
    )


def test_no_cause_is_believed_without_end() -> None:
    assert case_of([group("a", {"load": 600.0 if i else 1.0}) for i in range(2)]).log_e < MOST


def test_a_union_is_held_against_the_highest_line_of_its_groups() -> None:
    said = {"rhythm": 6.0, "content": 6.0, "network": 6.0}
    low, high = group("a", said, line=10.0), group("b", {"rhythm": 6.0}, line=40.0)
    assert is_convicted(low, [low], CampaignsSettings())
    assert is_convicted(low, [low, high], CampaignsSettings())  # it is convicted alone
    quiet = group("c", {"rhythm": 6.0, "content": 6.0}, line=40.0)
    assert not is_convicted(quiet, [quiet, low], CampaignsSettings())


def test_two_causes_of_one_family_convict_nobody_however_loud() -> None:
    reseller = group("r", {"network": 20.0, "sign_up": 20.0})
    assert not is_convicted(reseller, [reseller], CampaignsSettings())
    assert not is_convicted(reseller, [reseller, group("s", {"network": 20.0})], CampaignsSettings())


def test_few_customers_need_one_more_cause() -> None:
    """A laboratory of five is odd in two ways by chance of who they are; in three they are one hand."""
    settings = CampaignsSettings()
    two, three = {"rhythm": 9.0, "content": 9.0}, {"rhythm": 9.0, "content": 9.0, "network": 9.0}
    for units in (3, FEW_UNITS - 1, FEW_UNITS, 200):
        assert case_of([group("a", two, units)]).convicts(10.0, settings) == (units >= FEW_UNITS)
        assert case_of([group("a", three, units)]).convicts(10.0, settings)
    together = [group("a", two, 3), group("b", two, FEW_UNITS)]
    assert case_of(together).convicts(10.0, settings)  # its largest group counts


@given(
    st.dictionaries(st.sampled_from(sorted(CROWDED)), st.floats(0, MOST), min_size=1),
    st.integers(1, 500),
    st.floats(0, 60),
)
def test_what_honest_crowds_show_by_being_one_convicts_nobody(
    said: dict[str, float], units: int, line: float
) -> None:
    """Alike prompts, sign-up in one hour, addresses, tools, machines, all in step: at whatever weight."""
    settings = CampaignsSettings()
    crowd = group("class", said, units, line)
    assert not case_of([crowd]).convicts(line, settings)
    assert not is_convicted(crowd, [crowd, group("town", said, 3, line)], settings)


@pytest.mark.parametrize("cause", ODD)
def test_alike_prompts_and_sign_up_together_count_once_beside_another_cause(cause: str) -> None:
    settings, crowd = CampaignsSettings(), dict.fromkeys(sorted(ONE_CROWD), 9.0)
    with_one = case_of([group("a", crowd | {cause: 9.0}, FEW_UNITS)])
    assert with_one.convicts(10.0, settings) == (settings.min_causes <= 2)  # the crowd's vote, and this one
    few = case_of([group("a", crowd | {cause: 9.0}, FEW_UNITS - 1)])
    assert not few.convicts(10.0, settings) or settings.min_causes < 2


def test_many_overlapping_groups_lower_the_line_by_a_bounded_amount() -> None:
    said, settings = {"rhythm": 6.0, "content": 6.0}, CampaignsSettings()
    reach = case_of([group("a", said)]).log_e
    convicts = []
    for count in (2, FEW, 4 * FEW, 64):
        for short in (0.0, 0.4, 1.3, MOST_RELIEF + 0.1):
            union = [group(f"g{i}", said, line=reach + short + 1e-9) for i in range(count)]
            convicts.append((count, short, is_convicted(union[0], union, settings)))
    assert {(count, short) for count, short, found in convicts if found} == {
        (4 * FEW, 0.4), (4 * FEW, 0.0), (64, 0.0), (64, 0.4), (64, 1.3),
    }  # fmt: skip


@given(unions, st.floats(0, 60))
def test_nobody_is_convicted_without_causes_families_and_the_line(
    said: list[tuple[dict[str, float], int]], line: float
) -> None:
    settings = CampaignsSettings()
    case: Case = case_of([group(f"g{i}", causes, units) for i, (causes, units) in enumerate(said)])
    if case.convicts(line, settings):
        assert case.log_e >= line
        votes = len(case.causes - ONE_CROWD) + bool(case.causes & ONE_CROWD)
        assert case.causes - CROWDED
        assert votes >= settings.min_causes + (case.units < FEW_UNITS)
        assert len(case.families) >= settings.min_families


def test_suspects_stand_in_several_groups_or_fit_and_nobody_cleared_is_one() -> None:
    union = {"shape:x", "payment:y"}
    both = [AccountRow(f"b-{i}", fits={"shape:x": -3.0, "payment:y": -3.0}) for i in range(3)]
    fitting = [AccountRow(f"f-{i}", fits={"shape:x": FITS}) for i in range(3)]
    elsewhere = [AccountRow(f"e-{i}", fits={"shape:x": 0.0, "tools:z": 0.0}) for i in range(3)]
    cleared = [
        AccountRow(f"c-{i}", fits={"shape:x": 8.0, "payment:y": 8.0}, is_cleared=True) for i in range(3)
    ]
    assert suspects_of([*both, *fitting, *elsewhere, *cleared], union) == [*both, *fitting]
    assert suspects_of([*both, *elsewhere, *cleared], union) == []  # too few to be a campaign


def test_the_core_is_made_of_those_who_fit_and_stops_at_its_bound() -> None:
    fitting = [AccountRow(f"f-{i:03d}", fits={"shape:x": FITS + i % 7}) for i in range(300)]
    others = [AccountRow(f"o-{i}", fits={"shape:x": FITS - 0.01}) for i in range(50)]
    cleared = [AccountRow(f"c-{i}", fits={"shape:x": 8.0}, is_cleared=True) for i in range(5)]
    core = core_of([*fitting, *others, *cleared])
    assert len(core) == 256
    assert all(account.account_id.startswith("f-") for account in core)
    assert core_of([*fitting[:3], *others, *cleared]) == []
