"""What is shown of campaigns: each step once, growth after action apart, and never more than a bound."""

import pytest
from prometheus_client import CollectorRegistry

from stream_guard.records import CampaignState, Evidence, pack_json
from stream_guard.telemetry import campaigns as watching
from stream_guard.telemetry.campaigns import CampaignWatch, SeenCampaign
from stream_guard.telemetry.instruments import Instruments
from stream_guard.telemetry.observing import Telemetry


class Watched:
    """A watch and what it shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.watch = CampaignWatch(Instruments(self.registry))

    def see(
        self, at: float, accounts: int, name: str = "c", status: str = "active", harvested: int = 0
    ) -> None:
        members = tuple(f"a{i}" for i in range(accounts))
        self.watch.changed(SeenCampaign(name, "resale", status, 0.0, at, members, harvested))

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"stream_guard_campaigns_{name}", labels) or 0.0


def test_each_step_is_reached_once_even_by_one_that_shrinks_and_grows_again() -> None:
    shown = Watched()
    for at, accounts in ((1, 4), (2, 12), (3, 8), (4, 12), (5, 21)):
        shown.see(at, accounts)
    counted = {step: shown.value("reached_total", accounts=step) for step in ("3", "5", "10", "20", "50")}
    assert counted == {"3": 1, "5": 1, "10": 1, "20": 1, "50": 0}


def test_the_evidence_of_a_campaign_counts_once_when_it_is_founded() -> None:
    shown = Watched()
    lines = tuple(Evidence("t", 1.0, 0.0, weight) for weight in (9.0, 4.0))
    for at in (10.0, 20.0):
        shown.watch.changed(SeenCampaign("c", "resale", "active", 0.0, at, ("a",), 0, lines))
    shown.see(86_400, 30, "known before")
    assert (shown.value("evidence_nats_count"), shown.value("evidence_nats_sum")) == (1, 13.0)
    assert shown.value("evidence_nats_bucket", le="15.0") == 1


def test_a_campaign_that_was_known_before_a_restart_reaches_nothing_anew() -> None:
    shown = Watched()
    shown.see(86_400, 30)
    assert shown.value("reached_total", accounts="20") == 0
    shown.see(86_401, 55)
    assert shown.value("reached_total", accounts="20") == 0
    assert shown.value("reached_total", accounts="50") == 1


@pytest.mark.parametrize(
    ("action", "joined_at", "counted"),
    [("block", 1_000, 3), ("block", 300, 0), ("allow", 1_000, 0)],
    ids=["long after", "in the same discovery", "nothing was done"],
)
def test_growth_after_action_begins_ten_minutes_after_the_first(
    action: str, joined_at: float, counted: float
) -> None:
    shown = Watched()
    shown.see(10, 5)
    shown.watch.acted("c", action, 20)
    shown.watch.acted("c", action, joined_at)
    shown.see(joined_at, 8)
    assert shown.value("grown_after_action_total") == counted


def test_sums_are_those_of_active_campaigns() -> None:
    shown = Watched()
    shown.see(1, 5, "c1", harvested=100)
    shown.see(2, 9, "c2", harvested=30)
    shown.see(3, 6, "c1", harvested=120)
    assert shown.value("active_campaigns") == 2
    assert shown.value("largest_accounts") == 9
    assert shown.value("harvested_exchanges") == 150
    shown.see(4, 9, "c2", "ended", 30)
    assert shown.value("active_campaigns") == 1
    assert shown.value("harvested_exchanges") == 120


def test_a_worker_that_loses_the_campaigns_shows_none_and_announces_none_again() -> None:
    telemetry = Telemetry()
    campaign = CampaignState(
        campaign_id="c1", kind="resale", status="active", founded_at=0, changed_at=5_000,
        members=tuple("abcdef"), indicators=(), evidence=(), harvested=7,
    )  # fmt: skip

    def shown(name: str) -> float | None:
        return telemetry.registry.get_sample_value(f"stream_guard_campaigns_{name}")

    telemetry.owned([("campaigns", 0), ("groups", 0)])
    telemetry.saw("campaigns", [(b"c1", pack_json(campaign))])
    assert (shown("active_campaigns"), shown("harvested_exchanges")) == (1, 7)
    telemetry.owned([("groups", 0)])
    assert (shown("active_campaigns"), shown("harvested_exchanges")) == (0, 0)
    telemetry.owned([("campaigns", 0)])
    telemetry.saw("campaigns", [(b"c1", pack_json(campaign))])
    assert shown("active_campaigns") == 1
    assert telemetry.registry.get_sample_value("stream_guard_campaigns_reached_total", {"accounts": "5"}) == 0


def test_campaigns_without_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_CAMPAIGNS", 10)
    shown = Watched()
    for i in range(50):
        shown.see(i, 3, f"c{i}")
    assert shown.value("active_campaigns") == 10
