"""Laws of the union: a mean of e-values weighed by units, over the groups where a cause may speak."""

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.campaigns.conviction import MOST, case_of, core_of, is_convicted
from stream_guard.campaigns.rows import FITS, AccountRow, SuspectRow
from stream_guard.records import Evidence
from stream_guard.settings import CampaignsSettings

CAUSES = ("content", "load", "network", "sign_up")
FAMILY = {"content": "what", "load": "when", "network": "who", "sign_up": "who"}
heard = st.dictionaries(st.sampled_from(CAUSES), st.floats(-20, 20), min_size=1)
unions = st.lists(st.tuples(heard, st.integers(1, 500)), min_size=1, max_size=8)


def group(name: str, said: dict[str, float], units: int = 10, line: float = 10.0) -> SuspectRow:
    evidence = tuple(
        Evidence(cause, 1.0, 0.0, log_e, cause, FAMILY[cause]) for cause, log_e in said.items() if log_e > 0
    )
    total = sum(log((1 + exp(log_e)) / 2) for log_e in said.values())
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
            expected += log((1 + mean) / 2)
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


def test_a_large_group_outweighs_a_small_loud_one() -> None:
    small, large = group("small", {"load": 10.0}, 3), group("large", {"load": 0.0}, 300)
    assert case_of([small, large]).log_e == pytest.approx(
        log((1 + (exp(10.0) * 3 + 300) / 303) / 2), abs=1e-9
    )


def test_no_cause_is_believed_without_end() -> None:
    assert case_of([group("a", {"load": 600.0 if i else 1.0}) for i in range(2)]).log_e < MOST


def test_a_union_is_held_against_the_highest_line_of_its_groups() -> None:
    said = {"load": 6.0, "content": 6.0, "network": 6.0}
    low, high = group("a", said, line=10.0), group("b", {"load": 6.0}, line=40.0)
    assert is_convicted(low, [low], CampaignsSettings())
    assert is_convicted(low, [low, high], CampaignsSettings())  # it is convicted alone
    quiet = group("c", {"load": 6.0, "content": 6.0}, line=40.0)
    assert not is_convicted(quiet, [quiet, low], CampaignsSettings())


def test_two_causes_of_one_family_convict_nobody_however_loud() -> None:
    reseller = group("r", {"network": 20.0, "sign_up": 20.0})
    assert not is_convicted(reseller, [reseller], CampaignsSettings())
    assert not is_convicted(reseller, [reseller, group("s", {"network": 20.0})], CampaignsSettings())


def test_the_core_is_made_of_those_who_fit_and_stops_at_its_bound() -> None:
    fitting = [AccountRow(f"f-{i:03d}", fits={"shape:x": FITS + i % 7}) for i in range(300)]
    others = [AccountRow(f"o-{i}", fits={"shape:x": FITS - 0.01}) for i in range(50)]
    cleared = [AccountRow(f"c-{i}", fits={"shape:x": 8.0}, is_cleared=True) for i in range(5)]
    core = core_of([*fitting, *others, *cleared])
    assert len(core) == 256
    assert all(account.account_id.startswith("f-") for account in core)
    assert core_of([*fitting[:3], *others, *cleared]) == []
