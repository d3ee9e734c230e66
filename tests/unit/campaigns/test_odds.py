"""Laws of membership: what one shares, how one behaves, and how many stand around."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.campaigns import sentencing, traits
from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.makeup import LEAST_HONEST, honest_count
from stream_guard.campaigns.odds import (
    AMONG,
    LEAST_AMONG,
    LEAST_FITS,
    MIN_AMONG,
    MIN_VOTES,
    MOST_RELIEF,
    SECOND,
    SLACK,
    SOFT_FITS,
    SOFT_NATS,
    Odds,
    budget_line,
    weigh,
)
from stream_guard.campaigns.rows import CONDUCT_REQUESTS, AccountRow, CampaignRow, Row, SuspectRow
from stream_guard.campaigns.traits import FLOORS, OTHER_FLOOR, RARE, dealt_share, dimension_of
from stream_guard.clock import MINUTE_MS
from stream_guard.records import INDICATOR_DIMENSIONS, INDICATOR_KINDS
from stream_guard.runtime.rows import LaneRows
from stream_guard.settings import Settings
from tests.unit.campaigns.findings import ACCOUNTS, NOW, Line, convicted, farm, finding, member
from tests.unit.groups.stream import Recorder


def new_ledger() -> Ledger:
    return Ledger(LaneRows(Row, 1_000))


def campaign_of(count: int = 20, around: int = 0) -> CampaignRow:
    return CampaignRow("c-1", NOW, NOW, count=count, around=around)


def suspect(indicator: str, size: int = 20, inside: int = 20) -> SuspectRow:
    fits: dict[str, float | None] = {f"a-{i}": 3.0 for i in range(inside)}
    return SuspectRow(
        indicator, share=size / ACCOUNTS, size=size, units=size, members=fits, inside=inside, campaign="c-1",
    )  # fmt: skip


def odds_of(
    account: AccountRow,
    campaign: CampaignRow,
    *groups: SuspectRow,
    ledger: Ledger | None = None,
    honest: float | None = None,
) -> Odds:
    """Weighed with so many honest accounts in each group; as its make-up tells where it is not said."""
    found = ledger or new_ledger()
    counts = {
        group.indicator: honest_count(found, group, campaign) if honest is None else honest
        for group in groups
    }
    return weigh(found, account, campaign, list(groups), counts, NOW)


def made_up(
    fit: float = 0.0, inside: int = 5, size: int = 40, votes: dict[str, float] | None = None
) -> tuple[Ledger, SuspectRow, CampaignRow]:
    """A group whose members' conduct fits so well, and who share so much with the campaign elsewhere."""
    ledger, campaign = new_ledger(), campaign_of()
    group = suspect("shape:farm", size=size, inside=inside)
    group.members = {f"a-{i:03d}": fit for i in range(size)}
    for name in group.members:
        ledger.change(AccountRow(name, 32, 32, fits={group.indicator: fit}, votes=dict(votes or {})))
    return ledger, group, campaign


def stands_in(*groups: SuspectRow, fit: float = 3.0, shows: tuple[str, ...] = ()) -> AccountRow:
    return AccountRow("x", 32, 32, fits={group.indicator: fit for group in groups}, indicators=shows)


def dealing(kind: str, values: int = 5, share: float = 0.0001) -> tuple[Ledger, CampaignRow]:
    """A campaign of twenty accounts who deal out so many values of a kind, and what it counts of them."""
    ledger, campaign = new_ledger(), campaign_of(0)
    for i in range(20):
        shown = (f"{kind}:{i % values}",)
        account = AccountRow(f"a-{i:02d}", indicators=shown, shares=(share,), among=ACCOUNTS)
        ledger.join(account, campaign)
    traits.refresh(ledger, campaign)
    return ledger, campaign


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
    odds = odds_of(stands_in(group, fit=LEAST_FITS[0] / 2), campaign_of(around=1), group)
    assert odds.relief == MOST_RELIEF
    assert not odds.suffices(-100.0, 0.0, stands=False)  # one vote is not two
    two = suspect("payment:card")
    odds = odds_of(stands_in(group, two, fit=LEAST_FITS[1] - 0.1), campaign_of(around=1), group, two)
    assert len(odds.votes) == 2
    assert not odds.suffices(-100.0, 0.0, stands=False)  # the fit is too small for two votes


