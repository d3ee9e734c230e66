"""Laws of witnesses: accounts that are plainly one customer speak once, and nobody is joined to strangers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.groups.units import cards, place_of, representatives, unit_of
from stream_guard.records import Profile

values = st.integers(0, 3).map(str)
people = st.lists(
    st.builds(
        lambda org, shown: (f"org:{org}" if org else "", tuple(sorted(shown))),
        st.integers(0, 2),
        st.sets(
            st.builds("{}:{}".format, st.sampled_from(["payment", "network", "signup_ip", "client"]), values)
        ),
    ),
    max_size=12,
)


def person(name: str, *indicators: str, unit: str = "", requests: int = 8) -> Profile:
    return Profile(name, requests, unit or name, indicators=tuple(sorted(indicators)))


def named(indicator: str, profiles: list[Profile]) -> list[str]:
    return [profile.account_id for profile in representatives(indicator, profiles)]


def test_a_unit_is_its_organisation_else_its_place_of_sign_up_else_its_only_network_else_its_card() -> None:
    everything = ("signup_ip:s", "network:n", "payment:p")
    assert unit_of(person("a", *everything, unit="org:acme")) == "org:acme"
    assert unit_of(person("a", *everything)) == "signup_ip:s"
    assert unit_of(person("a", *everything[1:])) == "network:n"
    assert unit_of(person("a", "network:m", *everything[1:])) == "payment:p"
    assert unit_of(person("a", "network:m", "network:n")) == "account:a"
    assert unit_of(person("a")) == "account:a"


@pytest.mark.parametrize("kind", ["signup_ip", "network", "payment"])
def test_what_formed_the_group_makes_nobody_one_witness(kind: str) -> None:
    crowd = [person(f"a-{i}", f"{kind}:one") for i in range(5)]
    assert len(named(f"{kind}:one", crowd)) == 5
    assert len(named("client:x", crowd)) == 1


def test_seats_of_one_office_are_one_witness_the_busiest() -> None:
    office = [person(f"a-{i}", "payment:x", unit="org:acme", requests=10 + i) for i in range(5)]
    pair = [person("b-1", "payment:one"), person("b-0", "payment:one")]
    assert named("network:x", [*office, *pair]) == ["a-4", "b-0"]  # ties: the smallest name


def test_units_are_not_joined_further() -> None:
    """Two cards and an address that cross are two places: a chain of them would join strangers to one."""
    chain = [
        person("a", "signup_ip:one", "payment:one"),
        person("b", "signup_ip:two", "payment:one"),
        person("c", "signup_ip:two", "payment:two"),
    ]
    assert named("client:x", chain) == ["a", "b"]


def test_a_farm_that_crosses_cards_with_proxies_keeps_as_many_witnesses_as_cards() -> None:
    farm = [
        person(f"f-{i:02d}", f"payment:{i % 12}", f"network:{i % 5}", f"network:{i % 7 + 5}")
        for i in range(60)
    ]
    assert len(named("client:x", farm)) == 12


def test_cards_count_places_not_accounts_and_no_organisations() -> None:
    family = [person(f"a-{i}", "payment:family", "network:home") for i in range(4)]
    hands = [person(f"b-{i}", "payment:dealt", f"network:{i}") for i in range(3)]
    rotating = [person(f"c-{i}", "payment:rotated", "network:1", "network:2") for i in range(2)]
    seats = [person(f"d-{i}", "payment:office", f"network:{i}", unit="org:acme") for i in range(6)]
    assert cards([*family, *hands, *rotating, *seats]) == [3, 1, 2]  # by name: dealt, family, rotated


@given(people, st.sampled_from(["payment:0", "network:0", "signup_ip:0", "client:0"]))
def test_each_unit_has_one_witness_whatever_the_order(
    drawn: list[tuple[str, tuple[str, ...]]], indicator: str
) -> None:
    accounts = [
        person(f"a-{i:02d}", *shown, unit=org, requests=i % 4) for i, (org, shown) in enumerate(drawn)
    ]
    found = representatives(indicator, accounts)
    assert found == representatives(indicator, accounts[::-1])
    forming = indicator.partition(":")[0] + ":"
    assert len(found) == len({unit_of(account, forming) for account in accounts})
    for account in accounts:
        assert not unit_of(account, forming).startswith(forming)
        assert not place_of(account, forming).startswith(forming)
    assert sum(cards(accounts)) <= len(accounts)
