"""Laws of conviction, membership and the end of campaigns, on findings made by hand."""

import pytest

from stream_guard.campaigns.conviction import MIN_CORE
from stream_guard.campaigns.odds import LEAST_FITS, budget_line
from stream_guard.campaigns.rows import AccountRow, CampaignRow, account_key, campaign_key, value_key
from stream_guard.campaigns.stage import Campaigns
from stream_guard.campaigns.telling import TELL_AGAIN_MS
from stream_guard.clock import DAY_MS, MINUTE_MS
from stream_guard.records import Control, Evidence, Finding
from stream_guard.settings import BudgetSettings, Settings
from tests.unit.campaigns.findings import ACCOUNTS, CROWD, LOUD, NOW, Line, convicted, farm, finding, member


def test_a_convicted_pool_is_sentenced_account_by_account() -> None:
    verdicts = Line().verdicts(*convicted())
    assert len(verdicts) == 20
    assert {v.kind for v in verdicts.values()} == {"distillation"}
    assert len({v.campaign_id for v in verdicts.values()}) == 1
    verdict = verdicts["bad-00"]
    assert verdict.tier == "free"
    assert verdict.reasons[:2] == ("distillation", "campaign_member")
    assert {"shared_payment", "shared_client", "no_sessions"} <= set(verdict.reasons)


def test_a_bystander_on_the_same_proxy_with_his_own_card_goes_free() -> None:
    line = Line()
    proxy = [*farm(), member("bystander", -2.0), member("lookalike", 3.0)]
    verdicts = line.verdicts(*convicted(), finding("network:proxy", proxy))
    assert len(verdicts) == 20
    assert (
        not {"bystander", "lookalike"} & verdicts.keys()
    )  # even one whose conduct fits: one vote is not two


@pytest.mark.parametrize("causes", [2, 3, 4])
def test_whose_conduct_is_his_own_goes_free_whatever_he_shares(causes: int) -> None:
    """The more he shares, the less of his own it may be."""
    shared = [*farm(), member("own-way", LEAST_FITS[causes - 1] - 0.1)]
    indicators = ("shape:farm", "payment:card", "network:p", "device:d")[:causes]
    verdicts = Line().verdicts(*(finding(indicator, shared) for indicator in indicators))
    assert verdicts.keys() == {one.account_id for one in farm()}


def test_software_votes_once_however_many_values_it_shows() -> None:
    line = Line()
    tool = [*farm(), member("user", 3.0)]
    kinds = ("shape", "client", "tools", "system_prompt", "template")
    verdicts = line.verdicts(*convicted(), *(finding(f"{kind}:tool", tool) for kind in kinds))
    assert "user" not in verdicts


@pytest.mark.parametrize(
    "evidence",
    [CROWD, LOUD[:1], (LOUD[0], Evidence("no_night", 1.0, 0.2, 9.0, "rhythm", "when"))],
    ids=["below the line", "one cause", "one family"],
)
def test_no_campaign_without_causes_families_and_the_line(evidence: tuple[Evidence, ...]) -> None:
    log_e = 8.0 if evidence is CROWD else 30.0
    said = Line().say(
        finding("shape:farm", farm(), evidence, log_e), finding("payment:card", farm(), evidence, log_e)
    )
    assert said == []


def test_overlapping_suspects_convict_together_where_none_does_alone() -> None:
    quiet = tuple(Evidence(e.name, e.value, e.expected, e.weight - 1, e.cause, e.family) for e in LOUD)
    more = (*quiet, Evidence("network_churn", 1.0, 0.2, 7.0, "network", "who"))
    alone = Line().say(finding("shape:farm", farm(), quiet, 13.0))
    assert alone == []
    together = Line().verdicts(
        finding("shape:farm", farm(), quiet, 13.0), finding("network:proxy", farm(), more, 13.5)
    )
    assert len(together) == 20


def test_too_few_suspects_found_no_campaign() -> None:
    """Whoever stands in one of its groups only, and does not fit, is none."""
    thin = [member(f"a-{i}") for i in range(MIN_CORE - 1)] + [member(f"b-{i}", 0.0) for i in range(20)]
    assert Line().say(finding("shape:farm", thin)) == []
    one_more = [*thin, member("a-more")]
    assert Line().states(finding("shape:farm", one_more))


def test_a_conviction_stands_when_the_evidence_of_its_groups_falls_back() -> None:
    """A line that was crossed stays crossed: the accounts of a farm that rests are not let go."""
    line = Line()
    (name,) = line.states(*convicted())
    assert line.verdicts(finding("payment:card", (), ()), finding("shape:farm", (), ())) == {}
    late = line.verdicts(
        *(finding(indicator, [member("late")], size=21) for indicator in ("shape:farm", "payment:card"))
    )
    assert late["late"].campaign_id == name