def test_the_more_causes_speak_the_less_the_conduct_must_fit() -> None:
    assert list(LEAST_FITS) == sorted(LEAST_FITS, reverse=True)
    groups = [suspect(f"{kind}:x") for kind in ("shape", "payment", "device", "network")]
    for votes in range(1, len(groups) + 1):
        for fit in (LEAST_FITS[votes - 1] + 0.01, LEAST_FITS[votes - 1] - 0.01):
            odds = odds_of(stands_in(*groups[:votes], fit=fit), campaign_of(), *groups[:votes])
            assert len(odds.votes) == votes
            enough = votes >= MIN_VOTES and fit > LEAST_FITS[votes - 1]
            assert odds.suffices(-100.0, 0.0, stands=False) == enough


@pytest.mark.parametrize("kind", sorted(INDICATOR_DIMENSIONS))
def test_a_value_that_no_suspected_group_holds_speaks_where_others_of_the_campaign_hold_it(kind: str) -> None:
    forming = "payment:card" if dimension_of(f"{kind}:0") != "payment" else "shape:farm"
    group = suspect(forming)
    ledger, campaign = dealing(kind)
    alone = odds_of(stands_in(group), campaign, group, ledger=ledger)
    dealt = odds_of(stands_in(group, shows=(f"{kind}:0",)), campaign, group, ledger=ledger)
    assert dealt.votes.keys() - alone.votes.keys() == {dimension_of(f"{kind}:0")}
    assert dealt.total > alone.total
    foreign = odds_of(stands_in(group, shows=(f"{kind}:foreign",)), campaign, group, ledger=ledger)
    assert foreign.votes == alone.votes


def test_an_accounts_own_value_is_no_witness_against_it() -> None:
    """Twenty accounts with a card each deal nothing; nor does a card that only this account brought."""
    group = suspect("shape:farm")
    _, campaign = dealing("payment", values=20)
    assert "payment" not in campaign.traits
    ledger, campaign = dealing("payment")
    inside = stands_in(group, shows=("payment:own",))
    inside.shares, inside.among = (0.0001,), ACCOUNTS
    ledger.join(inside, campaign)
    assert "payment" not in odds_of(inside, campaign, group, ledger=ledger).votes


def test_what_honest_accounts_show_as_well_says_little_and_what_is_common_nothing() -> None:
    group, weights = suspect("payment:card"), []
    for share in (0.0001, 0.002, RARE, RARE * 1.5):
        ledger, campaign = dealing("network", share=share)
        odds = odds_of(stands_in(group, shows=("network:0",)), campaign, group, ledger=ledger)
        weights.append(odds.votes.get("network", 0.0))
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > weights[1] > 0
    assert weights[-1] == 0.0


