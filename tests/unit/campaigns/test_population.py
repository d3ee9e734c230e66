"""The whole line from profiles to verdicts: farms are found by their pool, honest crowds are left alone."""

from dataclasses import dataclass

import numpy as np
import pytest

from stream_guard.campaigns.stage import Campaigns
from stream_guard.groups.stage import Groups
from stream_guard.records import REASON_CODES, CampaignState, Verdict
from stream_guard.settings import Settings, StreamSettings
from tests.unit.groups.crowds import HONEST_CROWDS, Account, campaign, crowd, records, stranger
from tests.unit.groups.stream import Driver

SETTINGS = Settings(stream=StreamSettings(partitions=1))


@dataclass
class Outcome:
    """What became of a population."""

    verdicts: dict[str, Verdict]  # the last of each account
    ever: dict[str, int]  # account -> when it was first held to belong
    campaigns: dict[str, CampaignState]
    accounts: list[Account]

    def served_ratio(self, prefix: str) -> float:
        """Share of the requests of accounts with this prefix that came before their first verdict."""
        chosen = [account for account in self.accounts if account.name.startswith(prefix)]
        served = sum(at < self.ever.get(a.name, 1 << 60) for a in chosen for at in a.times)
        return served / sum(len(account.times) for account in chosen)


def run(seed: int, accounts: list[Account]) -> Outcome:
    groups = Driver(Groups(SETTINGS))
    emitted = groups.run(records(np.random.default_rng(seed), accounts)).emitted
    out = Driver(Campaigns(SETTINGS)).run([(at, key, record) for at, _, key, record in emitted])
    ever: dict[str, int] = {}
    for at, stream, key, record in out.emitted:
        if stream == "verdicts" and record.kind:
            ever.setdefault(key, at)
    return Outcome(dict(out.of("verdicts")), ever, dict(out.of("campaigns")), accounts)


def honest(rng: np.random.Generator, strangers: int, largest: int) -> list[Account]:
    accounts = [stranger(rng, f"s-{i:04d}") for i in range(strangers)]
    for kind, change in HONEST_CROWDS.items():
        accounts += crowd(rng, int(rng.integers(5, largest)), kind, change)
    return accounts


def share(account: Account, *indicators: str) -> None:
    kinds = {indicator.partition(":")[0] for indicator in indicators}
    account.indicators = (
        *(i for i in account.indicators if i.partition(":")[0] not in kinds),
        *indicators,
    )


@pytest.fixture(scope="module", params=[1, 2, 3])
def mixed(request: pytest.FixtureRequest) -> Outcome:
    """A farm of a hundred or so among honest strangers and crowds; twenty honest accounts on its proxies."""
    rng = np.random.default_rng(request.param)
    accounts = honest(rng, 500, 50)
    for bystander in accounts[:20]:
        share(bystander, f"network:proxy-x-{rng.integers(3)}")
    farm = campaign(rng, int(rng.integers(80, 140)))
    return run(request.param, accounts + farm)


def test_a_farm_of_low_rate_accounts_is_found_by_its_pool(mixed: Outcome) -> None:
    farm = {account.name for account in mixed.accounts if account.name.startswith("bad")}
    assert len(farm & mixed.ever.keys()) >= 0.95 * len(farm)
    assert mixed.served_ratio("bad") < 0.35
    assert (
        max(len(account.times) for account in mixed.accounts if account.name in farm) < 400
    )  # none of them loud


def test_no_honest_account_is_ever_held_to_belong(mixed: Outcome) -> None:
    assert {name for name in mixed.ever if not name.startswith("bad")} == set()


def test_a_farm_ends_as_one_campaign(mixed: Outcome) -> None:
    living = [state for state in mixed.campaigns.values() if state.status == "active"]
    assert len(living) == 1
    (state,) = living
    assert state.kind == "distillation"
    assert all(name.startswith("bad") for name in state.members)
    assert state.harvested > 0
    assert state.timeline
    held = {v.campaign_id for v in mixed.verdicts.values() if v.kind}
    assert held == {state.campaign_id}


def test_a_verdict_says_why(mixed: Outcome) -> None:
    for verdict in mixed.verdicts.values():
        if not verdict.kind:
            continue
        assert set(verdict.reasons) <= set(REASON_CODES)
        assert verdict.source == "campaign"
        assert 0.8 < verdict.score < 1
        causes = {e.cause for e in verdict.evidence}
        assert len(causes) >= 3
        assert any(reason.startswith("shared_") for reason in verdict.reasons)


@pytest.mark.parametrize("seed", range(11, 16))
def test_honest_crowds_alone_found_no_campaign(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcome = run(seed, honest(rng, int(rng.integers(50, 400)), 120))
    assert outcome.ever == {}
    assert outcome.campaigns == {}


def test_two_farms_stay_two() -> None:
    rng = np.random.default_rng(5)
    outcome = run(5, [*honest(rng, 400, 20), *campaign(rng, 70, tag="x"), *campaign(rng, 70, tag="y")])
    living = {state.campaign_id for state in outcome.campaigns.values() if state.status == "active"}
    assert len(living) == 2
    for tag in ("x", "y"):
        held = {
            v.campaign_id for name, v in outcome.verdicts.items() if name.startswith(f"bad-{tag}") and v.kind
        }
        assert len(held) == 1


def test_a_small_installation_is_no_excuse() -> None:
    """A farm that is a third of all accounts: shares are large, and the reference sees much of it."""
    rng = np.random.default_rng(6)
    outcome = run(6, [*[stranger(rng, f"s-{i}") for i in range(120)], *campaign(rng, 60)])
    assert not [name for name in outcome.ever if not name.startswith("bad")]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_replacement_on_the_farms_infrastructure_is_held_to_belong_within_a_few_requests(seed: int) -> None:
    rng = np.random.default_rng(seed)
    accounts = honest(rng, 400, 20)
    farm = campaign(rng, 100)
    successors = campaign(rng, 12, 1.0)
    last = max(at for account in farm for at in account.times)
    for i, account in enumerate(successors):
        account.name = f"new-{i:02d}"
        account.indicators = farm[i * 7].indicators
        account.times = [
            at - account.times[0] + last - 86_400_000 // 4 * 3 + i * 600_000 for at in account.times
        ]
    outcome = run(seed, accounts + farm + successors)
    counts = []
    for account in successors:
        at = outcome.ever.get(account.name, 1 << 60)
        counts.append(sum(when < at for when in account.times))
    assert np.median(counts) <= 5
