"""However much is convicted at once, blocks are bounded per hour; what exceeds them is in shadow."""

from stream_guard.decisions import budget
from tests.unit.decisions.desk import DAY, HOUR, MINUTE, Desk, in_partition, policy, verdict, word


def blocks(desk: Desk) -> list[str]:
    return [d.account_id for d in desk.decisions if d.action == "block" and not d.shadow]


def test_over_the_cap_blocks_are_in_shadow_and_counted() -> None:
    desk = Desk(policy(limits={"blocks_per_hour": 3}))
    desk.tick(*(verdict(f"a{n}", score=0.9 + n / 100) for n in range(5)))
    assert blocks(desk) == ["a4", "a3", "a2"]  # the most anomalous first
    shadowed = [d for d in desk.decisions if d.shadow]
    assert [d.account_id for d in shadowed] == ["a1", "a0"]
    assert all("block_cap_reached" in d.reason_codes for d in shadowed)
    assert desk.counts["blocks_over_cap"] == 2


def test_who_was_over_the_cap_is_blocked_when_there_is_room_again() -> None:
    desk = Desk(policy(limits={"blocks_per_hour": 3}))
    desk.tick(*(verdict(f"a{n}") for n in range(5)))
    desk.wait(HOUR + 11 * MINUTE)
    assert sorted(blocks(desk)) == [f"a{n}" for n in range(5)]
    assert desk.counts["blocks_over_cap"] == 2


def test_a_milder_rule_that_is_enforced_goes_before_a_block_over_the_cap() -> None:
    desk = Desk(policy(limits={"blocks_per_hour": 0}))
    desk.tick(verdict(), verdict(source="account", kind="own_burst"))
    assert [(d.action, d.shadow) for d in desk.decisions] == [("throttle", False)]


def test_renewing_a_block_costs_nothing() -> None:
    desk = Desk(policy(limits={"blocks_per_hour": 1}))
    desk.tick(verdict())
    for _ in range(40):
        desk.tick(verdict(), after_ms=6 * HOUR)
    assert desk.counts["blocks_over_cap"] == 0
    assert all(not d.shadow for d in desk.decisions)


def test_a_block_in_force_that_ends_is_counted_by_how_it_ended() -> None:
    desk = Desk(policy(limits={"blocks_per_hour": 4}, pardon="30d"))
    desk.tick(*(verdict(f"a{n}", score=0.9 - n / 100) for n in range(5)), verdict("mild", score=0.1))
    assert len(blocks(desk)) == 4
    revoke, wrong = word("revoke", "a0"), word("label", "a1", value="wrong")
    desk.tick(revoke, wrong, word("exempt", "a2"), word("revoke", "a4"), word("revoke", "mild"))
    assert ended(desk) == {"revoked": 2, "exempt": 1}, "neither what was in shadow nor a challenge counts"
    desk.tick(verdict("a3", kind=""), after_ms=HOUR)
    desk.tick(verdict("late"))
    desk.wait(8 * DAY)
    assert ended(desk) == {"revoked": 2, "exempt": 1, "withdrawn": 1, "expired": 1}


def ended(desk: Desk) -> dict[str, int]:
    counts = desk.counts.items()
    return {what.removeprefix("blocks_ended."): by for what, by in counts if what.startswith("blocks_ended.")}


def test_the_shares_of_all_partitions_add_up_to_the_cap() -> None:
    for cap in range(20):
        for partitions in range(1, 9):
            assert sum(budget.share(cap, p, partitions) for p in range(partitions)) == cap


def test_a_partition_spends_its_own_share_only() -> None:
    desk = Desk(policy(limits={"blocks_per_hour": 5}), partitions=4)
    desk.tick(*(verdict(name) for name in in_partition(0, 4, 6)))
    assert len(blocks(desk)) == 2  # 5 over 4 partitions: 2, 1, 1, 1
