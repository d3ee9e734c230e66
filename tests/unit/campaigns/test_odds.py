"""Laws of membership: what one shares, how one behaves, and how many stand around."""

import pytest

from stream_guard.campaigns.odds import (
    MIN_FIT,
    MOST_RELIEF,
    TIES,
    Odds,
    budget_line,
    honest_ratio,
    ties_of,
    weigh,
)
from stream_guard.campaigns.rows import AccountRow, CampaignRow, SuspectRow
from stream_guard.clock import MINUTE_MS
from stream_guard.settings import Settings
from tests.unit.campaigns.findings import ACCOUNTS, NOW, Line, convicted, farm, finding, member


def campaign_of(count: int = 20, around: int = 0, **ties: int) -> CampaignRow:
    shown = {name.replace("_", ":", 1): number for name, number in ties.items()}
    return CampaignRow("c-1", NOW, NOW, count=count, around=around, ties=shown)


def suspect(indicator: str, size: int = 20, inside: int = 20) -> SuspectRow:
    fits: dict[str, float | None] = {f"a-{i}": 3.0 for i in range(inside)}
    return SuspectRow(
        indicator, share=size / ACCOUNTS, size=size, units=size, members=fits, inside=inside, campaign="c-1"
    )


def odds_of(account: AccountRow, campaign: CampaignRow, *groups: SuspectRow) -> Odds:
    honest = {group.indicator: honest_ratio(group) for group in groups}
    return weigh(account, campaign, list(groups), honest, NOW)


def stands_in(*groups: SuspectRow, fit: float = 3.0, ties: tuple[str, ...] = ()) -> AccountRow:
    return AccountRow("x", 32, 32, fits={group.indicator: fit for group in groups}, ties=ties)


def test_the_more_accounts_stand_around_a_campaign_the_higher_the_line() -> None:
    group = suspect("shape:farm")
    reliefs = [odds_of(stands_in(group), campaign_of(around=n), group).relief for n in (100, 1_000, 10_000)]
    assert reliefs == sorted(reliefs, reverse=True)
    assert reliefs[0] > reliefs[1] > reliefs[2] > 0
    lines = [budget_line(1.0) - relief for relief in reliefs]
    assert lines == sorted(lines)


@pytest.mark.parametrize("around", [0, ACCOUNTS, 10 * ACCOUNTS])
def test_no_relief_where_everybody_stands_around_or_nobody_knows_how_many(around: int) -> None:
    group = suspect("shape:farm")
    assert odds_of(stands_in(group), campaign_of(around=around), group).relief == 0.0


def test_relief_is_bounded_and_lowers_no_other_bar() -> None:
    group = suspect("shape:farm")
    odds = odds_of(stands_in(group, fit=MIN_FIT / 2), campaign_of(around=1), group)
    assert odds.relief == MOST_RELIEF
    assert not odds.suffices(-100.0, 0.0, stands=False)  # one vote is not two, and the fit is too small
    two = suspect("payment:card")
    odds = odds_of(stands_in(group, two, fit=MIN_FIT / 2), campaign_of(around=1), group, two)
    assert len(odds.votes) == 2
    assert not odds.suffices(-100.0, 0.0, stands=False)


@pytest.mark.parametrize("kind", sorted(TIES))
def test_a_value_that_no_suspected_group_holds_ties_all_the_same(kind: str) -> None:
    group, tie = suspect("shape:farm"), f"{kind}:quiet"
    without = odds_of(stands_in(group), campaign_of(), group)
    shared = campaign_of()
    shared.ties = {tie: 6}
    tied = odds_of(stands_in(group, ties=(tie,)), shared, group)
    assert len(tied.votes) == len(without.votes) + 1
    assert tied.total > without.total
    nobody = campaign_of()
    nobody.ties = {"payment:of others": 6}
    assert odds_of(stands_in(group, ties=(tie,)), nobody, group).votes == without.votes


def test_an_accounts_own_tie_is_no_witness_against_it() -> None:
    group, campaign = suspect("shape:farm"), campaign_of(payment_own=1)
    member_of = stands_in(group, ties=("payment:own",))
    member_of.campaign = campaign.campaign_id
    assert "payment" not in odds_of(member_of, campaign, group).votes


def test_ties_and_groups_of_one_sort_have_one_vote() -> None:
    group = suspect("payment:card")
    campaign = campaign_of(payment_quiet=8, api_key_quiet=8)
    campaign.ties = {"payment:quiet": 8, "api_key:quiet": 8, "end_user:quiet": 8}
    account = stands_in(group, ties=tuple(campaign.ties))
    assert set(odds_of(account, campaign, group).votes) == {"payment"}


def test_only_what_few_strangers_share_ties_and_at_most_eight_values() -> None:
    shown = (
        "client:x",
        "payment:a",
        "shape:y",
        "template:z",
        "tools:t",
        *(f"network:{i}" for i in range(20)),
    )
    assert ties_of(shown)[:1] == ("payment:a",)
    assert len(ties_of(shown)) == 8


def test_a_bystander_on_the_same_card_goes_free() -> None:
    """Whose conduct is his own, and whose conduct is like the farm's but who shares nothing else."""
    line = Line()
    card = [*farm(), member("bystander", -1.0), member("lookalike", 3.0)]
    verdicts = line.verdicts(finding("shape:farm", farm()), finding("payment:card", card))
    assert len(verdicts) == 20
    assert not {"bystander", "lookalike"} & verdicts.keys()


def test_a_bystander_on_the_same_quiet_card_and_tool_goes_free_by_his_conduct() -> None:
    bad = [member(f"bad-{i:02d}", 3.0, 32, f"payment:quiet-{i % 4}") for i in range(20)]
    own_way = member("own-way", -0.5, 32, "payment:quiet-1")
    line = Line()
    verdicts = line.verdicts(finding("shape:farm", [*bad, own_way]), finding("network:p", bad))
    assert verdicts.keys() == {one.account_id for one in bad}


def test_accounts_around_a_campaign_are_weighed_again_at_the_minute_after_it_grew() -> None:
    """An account is weighed on what it shared when only the core was known; then the campaign grows."""
    line = Line()
    line.now = NOW // MINUTE_MS * MINUTE_MS
    late = member("late", 3.0, 32, "payment:quiet")
    line.say(*convicted(), finding("network:proxy", [*farm(), late]))
    row_before = line.driver.rows.get("a:late")
    assert row_before is not None
    assert not row_before.verdict
    joining = [member(f"new-{i}", 3.0, 32, "payment:quiet") for i in range(6)]
    said = line.verdicts(finding("shape:farm", joining, size=26), finding("network:proxy", joining, size=27))
    assert {f"new-{i}" for i in range(6)} <= said.keys()
    assert "late" not in said
    to_the_minute = MINUTE_MS - line.now % MINUTE_MS
    assert "late" in line.verdicts(after_ms=to_the_minute)
    assert line.verdicts(after_ms=MINUTE_MS) == {}  # nothing has grown since


def test_a_tighter_budget_raises_the_bar_by_its_logarithm() -> None:
    line = Settings().budget.false_blocks_per_100k_account_days
    assert budget_line(line / 10) == pytest.approx(budget_line(line) + 2.302585)
