"""Laws of mergers and of what is kept: nothing points at a campaign that is gone, nobody is lost."""

from typing import TypeVar

import pytest
from msgspec.structs import replace

from stream_guard.campaigns import union
from stream_guard.campaigns.conviction import kind_of_campaign
from stream_guard.campaigns.rows import MAX_MEMBERS, AccountRow, CampaignRow, MembersRow, SuspectRow
from stream_guard.campaigns.stage import Campaigns
from stream_guard.clock import DAY_MS, MINUTE_MS
from stream_guard.records import Control, Finding
from stream_guard.settings import Settings
from tests.unit.campaigns.findings import LOUD, NOW, Line, convicted, farm, finding, member

T = TypeVar("T")
MANY = MAX_MEMBERS + 80
CARDS = 5


def rows_of(line: Line, kind: type[T]) -> list[T]:
    """All rows of one kind."""
    found = [line.driver.rows.get(key) for key in sorted(line.driver.rows.packed)]
    return [row for row in found if isinstance(row, kind)]


def merged(line: Line, first: int, second: int) -> tuple[str, str]:
    """Two farms on the same cards, and the next whole minute; the older and the younger campaign's id."""
    (older,) = line.states(*told("one", first))
    (younger,) = line.states(*told("two", second))
    states = line.states(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    assert states[younger].merged_into == older
    return older, younger


def told(prefix: str, count: int, cards: str = "shared") -> list[Finding]:
    members = [member(f"{prefix}-{i:02d}", 3.0, 32, f"payment:{cards}-{i % CARDS}") for i in range(count)]
    return [finding(f"{kind}:{prefix}", members) for kind in ("system_prompt", "shape")]


def test_a_merger_takes_along_accounts_beyond_those_that_groups_name() -> None:
    line = Line()
    older, younger = merged(line, 300, MANY)
    accounts = rows_of(line, AccountRow)
    assert len(accounts) == 300 + MANY
    assert {account.campaign for account in accounts} == {older}
    assert {account.verdict for account in accounts} == {older}
    (campaign,) = rows_of(line, CampaignRow)
    assert campaign.count == 300 + MANY
    assert sum(len(row.accounts) for row in rows_of(line, MembersRow)) == 300 + MANY
    assert not [key for key in line.driver.rows.packed if younger in key]


def test_the_core_stays_the_core_in_a_merger() -> None:
    line = Line()
    line.say(*told("one", 20), *told("two", 20))
    before = {account.account_id for account in rows_of(line, AccountRow) if account.is_core}
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    assert len(rows_of(line, CampaignRow)) == 1
    after = {account.account_id for account in rows_of(line, AccountRow) if account.is_core}
    assert after == before
    assert {name[:3] for name in before} == {"one", "two"}


def test_farms_that_have_a_tool_and_a_proxy_in_common_but_no_card_stay_two() -> None:
    line = Line()
    line.say(*told("one", 20, "ones"), *told("two", 20, "twos"))
    both = [member(f"{prefix}-{i:02d}") for prefix in ("one", "two") for i in range(20)]
    line.say(finding("tools:common", both), finding("network:proxy", both))
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    campaigns = rows_of(line, CampaignRow)
    assert [campaign.count for campaign in campaigns] == [20, 20]
    assert {account.account_id[:3] for account in rows_of(line, AccountRow) if account.campaign} == {
        "one",
        "two",
    }


def test_a_farm_whose_groups_joined_another_by_a_common_tool_is_convicted_by_its_own_evidence() -> None:
    line = Line()
    line.say(*told("one", 20, "ones"))
    both = [member(f"{prefix}-{i:02d}") for prefix in ("one", "two") for i in range(20)]
    line.say(finding("tools:common", both, LOUD[1:], log_e=5.0))
    two = [member(f"two-{i:02d}", 3.0, 32, f"payment:twos-{i % CARDS}") for i in range(20)]
    line.say(finding("system_prompt:two", two, LOUD[1:], log_e=5.0))
    (campaign,) = rows_of(line, CampaignRow)
    assert "system_prompt:two" in campaign.groups  # its accounts stand in a group of the campaign
    assert campaign.count == 20
    line.say(finding("system_prompt:two", two))
    first, second = sorted(rows_of(line, CampaignRow), key=lambda row: row.founded_at)
    assert first.campaign_id == campaign.campaign_id
    assert "system_prompt:two" not in first.groups
    assert "system_prompt:two" in second.groups
    assert second.count == 20
    assert {group.campaign for group in rows_of(line, SuspectRow)} == {first.campaign_id, second.campaign_id}


def test_groups_in_which_nobody_is_held_found_one_campaign_however_often_they_are_found() -> None:
    """Nobody's conduct fits, so that nobody stays; what was founded on them is no stranger's campaign."""
    line, nobody = Line(), [member(f"a-{i:02d}", 0.0) for i in range(20)]
    for _ in range(6):
        line.say(finding("system_prompt:x", nobody), finding("shape:x", nobody))
        (campaign,) = rows_of(line, CampaignRow)
        assert campaign.count == 0


def test_a_group_at_home_nowhere_stays_where_it_is() -> None:
    """A few of a hundred fit: enough for a core, and too few for the group to be theirs."""
    line = Line()
    line.say(*told("one", 20, "ones"))
    crowd = [member(f"two-{i:02d}", 3.0 if i < 8 else -1.0) for i in range(100)]
    both = [*(member(f"one-{i:02d}") for i in range(20)), *crowd[:20]]
    line.say(finding("tools:common", both, LOUD[1:], log_e=5.0))
    line.say(finding("system_prompt:two", [*crowd, *both[:20]], LOUD[1:], log_e=5.0))
    for _ in range(3):
        line.say(finding("system_prompt:two", crowd))
        assert len(rows_of(line, CampaignRow)) == 1


def test_the_next_loudest_speaks_for_a_campaign_whose_spokesman_leaves_it() -> None:
    line = Line()
    line.say(*told("one", 20, "ones"))
    both = [member(f"{prefix}-{i:02d}") for prefix in ("one", "two") for i in range(20)]
    line.say(finding("tools:common", both, LOUD[1:], log_e=5.0))
    two = [member(f"two-{i:02d}", 3.0, 32, f"payment:twos-{i % CARDS}") for i in range(20)]
    line.say(finding("system_prompt:two", two, LOUD[1:], log_e=25.0))
    (campaign,) = rows_of(line, CampaignRow)
    assert (campaign.spokesman, campaign.evidence) == ("system_prompt:two", LOUD[1:])
    line.say(finding("system_prompt:two", two))
    first, second = sorted(rows_of(line, CampaignRow), key=lambda row: row.founded_at)
    assert first.spokesman in first.groups
    assert (first.log_e, first.evidence) == (18.0, LOUD)
    assert first.kind == kind_of_campaign(LOUD)
    assert second.spokesman in second.groups


@pytest.mark.parametrize("stray", [("payment:ones-0",), ("api_key:k", "device:d", "payment:ones-0")])
def test_a_stray_account_makes_its_campaign_nobodys_kin(stray: tuple[str, ...]) -> None:
    """One of twenty holds what all of the other farm hold; it came by mistake, and joins nothing."""
    line = Line()
    one = [
        member(f"one-{i:02d}", 3.0, 32, "api_key:k", "device:d", f"payment:ones-{i % 5}") for i in range(20)
    ]
    line.say(finding("system_prompt:one", one), finding("shape:one", one))
    two = [member(f"two-{i:02d}", 3.0, 32, f"payment:twos-{i % CARDS}") for i in range(19)]
    two.append(member("two-19", 3.0, 32, *stray))
    line.say(finding("system_prompt:two", two), finding("shape:two", two))
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    assert len(rows_of(line, CampaignRow)) == 2


def test_a_campaign_that_groups_and_accounts_have_left_ends_with_the_minute() -> None:
    line = Line()
    nobody = [member(f"two-{i:02d}", 0.0) for i in range(20)]
    (empty,) = line.states(finding("system_prompt:two", nobody), finding("shape:two", nobody))
    fitting = [member(one.account_id, 3.0, 40) for one in nobody]
    line.say(finding("shape:two", fitting), finding("system_prompt:two", fitting))
    states = line.states(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    assert states[empty].status == "ended"
    (campaign,) = rows_of(line, CampaignRow)
    assert campaign.campaign_id != empty
    assert campaign.count == 20


def test_groups_for_which_a_merger_has_no_room_are_free_and_cost_nobody_his_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(union, "MAX_GROUPS", 3)
    line = Line()
    older, _ = merged(line, 20, 20)
    groups = rows_of(line, SuspectRow)
    assert {group.campaign for group in groups} == {older, ""}
    (campaign,) = rows_of(line, CampaignRow)
    assert set(campaign.groups) == {group.indicator for group in groups if group.campaign}
    freed = [group for group in groups if not group.campaign]
    assert len(freed) == 1
    line.say(*told("two", 20), after_ms=MINUTE_MS)
    assert {account.verdict for account in rows_of(line, AccountRow)} == {older}
    # A group that is free ends like any other.
    line.say(finding(freed[0].indicator, (), ()))
    assert freed[0].indicator not in {group.indicator for group in rows_of(line, SuspectRow)}


def test_a_campaign_that_ends_lets_everybody_go_whom_no_group_names() -> None:
    line = Line()
    line.say(*told("one", MANY))
    minute = MINUTE_MS - (line.now + 15 * DAY_MS) % MINUTE_MS
    assert [state.status for state in line.states(after_ms=15 * DAY_MS + minute).values()] == ["ended"]
    assert set(line.driver.rows.packed) <= {"index"}


def cleared(line: Line, name: str) -> None:
    word = Control(verb="label", subject=name, spoken_at=NOW / 1000, author="op", value="wrong")
    line.say(Finding(name, 0, 0, 0.0, 0.0, 0.0, control=word))


def is_cleared(line: Line, name: str) -> bool:
    row = line.driver.rows.get(f"a:{name}")
    return isinstance(row, AccountRow) and row.is_cleared


def test_who_is_cleared_stays_so_whatever_becomes_of_his_groups() -> None:
    line = Line()
    line.say(finding("payment:quiet", farm(), log_e=5.0))  # suspected, not convicted
    cleared(line, "bad-03")
    line.say(finding("payment:quiet", (), ()))
    assert is_cleared(line, "bad-03")
    assert [row.account_id for row in rows_of(line, AccountRow)] == ["bad-03"]

    line.say(*convicted())
    assert is_cleared(line, "bad-03")
    minute = MINUTE_MS - (line.now + 15 * DAY_MS) % MINUTE_MS
    line.say(after_ms=15 * DAY_MS + minute)
    assert is_cleared(line, "bad-03")
    assert [row.account_id for row in rows_of(line, AccountRow)] == ["bad-03"]

    line.say(finding("payment:quiet", farm(), log_e=5.0))
    (group,) = rows_of(line, SuspectRow)
    Campaigns(Settings()).forget(line.driver.rows, "g:payment:quiet", group)
    assert is_cleared(line, "bad-03")


def test_an_account_that_is_forgotten_makes_room_in_groups_that_live_on() -> None:
    line = Line()
    line.say(finding("payment:quiet", farm(), log_e=5.0))
    gone = rows_of(line, AccountRow)[3]
    Campaigns(Settings()).forget(line.driver.rows, "a:bad-03", gone)
    line.say()
    (group,) = rows_of(line, SuspectRow)
    assert sorted(group.members) == [one.account_id for one in farm() if one.account_id != "bad-03"]


def test_who_comes_back_after_he_was_forgotten_is_harvested_by_again() -> None:
    """ACCOUNTS counts him from one; what his campaign had taken through him is not taken back."""
    line = Line()
    (state,) = line.states(*convicted()).values()
    again = member("bad-00", 3.0, 4)
    assert again.profile.conduct is not None
    conduct = replace(again.profile.conduct, first_at=NOW + 91 * DAY_MS, last_at=NOW + 92 * DAY_MS)
    back = replace(again, profile=replace(again.profile, conduct=conduct))
    line.say(finding("payment:card", [back]))
    line.say(finding("shape:farm", [back]), finding("payment:card", [member("bad-00")]))  # and an old profile
    row = line.driver.rows.get("a:bad-00")
    assert isinstance(row, AccountRow)
    assert (row.requests, row.answered) == (4, 36)
    (campaign,) = rows_of(line, CampaignRow)
    assert campaign.harvested == state.harvested + 4
