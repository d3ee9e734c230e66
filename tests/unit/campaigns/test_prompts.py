"""Laws of prompts in common: how many are different, and how far they speak."""

from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.campaigns import prompts, traits
from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.odds import MIN_VOTES, MOST_VOTE, SOFT_FITS
from stream_guard.campaigns.rows import AccountRow, CampaignRow
from stream_guard.campaigns.traits import FLOORS
from stream_guard.clock import MINUTE_MS
from tests.unit.campaigns.findings import ACCOUNTS, LOUD, Line, finding, member
from tests.unit.campaigns.test_odds import campaign_of, new_ledger, odds_of, suspect

FARM = 40
QUESTIONS = tuple(f"template:{i:02d}" for i in range(12))
LISTED = [tuple(sorted(Random(i).sample(QUESTIONS, 4))) for i in range(FARM)]
TOOL = tuple(sorted(("system_prompt:tool", *(f"template:tool-{i}" for i in range(4)))))

names = st.sampled_from([f"template:{i}" for i in range(12)])
showings = st.dictionaries(names, st.sets(st.integers(0, 30).map(str), min_size=1), max_size=12)


def showing(account_id: str, shown: tuple[str, ...]) -> AccountRow:
    return AccountRow(account_id, 32, 32, indicators=shown, shares=(0.0001,) * len(shown), among=ACCOUNTS)


def campaign_showing(each: list[tuple[str, ...]], *strangers: AccountRow) -> tuple[Ledger, CampaignRow]:
    """A campaign whose accounts show these, and what it counts with these strangers around it."""
    ledger, campaign = new_ledger(), campaign_of(0, around=1)
    for stranger in strangers:
        ledger.change(stranger)
    for i, shown in enumerate(each):
        ledger.join(showing(f"a-{i:02d}", shown), campaign)
    traits.refresh(ledger, campaign, [stranger.account_id for stranger in strangers])
    return ledger, campaign


@given(showings)
def test_every_prompt_that_is_kept_has_a_number_and_numbers_do_not_depend_on_the_order(
    shown_by: dict[str, set[str]],
) -> None:
    numbers = prompts.sort_out(shown_by)
    assert set(numbers) == {name for name, shown in shown_by.items() if len(shown) >= prompts.LEAST_SHOWN}
    assert set(numbers.values()) == set(range(len(set(numbers.values()))))
    assert prompts.sort_out(dict(sorted(shown_by.items(), reverse=True))) == numbers


def test_of_many_prompts_the_most_shown_are_kept() -> None:
    shown_by = {
        f"template:{i:03d}": {f"{i}-{j}" for j in range(4 + i)} for i in range(prompts.MAX_PROMPTS + 20)
    }
    numbers = prompts.sort_out(shown_by)
    assert set(numbers) == set(sorted(shown_by, reverse=True)[: prompts.MAX_PROMPTS])
    assert len(set(numbers.values())) == prompts.MAX_PROMPTS  # nobody shows two