@pytest.mark.parametrize("kind", ["payment", "device", "api_key"])
def test_a_card_that_more_honest_accounts_hold_than_the_campaigns_is_not_dealt_out(kind: str) -> None:
    """A firm's card, of whose seats some were taken in: the others' honesty is what it says."""
    ledger, campaign = dealing(kind)
    row = ledger.value(f"{kind}:0")
    assert row is not None
    inside = row.inside[campaign.campaign_id]
    for honest, is_dealt in ((0, True), (inside // 2, True), (8 * inside, False)):
        row.share = (inside + honest) / row.accounts
        assert (dealt_share(ledger, f"{kind}:0", campaign, is_inside=False) is not None) == is_dealt


def test_the_shares_of_a_dimension_are_bounded_from_below_and_p_is_what_members_hold() -> None:
    for kind in sorted(INDICATOR_KINDS):
        _, campaign = dealing(kind)
        for dimension, (p, q) in campaign.traits.items():
            assert 0 < p <= 1
            assert FLOORS.get(dimension, OTHER_FLOOR) <= q <= 1
            assert p > 0.9  # all twenty hold a value that another holds


def test_groups_and_dealt_values_of_one_dimension_have_one_vote() -> None:
    group = suspect("payment:card")
    ledger, campaign = dealing("api_key")
    account = stands_in(group, shows=("api_key:0", "api_key:1"))
    assert set(odds_of(account, campaign, group, ledger=ledger).votes) == {"payment"}


def test_more_that_members_share_elsewhere_leaves_fewer_of_them_honest() -> None:
    shared: list[dict[str, float]] = [
        {},
        {"payment": 1.0},
        {"payment": 4.0},
        {"payment": 4.0, "network": 4.0},
    ]
    counts = [honest_count(*made_up(fit=-2.0, votes=votes)) for votes in shared]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0]
    fits = [honest_count(*made_up(fit=fit)) for fit in (-4.0, -1.0, 1.0, 4.0)]
    assert fits == sorted(fits, reverse=True)
    assert fits[-1] < fits[0]


def test_what_formed_the_group_is_no_news_about_who_belongs_to_it() -> None:
    """A vote of the group's own dimension is what is asked about, not an answer."""
    own, plain = made_up(votes={"software": 6.0}), made_up()
    assert dimension_of("shape:farm") == "software"
    assert honest_count(*own) == honest_count(*plain)


def test_who_lacks_what_most_of_the_campaign_deals_out_is_more_likely_honest() -> None:
    ledger, group, campaign = made_up(fit=1.0)
    without = honest_count(ledger, group, campaign)
    ledger, group, campaign = made_up(fit=1.0)
    campaign.traits = {"payment": (0.9, 0.001)}
    assert honest_count(ledger, group, campaign) > without


@given(st.floats(-8, 8), st.integers(0, 40), st.integers(0, 40), st.floats(0, 6), st.floats(0.01, 0.99))
def test_honest_accounts_are_never_more_than_stand_outside_and_never_none(
    fit: float, inside: int, outside: int, vote: float, p: float
) -> None:
    size = max(1, inside + outside)
    ledger, group, campaign = made_up(fit, inside, size, {"payment": vote})
    campaign.traits = {"network": (p, 0.01), "payment": (p, 0.001)}
    count, left = honest_count(ledger, group, campaign), max(0, size - inside)
    assert count >= 0.5
    assert count >= LEAST_HONEST * left
    assert count <= max(left, 0.5)


def test_one_vote_is_enough_only_among_accounts_that_are_nearly_all_the_campaigns() -> None:
    group, campaign = suspect("shape:farm", size=44, inside=40), campaign_of(40)
    among = odds_of(stands_in(group, fit=3.0), campaign, group, honest=1.0)
    assert len(among.votes) == 1
    assert among.is_among_own()
    assert among.suffices(-100.0, 0.0, stands=False)
    assert not among.suffices(among.total + 0.1, 0.0, stands=False)  # the line holds for it as for others
    half = odds_of(stands_in(group, fit=3.0), campaign, group, honest=40.0)
    assert not half.is_among_own()
    assert not half.suffices(-100.0, 0.0, stands=False)


def test_what_barely_held_holds_while_the_sentence_stands() -> None:
    """Else who stands at an edge would be let go and held again with every small change."""
    group = suspect("shape:farm", size=48, inside=40)
    fit, campaign = AMONG - LEAST_AMONG, campaign_of(40, around=1)
    edge = odds_of(stands_in(group, fit=fit), campaign, group, honest=2.0 - 1e-9)
    assert edge.is_among_own()
    assert edge.suffices(edge.total, 0.0, stands=False)
    crowded = suspect("shape:farm", size=52, inside=40)
    near = odds_of(stands_in(crowded, fit=fit - 0.1), campaign, crowded, honest=3.0)
    assert near.left > edge.left
    assert not near.suffices(near.total, 0.0, stands=False)
    assert near.suffices(near.total, 0.0, stands=True)
    far = odds_of(stands_in(crowded, fit=fit), campaign, crowded, honest=20.0)
    assert not far.suffices(far.total, 0.0, stands=True)


def test_among_the_campaigns_own_soft_votes_have_relief_if_those_beside_the_loudest_say_enough() -> None:
    groups = [suspect("shape:farm", size=52, inside=40), suspect("network:relay", size=4_000, inside=30)]
    campaign = campaign_of(40, around=1)
    granted = []
    for honest in (10.0, 1_500.0, 3_900.0):
        counts = {"shape:farm": 1.9, "network:relay": honest}
        odds = weigh(new_ledger(), stands_in(*groups, fit=3.0), campaign, groups, counts, NOW)
        assert odds.is_among_own()
        granted.append((odds.votes.get("network", 0.0) >= SECOND, odds.granted))
    assert granted == [(True, MOST_RELIEF), (True, MOST_RELIEF), (False, 0.0)]


@pytest.mark.parametrize("indicator", ["network:relay", "email_domain:mail"])
def test_where_strangers_turn_up_as_well_one_vote_is_never_enough(indicator: str) -> None:
    group = suspect(indicator, size=40, inside=40)
    odds = odds_of(stands_in(group, fit=8.0), campaign_of(40, around=1), group, honest=0.5)
    assert len(odds.votes) == 1
    assert not odds.suffices(-100.0, 0.0, stands=False)


@given(fit=st.floats(0.5, 8.0))
def test_in_a_tool_that_many_honest_customers_use_no_fit_stands_in_for_a_second_vote(fit: float) -> None:
    """They use it as the campaign does, and so work as it does."""
    group = suspect("tools:common", size=200, inside=140)
    odds = odds_of(stands_in(group, fit=fit), campaign_of(140, around=60), group, honest=60.0)
    assert not odds.suffices(-100.0, 0.0, stands=False)


@pytest.mark.parametrize("honest", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("fit", [-0.01, -1.0, -4.0])
def test_whose_conduct_does_not_fit_is_never_held_by_whom_he_stands_among(fit: float, honest: float) -> None:
    group = suspect("shape:farm", size=400, inside=390)
    odds = odds_of(stands_in(group, fit=fit), campaign_of(390), group, honest=honest)
    assert odds.among > AMONG or honest > 1.0
    assert not odds.is_among_own()
    assert not odds.suffices(-100.0, 0.0, stands=False)
    assert not odds.suffices(-100.0, 0.0, stands=True)


def test_who_belongs_is_not_let_go_because_one_other_left() -> None:
    """At the least number of accounts that tell, half as many still tell for those who belong."""
    group, campaign = suspect("shape:farm", size=MIN_AMONG, inside=MIN_AMONG), campaign_of(MIN_AMONG)
    account = stands_in(group, fit=3.0)
    assert odds_of(account, campaign, group, honest=0.5).is_among_own()
    account.campaign = campaign.campaign_id
    group.inside = MIN_AMONG // 2
    assert not odds_of(account, campaign, group, honest=0.1).is_among_own()
    group.inside = MIN_AMONG // 2 + 1
    assert odds_of(account, campaign, group, honest=0.1).is_among_own()


def test_few_accounts_of_a_campaign_do_not_tell_what_a_group_is_made_up_of() -> None:
    for inside in (2, MIN_AMONG - 1, MIN_AMONG):
        group = suspect("shape:farm", size=inside, inside=inside)
        odds = odds_of(stands_in(group, fit=8.0), campaign_of(inside), group, honest=0.5)
        assert (odds.among > 0) == (inside >= MIN_AMONG)


def test_votes_that_honest_customers_share_as_well_need_the_line_without_relief() -> None:
    """A tool and a relay; with a card beside one of them, or among none but the campaign's, relief counts."""
    soft = [suspect("shape:farm"), suspect("network:relay")]
    owned = [suspect("shape:farm"), suspect("payment:card")]
    campaign = campaign_of(around=1)
    weak = odds_of(stands_in(*soft, fit=SOFT_FITS[1]), campaign, *soft, honest=10.0)
    held = odds_of(stands_in(*owned, fit=SOFT_FITS[1]), campaign, *owned, honest=10.0)
    assert weak.relief > 0
    assert weak.total == pytest.approx(held.total)
    assert held.suffices(held.total + held.relief - 0.1, 0.0, stands=False)
    assert not held.suffices(held.total + held.relief + 0.1, 0.0, stands=False)
    assert not weak.suffices(weak.total - 0.1, 0.0, stands=False)
    assert weak.suffices(weak.total - weak.relief - SOFT_NATS - 0.1, 0.0, stands=False)
    line = weak.total - SOFT_NATS  # at which it is held, and let go when it has fallen by the slack
    assert weak.suffices(line + SLACK - 0.1, 0.0, stands=True)
    assert not weak.suffices(line + SLACK + 0.1, 0.0, stands=True)
    among = odds_of(stands_in(*soft, fit=AMONG - LEAST_AMONG), campaign, *soft, honest=1.0)
    assert among.is_among_own()
    assert among.suffices(among.total - 0.1, 0.0, stands=False)
    assert list(SOFT_FITS) == sorted(SOFT_FITS, reverse=True)
    assert all(soft_fit > fit for soft_fit, fit in zip(SOFT_FITS, LEAST_FITS, strict=True))


def test_a_newcomer_on_relays_and_tools_alone_is_left_until_he_has_shown_how_he_works() -> None:
    """Also among accounts that are all the campaign's: other newcomers may be what they seem to be."""
    soft = [suspect("shape:farm"), suspect("network:relay"), suspect("referral:code")]
    for groups, is_held in ((soft, False), ([*soft, suspect("device:farm")], True)):
        newcomer = stands_in(*groups)
        newcomer.requests = CONDUCT_REQUESTS - 1
        odds = odds_of(newcomer, campaign_of(around=1), *groups, honest=0.5)
        assert not odds.has_conduct
        assert odds.suffices(-100.0, 0.0, stands=False) == is_held


@pytest.mark.parametrize("kind", ["payment", "device"])
def test_who_shares_no_instrument_where_most_of_the_campaign_do_is_weighed_less(kind: str) -> None:
    group = suspect("shape:farm")
    ledger, campaign = dealing(kind)
    with_it = odds_of(stands_in(group, shows=(f"{kind}:0",)), campaign, group, ledger=ledger)
    without = odds_of(stands_in(group), campaign, group, ledger=ledger)
    assert with_it.lacks == 0.0
    assert without.lacks < -1.0
    assert without.total == pytest.approx(sum(without.votes.values()) + without.fit + without.lacks)
    assert odds_of(stands_in(group), campaign_of(), group).lacks == 0.0  # nothing is known to be dealt out


def test_odds_that_do_not_suffice_in_one_campaign_hide_none_that_do_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger, out = new_ledger(), Recorder()
    for name in ("c-1", "c-2"):
        ledger.change(CampaignRow(name, NOW, NOW, count=20))
        group = suspect(f"shape:{name}")
        group.campaign = name
        ledger.change(group)
    ledger.change(AccountRow("x", 32, 32, fits={"shape:c-1": 3.0, "shape:c-2": 3.0}))
    found = {
        "c-1": Odds("c-1", {"software": 30.0}, 3.0, has_conduct=True, credit=0.0, evidence=()),
        "c-2": Odds("c-2", {"payment": 6.0, "device": 6.0}, 3.0, has_conduct=True, credit=0.0, evidence=()),
    }
    monkeypatch.setattr(
        sentencing, "weigh", lambda _ledger, _account, campaign, *_: found[campaign.campaign_id]
    )
    sentencing.Session(ledger, budget_line(1.0), NOW, out).weigh("x")
    account = ledger.account("x")
    assert account is not None
    assert (account.campaign, account.verdict, account.votes) == ("c-2", "c-2", found["c-2"].votes)


def test_who_is_let_go_and_held_again_within_a_day_is_one_doubtful_block() -> None:
    line = Line()
    line.say(*convicted())
    once = line.driver.out.counts["doubt_millionths"]
    own_ways = [member(one.account_id, -4.0, 64) for one in farm()]
    line.say(finding("shape:farm", own_ways), finding("payment:card", own_ways))
    back = [member(one.account_id, 3.0, 128) for one in farm()]
    again = line.verdicts(finding("shape:farm", back), finding("payment:card", back))
    assert len(again) == 20
    assert line.driver.out.counts["doubt_millionths"] == once


def test_a_newcomer_without_conduct_is_never_held_by_one_vote() -> None:
    group = suspect("shape:farm", size=400, inside=399)
    newcomer = AccountRow("x", 1, 1, fits={group.indicator: 8.0})
    odds = odds_of(newcomer, campaign_of(399), group, honest=0.5)
    assert not odds.has_conduct
    assert not odds.suffices(-100.0, 0.0, stands=False)


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


@given(
    st.floats(-4.0, 6.0),
    st.integers(1, 500),
    st.integers(0, 400),
    st.sampled_from([0.1, 1.0, 10.0]),
    st.sampled_from(["payment:farm", "shape:tool"]),
)
def test_the_doubt_of_a_sentence_is_at_most_a_days_grant_and_less_the_further_beyond_the_line(
    beyond: float, members: int, around: int, granted: float, indicator: str
) -> None:
    """At the line its doubt is what the operator grants for one day, over the campaign's members."""
    group, account = suspect(indicator), AccountRow("x", fits={indicator: 1.0}, requests=50)
    odds = odds_of(account, campaign_of(around=around), group)
    assert (odds.granted == 0.0) or indicator == "payment:farm"
    line = budget_line(granted) - odds.granted
    bonus = line + beyond - odds.total
    a_day = ACCOUNTS * granted / 100_000
    honest = a_day * exp(-beyond)
    assert odds.doubt(bonus, members) == pytest.approx(honest / (honest + members))
    assert 0 < odds.doubt(bonus + 1, members) < odds.doubt(bonus, members) < 1
