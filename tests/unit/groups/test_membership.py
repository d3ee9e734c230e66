"""Laws of who is in a group, and of its totals."""

from zlib import crc32

from stream_guard.groups import membership
from stream_guard.groups.rows import GroupRow, Row, member_key
from stream_guard.groups.stage import Groups
from stream_guard.records import Conduct, Profile
from stream_guard.runtime.rows import LaneRows
from stream_guard.settings import Settings


def profile(name: str, requests: int, answered: int | None = None) -> Profile:
    return Profile(name, requests, name, Conduct(0, 1, answered=requests if answered is None else answered))


def hello(name: str) -> Profile:
    return Profile(name, 1, name)


def rows() -> LaneRows:
    return LaneRows(Row, 10)


def test_newest_profile_replaces_the_last_and_totals_follow() -> None:
    kept, group = rows(), GroupRow({}, 0)
    membership.take(kept, "x:1", group, profile("a", 4), 8)
    membership.take(kept, "x:1", group, profile("b", 8, 7), 8)
    assert membership.take(kept, "x:1", group, profile("a", 16, 15), 8)
    assert (group.profiled, group.requests, group.answered) == (2, 24, 22)
    assert group.info == membership.information(16) + membership.information(8)
    row = kept.get(member_key("x:1", "a"))
    assert row is not None
    assert row.profile.requests == 16


def test_an_older_or_repeated_profile_changes_nothing() -> None:
    kept, group = rows(), GroupRow({}, 0)
    membership.take(kept, "x:1", group, profile("a", 16), 8)
    before = (dict(group.members), group.requests, group.info)
    for again in (profile("a", 16), profile("a", 8), hello("a")):
        assert not membership.take(kept, "x:1", group, again, 8)
    assert (dict(group.members), group.requests, group.info) == before


def test_who_comes_back_after_he_was_forgotten_counts_from_one() -> None:
    """ACCOUNTS forgets who is silent for long; his first profile then is the newest, however small."""
    kept, group = rows(), GroupRow({}, 0)
    membership.take(kept, "x:1", group, profile("a", 500), 8)
    membership.take(kept, "x:1", group, profile("b", 8), 8)
    group.sent = {"a": 500, "b": 8}
    back = Profile("a", 2, "a", Conduct(1_000, 2_000, answered=2))
    assert membership.take(kept, "x:1", group, back, 8)
    assert (group.profiled, group.requests, group.answered) == (2, 10, 10)
    assert group.info == membership.information(2) + membership.information(8)
    assert group.sent == {"a": 0, "b": 8}  # it is sent again
    assert not membership.take(kept, "x:1", group, back, 8)
    row = kept.get(member_key("x:1", "a"))
    assert row is not None
    assert row.profile == back


def test_a_hello_makes_a_member_without_a_profile() -> None:
    kept, group = rows(), GroupRow({}, 0)
    assert membership.take(kept, "x:1", group, hello("a"), 8)
    assert group.members == {"a": 0}
    assert group.profiled == 0
    assert kept.get(member_key("x:1", "a")) is None


def test_beyond_the_bound_those_with_the_smallest_digest_are_kept_in_any_order() -> None:
    names = [f"account-{i}" for i in range(400)]
    expected = set(sorted(names, key=lambda name: crc32(name.encode()))[:16])
    for order in (names, names[::-1], sorted(names)):
        kept, group = rows(), GroupRow({}, 0)
        for name in order:
            membership.take(kept, "x:1", group, profile(name, 4), 16)
        assert group.members.keys() == expected
        assert (group.profiled, group.requests) == (16, 64)
        assert sum(kept.get(member_key("x:1", name)) is not None for name in names) == 16


def test_size_is_exact_below_the_bound_and_estimated_beyond() -> None:
    kept, group = rows(), GroupRow({}, 0)
    for i in range(200):
        membership.take(kept, "x:1", group, hello(f"account-{i}"), 256)
    assert membership.size(group) == 200
    for i in range(200, 20_000):
        membership.take(kept, "x:1", group, hello(f"account-{i}"), 256)
    assert 16_000 < membership.size(group) < 24_000  # 4 standard errors of 1 / sqrt(256)


def test_a_popular_group_that_is_suspected_passes_newcomers_on_and_no_other_does() -> None:
    kept, group = rows(), GroupRow({}, 0)
    for i in range(100):
        membership.take(kept, "x:1", group, profile(f"account-{i}", 4), 8)
    assert group.arrivals == []
    group.causes = ("load",)
    arrived = [
        i for i in range(100, 300) if membership.take(kept, "x:1", group, profile(f"account-{i}", 4), 8)
    ]
    assert 0 < len(group.arrivals) <= 64
    assert len(arrived) >= len(group.arrivals)


def test_of_a_group_that_lives_on_silent_members_leave_and_a_silent_group_ends() -> None:
    kept, stage, day = rows(), Groups(Settings()), 86_400_000
    group = GroupRow({}, day, seen_at=100 * day, judge_at=10_000)
    kept.put("x:1", group)
    for name, last_at in (("old", 2 * day), ("older", day), ("young", 100 * day)):
        seen = Profile(name, 16, name, Conduct(day, last_at, answered=16))
        membership.take(kept, "x:1", group, seen, 8)
    membership.take(kept, "x:1", group, hello("greeted"), 8)
    group.sent = {"old": 16, "young": 16}
    assert stage.forget_at("x:1", group) == day + 90 * day
    stage.forget(kept, "x:1", group)
    assert group.members.keys() == {"young", "greeted"}
    assert group.sent.keys() == {"young"}
    assert (group.profiled, group.requests, group.info) == (1, 16, membership.information(16))
    assert group.judge_at < 10_000
    assert kept.get(member_key("x:1", "old")) is None
    assert kept.get(member_key("x:1", "young")) is not None
    assert stage.forget_at("x:1", group) == 100 * day + 90 * day  # nothing has changed: then it ends
    stage.forget(kept, "x:1", group)
    assert kept.get("x:1") is None
    assert kept.get(member_key("x:1", "young")) is None


def test_a_sample_stays_one_of_all_accounts_after_members_have_left() -> None:
    kept, group = rows(), GroupRow({}, 0)
    for i in range(400):
        membership.take(kept, "x:1", group, profile(f"account-{i}", 4), 16)
    gone = sorted(group.members)[:8]
    for name in gone:
        del group.members[name]
    for i in range(400, 800):
        membership.take(kept, "x:1", group, profile(f"account-{i}", 4), 16)
    assert all(crc32(name.encode()) <= group.cut for name in group.members)
    assert len(group.members) <= 16