def test_what_a_tool_shows_to_all_its_users_is_one_prompt() -> None:
    _, campaign = campaign_showing([TOOL] * FARM)
    assert set(campaign.prompts) == set(TOOL)
    assert set(campaign.prompts.values()) == {0}
    assert not prompts.are_several(campaign, showing("x", TOOL))
    most = [TOOL[:i] + TOOL[i + 1 :] for i in range(len(TOOL))]  # each user has yet to meet one of them
    _, campaign = campaign_showing(most * (FARM // len(TOOL)))
    assert set(campaign.prompts.values()) == {0}
    _, mixed = campaign_showing([*[TOOL] * (FARM // 2), *LISTED])
    assert not prompts.are_several(mixed, showing("x", TOOL))
    assert prompts.are_several(mixed, showing("x", LISTED[0]))


def test_a_list_of_questions_that_is_dealt_out_holds_many_different_ones() -> None:
    ledger, campaign = campaign_showing(LISTED)
    assert len(set(campaign.prompts.values())) == len(QUESTIONS)
    p, q = campaign.several
    assert (p, q) == ((FARM + 0.5) / (FARM + 1), FLOORS["software"])
    group = suspect(QUESTIONS[0])
    for shown, is_louder in ((LISTED[0], True), (LISTED[0][:2], False), (TOOL, False)):
        account = showing(
            "x",
            shown,
        )
        account.fits = {group.indicator: 3.0}
        odds = odds_of(account, campaign, group, ledger=ledger)
        assert (odds.prompts > 0) == is_louder
        assert odds.votes["software"] == pytest.approx(MOST_VOTE + (log(p / q) if is_louder else 0.0))
        assert [said.name for said in odds.evidence].count("shared_prompts") == is_louder


@given(st.floats(0.5, 8.0), st.integers(0, 30))
def test_who_only_asks_what_the_farm_asks_is_held_at_no_fit(fit: float, strangers: int) -> None:
    """Public question sets: a laboratory runs what the farm runs, in one go, and shares nothing else."""
    ledger, campaign = campaign_showing(LISTED, *(showing(f"b-{i}", LISTED[i]) for i in range(strangers)))
    group = suspect(QUESTIONS[0], size=FARM + 10, inside=FARM)
    laboratory = showing("x", LISTED[0])
    laboratory.fits = {group.indicator: fit}
    odds = odds_of(laboratory, campaign, group, ledger=ledger)
    assert odds.prompts > 0
    assert len(odds.votes) < MIN_VOTES
    assert not odds.suffices(-100.0, 0.0, stands=False)
    group.size = FARM + 1  # the only one who is not of the farm
    alone = odds_of(laboratory, campaign, group, ledger=ledger, honest=0.5)
    asks_little = odds_of(laboratory, campaign_of(FARM, around=1), group, honest=0.5)
    assert asks_little.prompts == 0.0
    assert alone.suffices(12.0, 0.0, stands=False) == asks_little.suffices(12.0, 0.0, stands=False)


@given(st.floats(-1.0, SOFT_FITS[1] - 0.01))
def test_a_laboratory_on_a_relay_of_the_farm_is_held_no_sooner_for_what_it_asks(fit: float) -> None:
    ledger, campaign = campaign_showing(LISTED)
    groups = [suspect(QUESTIONS[0]), suspect("network:relay", size=340)]
    for shown in (LISTED[0], TOOL):
        laboratory = showing("x", shown)
        laboratory.fits = {group.indicator: fit for group in groups}
        odds = odds_of(laboratory, campaign, *groups, ledger=ledger, honest=10.0)
        assert len(odds.votes) == 2
        assert not odds.suffices(-100.0, 0.0, stands=False)


def test_prompts_that_honest_accounts_show_as_well_are_no_vote_by_their_number() -> None:
    ledger, campaign = campaign_showing(LISTED)
    campaign.traits = {"software": (0.99, 0.7)}
    relay = suspect("network:relay")
    account = showing("x", LISTED[0])
    account.fits = {relay.indicator: 3.0}
    odds = odds_of(account, campaign, relay, ledger=ledger)
    assert set(odds.votes) == {"network"}
    assert odds.prompts == 0


def test_strangers_who_come_later_are_counted_though_the_campaign_has_not_grown() -> None:
    ledger, campaign = campaign_showing(LISTED)
    before = campaign.several[1]
    for i in range(400):
        ledger.change(showing(f"b-{i}", LISTED[i % FARM]))
    traits.refresh(ledger, campaign, [f"b-{i}" for i in range(400)])
    assert campaign.several[1] == pytest.approx(before + 400 / ACCOUNTS)


def test_the_more_strangers_ask_the_same_the_less_it_says() -> None:
    shares = []
    for count in (0, 10, 100, 1_000):
        strangers = [showing(f"b-{i}", LISTED[i % FARM]) for i in range(count)]
        shares.append(campaign_showing(LISTED, *strangers)[1].several[1])
    assert shares == sorted(set(shares))
    assert shares[-1] == pytest.approx(FLOORS["software"] + 1_000 / ACCOUNTS)


def test_who_belongs_to_the_campaign_or_likely_does_is_no_stranger() -> None:
    strangers = [showing(f"b-{i}", LISTED[i % FARM]) for i in range(100)]
    alone = campaign_showing(LISTED, *strangers)[1].several[1]
    for stranger in strangers[:50]:
        stranger.votes, stranger.fit = {"software": 6.0, "payment": 6.0, "network": 3.0}, 3.0
    assert campaign_showing(LISTED, *strangers)[1].several[1] == pytest.approx((alone + 0.01) / 2, rel=0.01)
    ledger, campaign = campaign_showing(LISTED)
    campaign.measured = 0
    traits.refresh(ledger, campaign, sorted(campaign.listed))
    assert campaign.several[1] == FLOORS["software"]


def test_different_prompts_and_a_relay_hold_whom_a_tool_and_a_relay_do_not() -> None:
    ledger, campaign = campaign_showing(LISTED)
    groups = [suspect(QUESTIONS[0]), suspect("network:relay"), suspect("referral:code")]
    held = []
    for shown in (LISTED[0], TOOL):
        account = showing("x", shown)
        account.fits = {group.indicator: SOFT_FITS[2] - 0.2 for group in groups}
        odds = odds_of(account, campaign, *groups, ledger=ledger, honest=10.0)
        assert len(odds.votes) == 3
        held.append(odds.suffices(-100.0, 0.0, stands=False))
    assert held == [True, False]


def test_an_account_that_shares_a_relay_and_the_farms_questions_is_held_and_told_why() -> None:
    line = Line()
    farm = [member(f"a-{i:02d}", 3.0, 32, f"payment:{i % 5}", *shown) for i, shown in enumerate(LISTED)]
    line.say(finding(QUESTIONS[0], farm), finding("payment:0", farm))
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    new = [member("late", 3.0, 32, *LISTED[0])]
    relay = finding("network:relay", [*farm, *new], LOUD, size=FARM + 1)
    verdicts = line.verdicts(finding(QUESTIONS[0], new, size=FARM + 1), relay)
    assert "shared_prompts" in verdicts["late"].reasons
