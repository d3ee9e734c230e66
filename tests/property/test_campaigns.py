"""CAMPAIGNS against a naive recount: who belongs is counted the same wherever it is counted."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_guard.campaigns.rows import AccountRow, CampaignRow, MembersRow, SuspectRow, ValueRow
from stream_guard.campaigns.stage import Campaigns
from stream_guard.records import Conduct, Control, Evidence, Finding, Member, Profile
from stream_guard.settings import Settings
from tests.unit.campaigns.findings import causes_of
from tests.unit.groups.stream import Driver

INDICATORS = ("payment:a", "payment:b", "network:c", "shape:d", "signup:e")
LOUD = (
    Evidence("no_sessions", 0.9, 0.4, 9.0, "rhythm", "when"),
    Evidence("content_sameness", 0.7, 0.0, 5.0, "content", "what"),
)

members = st.dictionaries(
    st.integers(0, 17).map(lambda number: f"account-{number}"),
    st.tuples(st.integers(0, 40), st.sampled_from([-3.0, 0.0, 2.0, 5.0])),
    max_size=12,
)
groups = st.tuples(st.sampled_from(INDICATORS), members, st.booleans())
words = st.tuples(st.integers(0, 17), st.sampled_from(["right", "wrong"]))
ticks = st.lists(st.tuples(st.lists(groups, max_size=4), st.lists(words, max_size=1)), max_size=8)
Ticks = list[tuple[list[tuple[str, dict[str, tuple[int, float]], bool]], list[tuple[int, str]]]]


def shows(name: str, requests: int) -> tuple[str, ...]:
    """What an account shows besides: more as it grows, some of it in common with others."""
    number = int(name.rpartition("-")[2])
    keys = (f"api_key:{number % 3}-{k}" for k in range(min(requests // 8, 3)))
    return (*keys, f"network:{number % 5}")


def finding(indicator: str, named: dict[str, tuple[int, float]], *, is_over: bool) -> Finding:
    if is_over:
        return Finding(indicator, 0, 0, 0.0, 0.0, 14.0)
    said = tuple(
        Member(
            name,
            fit,
            Profile(name, n, name, Conduct(0, 1, answered=n) if n else None, shows(name, n)),
            (0.001,) * len(shows(name, n)),
        )
        for name, (n, fit) in sorted(named.items())
    )
    return Finding(indicator, 18, 18, 18 / 10_000, 20.0, 14.0, LOUD, said, 50, causes_of(LOUD))


def drive(steps: Ticks) -> Driver:
    driver = Driver(Campaigns(Settings()), tick_ms=1_000, hot_max=4)
    for number, (found, said) in enumerate(steps, 1):
        driver.out.at = number * 1_000
        for subject, value in said:
            word = Control(verb="label", subject=f"account-{subject}", spoken_at=1.0, author="o", value=value)
            driver.stage.process(driver.rows, "", Finding("", 0, 0, 0.0, 0.0, 0.0, control=word), driver.out)
        for indicator, named, is_over in found:
            each = finding(indicator, named, is_over=is_over)
            driver.stage.process(driver.rows, indicator, each, driver.out)
        driver.close(number * 1_000)
    return driver


@settings(max_examples=300, deadline=None)
@given(ticks)
def test_counts_equal_a_naive_recount(steps: Ticks) -> None:
    driver = drive(steps)
    rows = [driver.rows.get(key) for key in driver.rows.packed]
    accounts = [row for row in rows if isinstance(row, AccountRow)]
    suspects = {row.indicator: row for row in rows if isinstance(row, SuspectRow)}
    for campaign in (row for row in rows if isinstance(row, CampaignRow)):
        inside = [account for account in accounts if account.campaign == campaign.campaign_id]
        assert campaign.count == len(inside)
        assert campaign.harvested == sum(account.answered for account in inside)
        assert set(campaign.listed) == {account.account_id for account in inside}
        for name in campaign.groups:
            assert suspects[name].campaign == campaign.campaign_id
            assert suspects[name].inside == sum(name in account.fits for account in inside)
    named = {
        (key.split("/")[0].removeprefix("m:"), name)
        for key in driver.rows.packed
        if isinstance(row := driver.rows.get(key), MembersRow)
        for name in row.accounts
    }
    assert named == {(a.campaign, a.account_id) for a in accounts if a.campaign}
    shown = Counter(
        (name, account.campaign) for account in accounts if account.campaign for name in account.indicators
    )
    values = {key.removeprefix("v:"): driver.rows.get(key) for key in driver.rows.packed if key[:2] == "v:"}
    counted = {
        (name, campaign): count
        for name, row in values.items()
        if isinstance(row, ValueRow)
        for campaign, count in row.inside.items()
    }
    assert counted == shown
    for suspect in suspects.values():
        assert set(suspect.members) == {a.account_id for a in accounts if suspect.indicator in a.fits}


@settings(max_examples=300, deadline=None)
@given(ticks)
def test_the_last_word_on_each_account_is_what_its_row_holds(steps: Ticks) -> None:
    driver = drive(steps)
    last = dict(driver.out.of("verdicts"))
    for name, verdict in last.items():
        row = driver.rows.get(f"a:{name}")
        held = row.verdict if isinstance(row, AccountRow) else ""
        assert verdict.campaign_id == held
        assert bool(verdict.kind) == bool(held)
        if isinstance(row, AccountRow) and row.is_cleared:
            assert not held
