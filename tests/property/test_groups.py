"""GROUPS against a naive recount: totals, samples, bounds."""

from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_guard.groups.membership import information
from stream_guard.groups.rows import GroupRow, MemberRow, Row, member_key
from stream_guard.groups.stage import Groups
from stream_guard.records import Conduct, Profile
from stream_guard.runtime.rows import LaneRows
from stream_guard.settings import GroupsSettings, Settings
from tests.unit.groups.stream import Driver

BOUND = 5
SETTINGS = Settings(groups=GroupsSettings(max_members=BOUND, judge_every_s=1.0))
INDICATORS = ("payment:a", "network:b", "shape:c")
HOUR_MS = 3_600_000

shown = st.tuples(
    st.sampled_from(INDICATORS),
    st.integers(0, 11).map(lambda number: f"account-{number}"),
    st.integers(0, 40),  # requests; 0: a hello
)


def record(name: str, requests: int) -> Profile:
    if not requests:
        return Profile(name, 1, name)
    conduct = Conduct(HOUR_MS, (1 + requests) * HOUR_MS, answered=requests - requests // 5)
    return Profile(name, requests, name, conduct)


def drive(batches: list[list[tuple[str, str, int]]]) -> Driver:
    driver = Driver(Groups(SETTINGS), tick_ms=1_000, hot_max=2)
    items = [
        (tick * 1_000 + 1, indicator, record(name, requests))
        for tick, batch in enumerate(batches, 1)
        for indicator, name, requests in sorted(batch)
    ]
    driver.run(items)
    return driver


def rows_of(rows: LaneRows, indicator: str) -> tuple[GroupRow, list[Profile]]:
    group = rows.get(indicator)
    assert isinstance(group, GroupRow)
    kept = []
    for name in sorted(group.members):
        member = rows.get(member_key(indicator, name))
        if member is not None:
            assert isinstance(member, MemberRow)
            kept.append(member.profile)
    return group, kept


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(shown, max_size=12), max_size=8))
def test_totals_equal_a_naive_recount_of_the_kept_profiles(batches: list[list[tuple[str, str, int]]]) -> None:
    driver = drive(batches)
    for indicator in {indicator for batch in batches for indicator, _, _ in batch}:
        group, kept = rows_of(driver.rows, indicator)
        assert group.profiled == len(kept)
        assert group.requests == sum(profile.requests for profile in kept)
        assert group.answered == sum(profile.conduct.answered for profile in kept if profile.conduct)
        assert group.info == sum(information(profile.requests) for profile in kept)
        assert {p.account_id: p.requests for p in kept} == {n: r for n, r in group.members.items() if r}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(shown, max_size=12), max_size=8))
def test_a_group_holds_the_newest_profile_of_those_with_the_smallest_digests(
    batches: list[list[tuple[str, str, int]]],
) -> None:
    """From its second member on: a group of one keeps no profile."""
    batches = [[(indicator, f"account-{i}", 0) for indicator in INDICATORS for i in (0, 1)], *batches]
    driver = drive(batches)
    for indicator in INDICATORS:
        names = {name for batch in batches for shown_, name, _ in batch if shown_ == indicator}
        group, kept = rows_of(driver.rows, indicator)
        smallest = sorted(names, key=lambda name: crc32(name.encode()))[:BOUND]
        assert sorted(group.members) == sorted(smallest)
        sent = [item for batch in batches for item in sorted(batch) if item[0] == indicator]
        for profile in kept:
            newest = max(requests for _, name, requests in sent if name == profile.account_id)
            assert profile.requests == newest


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(shown, max_size=12), max_size=6))
def test_what_was_sent_again_changes_no_row(batches: list[list[tuple[str, str, int]]]) -> None:
    once = drive(batches)
    again = drive([batch + batch for batch in batches])
    assert once.rows.packed == again.rows.packed
    assert once.out.emitted == again.out.emitted


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 3))
def test_rows_stay_within_their_bounds(accounts: int, rounds: int) -> None:
    driver = drive(
        [
            [(INDICATORS[number % 3], f"account-{number}", 4 << turn) for number in range(accounts)]
            for turn in range(rounds)
        ]
    )
    per_group = BOUND + 1
    assert sum(key.startswith(INDICATORS) for key in driver.rows.packed) <= 3 * per_group
    assert all(
        len(packed) < 10_000 for key, packed in driver.rows.packed.items() if key.startswith(INDICATORS)
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(shown, max_size=10), max_size=6))
def test_rows_survive_being_packed(batches: list[list[tuple[str, str, int]]]) -> None:
    driver = drive(batches)
    again = LaneRows(Row, 100)
    for key, packed in driver.rows.packed.items():
        again.load(key, packed)
        assert again.get(key) == driver.rows.get(key)