def test_a_group_that_falls_back_before_a_conviction_leaves_nothing_behind() -> None:
    line = Line()
    quiet = finding("payment:card", farm(), CROWD, 8.0)
    assert line.say(quiet) == []
    assert line.driver.rows.packed
    assert line.say(finding("payment:card", (), ())) == []
    assert not line.driver.rows.packed


def test_around_are_those_who_do_not_belong() -> None:
    line = Line()
    line.now = NOW // MINUTE_MS * MINUTE_MS
    strangers = [member(f"s-{i:03d}", -4.0) for i in range(50)]
    (name,) = line.states(finding("shape:farm", [*farm(), *strangers]), finding("payment:card", farm()))
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    row = line.driver.rows.get(campaign_key(name))
    assert isinstance(row, CampaignRow)
    assert (row.count, row.around, row.weighed) == (20, 50, 20)


def test_a_campaign_that_has_hardly_grown_keeps_nobody_awake() -> None:
    line = Line()
    line.now = NOW // MINUTE_MS * MINUTE_MS
    members = farm(60)
    line.say(finding("shape:farm", members), finding("payment:card", members))
    stage, rows = Campaigns(Settings()), line.driver.rows
    assert stage.next_due(rows, line.now) == line.now  # it has grown from nothing
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    due = stage.next_due(rows, line.now)
    assert due is not None
    assert due > line.now + DAY_MS
    one = member("one-more")
    assert "one-more" in line.verdicts(
        finding("shape:farm", [one], size=61), finding("payment:card", [one], size=61)
    )
    assert stage.next_due(rows, line.now) == line.now  # there is news of it
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    due = stage.next_due(rows, line.now)
    assert due is not None
    assert due > line.now + DAY_MS


def test_the_same_finding_again_says_nothing_new() -> None:
    line = Line()
    line.say(*convicted())
    assert line.verdicts(*convicted()) == {}


def test_a_newcomer_on_the_farms_card_and_software_is_a_successor_and_his_credit_fades() -> None:
    newcomer = member("new", requests=0)
    joined = (finding("shape:farm", [newcomer], size=21), finding("payment:card", [newcomer], size=21))
    line = Line()
    line.say(*convicted())
    verdict = line.verdicts(*joined)["new"]
    assert "campaign_successor" in verdict.reasons
    tight = Line(Settings(budget=BudgetSettings(false_blocks_per_100k_account_days=0.4)))
    tight.say(*convicted())
    assert "new" in tight.verdicts(*joined)  # 12.4 nats: his votes and the whole credit


def test_a_newcomer_on_software_and_network_alone_waits_for_his_conduct() -> None:
    line = Line()
    line.say(*convicted(), finding("network:proxy", farm()))
    newcomer = member("new", requests=0)
    assert (
        line.verdicts(
            finding("shape:farm", [newcomer], size=21), finding("network:proxy", [newcomer], size=21)
        )
        == {}
    )
    grown = member("new", 2.5, 16)
    assert "new" in line.verdicts(
        finding("shape:farm", [grown], size=21), finding("network:proxy", [grown], size=21)
    )


def test_campaigns_that_hold_one_device_merge_under_the_older_id() -> None:
    line = Line()
    bad, too = (
        [member(f"{prefix}-{i:02d}", 3.0, 32, "device:one") for i in range(20)] for prefix in ("bad", "too")
    )
    (older_id,) = line.states(finding("payment:one", bad), finding("shape:one", bad))
    (younger_id,) = line.states(finding("payment:two", too), finding("shape:two", too))
    both = line.states(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    assert both[younger_id].status == "merged"
    assert both[younger_id].merged_into == older_id
    assert both[older_id].status == "active"
    assert len(both[older_id].members) == 40
    again = line.verdicts(finding("payment:two", [member("too-03", 3.0, 64)]))
    assert all(v.campaign_id == older_id for v in again.values())
    # Everyone was told of the new id in the tick of the merger.
    row = line.driver.rows.get(account_key("too-05"))
    assert isinstance(row, AccountRow)
    assert row.verdict == older_id


def test_harvest_follows_the_newest_profiles() -> None:
    line = Line()
    (state,) = line.states(*convicted()).values()
    assert state.harvested == 20 * 32
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    grown, late = member("bad-00", 3.0, 64), member("bad-00", 3.0, 32)
    for said in (finding("payment:card", [grown]), finding("shape:farm", [late])):
        (state,) = line.states(said, after_ms=TELL_AGAIN_MS).values()
        assert state.harvested == 20 * 32 + 32


def test_what_a_campaign_takes_is_told_every_ten_minutes_and_who_joins_within_one() -> None:
    line = Line()
    line.say(*convicted())
    line.say(after_ms=MINUTE_MS - line.now % MINUTE_MS)
    start, told = line.now, {}
    for second in range(10, 3600, 10):
        busy = [finding("shape:farm", [member("bad-00", 3.0, 64 + second)])]
        if second == 2410:
            busy += [finding(name, [member("new")], size=21) for name in ("shape:farm", "payment:card")]
        for state in line.states(*busy, after_ms=10_000).values():
            told[(line.now - start) / MINUTE_MS] = len(state.members)
    assert told == {10: 20, 20: 20, 30: 20, 40: 20, 41: 21, 51: 21}


def test_a_silent_campaign_ends_and_leaves_nothing_behind() -> None:
    """Nor what was counted of the values that its accounts show."""
    line = Line()
    bad = [member(f"bad-{i:02d}", 3.0, 32, f"device:{i % 4}", "payment:card") for i in range(20)]
    (name,) = line.states(finding("shape:farm", bad), finding("payment:card", bad))
    assert sum(key.startswith(value_key("")) for key in line.driver.rows.packed) == 5
    minute = 60_000 - (line.now + 15 * DAY_MS) % 60_000
    ended = line.states(after_ms=15 * DAY_MS + minute)
    assert ended[name].status == "ended"
    assert set(line.driver.rows.packed) <= {"index"}


def test_an_operator_who_says_wrong_frees_the_account_for_good() -> None:
    line = Line()
    line.say(*convicted())
    word = Control(verb="label", subject="bad-03", spoken_at=NOW / 1000, author="op", value="wrong")
    freed = line.verdicts(Finding("bad-03", 0, 0, 0.0, 0.0, 0.0, control=word))
    assert freed["bad-03"].kind == ""
    assert "bad-03" not in line.verdicts(finding("payment:card", [member("bad-03", 8.0, 64)]))


def test_a_chargeback_weighs_but_does_not_convict_alone() -> None:
    line = Line()
    proxy = [*farm(), member("payer", 2.0)]
    line.say(*convicted(), finding("network:proxy", proxy))
    word = Control(verb="chargeback", subject="payer", spoken_at=NOW / 1000, author="op")
    assert line.verdicts(Finding("payer", 0, 0, 0.0, 0.0, 0.0, control=word)) == {}
    stranger = Control(verb="chargeback", subject="nobody", spoken_at=NOW / 1000, author="op")
    assert line.say(Finding("nobody", 0, 0, 0.0, 0.0, 0.0, control=stranger)) == []
    assert line.driver.out.counts["words_on_strangers"] == 1


def test_words_that_are_not_for_campaigns_are_counted() -> None:
    line = Line()
    word = Control(verb="release", subject="model-2", spoken_at=NOW / 1000, author="op")
    assert line.say(Finding("model-2", 0, 0, 0.0, 0.0, 0.0, control=word)) == []
    assert line.driver.out.counts["words_not_for_campaigns"] == 1


def test_a_sentence_is_charged_with_its_doubt_once() -> None:
    line = Line()
    sentenced = line.verdicts(*convicted())
    charged = line.driver.out.counts["doubt_millionths"]
    assert 0 < charged <= ACCOUNTS * 10 * len(sentenced), "at most a day's grant (1 per 100,000) for each"
    line.say(*convicted(), after_ms=3 * DAY_MS)
    assert line.driver.out.counts["doubt_millionths"] == charged


def test_a_tighter_budget_sentences_fewer() -> None:
    weak = [member(f"bad-{i:02d}", 1.2) for i in range(20)]
    findings = (finding("shape:farm", weak, size=200), finding("payment:card", weak, size=60))
    loose = Settings(budget=BudgetSettings(false_blocks_per_100k_account_days=1000.0))
    tight = Settings(budget=BudgetSettings(false_blocks_per_100k_account_days=0.001))
    assert budget_line(1000.0) < budget_line(0.001)
    assert len(Line(loose).verdicts(*findings)) == 20
    assert Line(tight).verdicts(*findings) == {}


def test_cold_evidence_is_said_to_be_cold() -> None:
    cold = tuple(
        Evidence(e.name, e.value, e.expected, e.weight, e.cause, e.family, is_cold=True) for e in LOUD
    )
    line = Line()
    verdicts = line.verdicts(finding("shape:farm", farm(), cold), finding("payment:card", farm(), cold))
    assert all(v.is_cold and "cold_start" in v.reasons for v in verdicts.values())
    warm = line.verdicts(finding("shape:farm", farm(), LOUD, 19.0))
    assert len(warm) == 20
    assert not any(v.is_cold for v in warm.values())


def test_odd_findings_pass() -> None:
    line = Line()
    nan, inf = float("nan"), float("inf")
    odd = Evidence("unheard_of", nan, nan, inf, "other", "who")
    line.say(
        Finding("", 0, 0, 0.0, nan, nan, (odd,), (member("x", nan),)),
        Finding("no colon", -3, 0, 7.0, inf, -inf, (odd, *LOUD), tuple(farm())),
        Finding("payment:gone", 0, 0, 0.0, 0.0, 0.0),
    )
    assert line.say() == []
