"""Findings made by hand, and a stage that takes them tick by tick.

Findings are whole: what each cause says follows from the evidence, as GROUPS would merge it.
"""

from collections.abc import Iterable
from typing import Any

from stream_guard.campaigns.stage import Campaigns
from stream_guard.clock import DAY_MS
from stream_guard.groups.evidence.cohort import log_mean_exp
from stream_guard.records import CampaignState, Conduct, Evidence, Finding, Member, Profile, Verdict
from stream_guard.settings import Settings
from tests.unit.groups.stream import Driver

NOW = 1_760_000_000_000
ACCOUNTS = 20_000
LOUD = (
    Evidence("no_sessions", 0.9, 0.4, 9.0, "rhythm", "when"),
    Evidence("content_sameness", 0.7, 0.0, 5.0, "content", "what"),
    Evidence("sign_up_burst", 1.0, 0.0, 5.0, "sign_up", "who"),
)
CROWD = LOUD[1:]


def member(name: str, fit: float = 3.0, requests: int = 32, *indicators: str) -> Member:
    if not requests:
        return Member(name, 0.0, Profile(name, 0, ""))
    conduct = Conduct(NOW - DAY_MS, NOW, answered=requests)
    profile = Profile(name, requests, name, conduct, indicators, segment="model|api|free")
    return Member(name, fit, profile, (0.0001,) * len(indicators))


def finding(
    indicator: str,
    members: Iterable[Member],
    evidence: tuple[Evidence, ...] = LOUD,
    log_e: float = 18.0,
    size: int | None = None,
) -> Finding:
    named = tuple(members)
    count = size if size is not None else len(named)
    causes = causes_of(evidence)
    return Finding(
        indicator, count, count, count / ACCOUNTS, log_e, 14.0, evidence, named, 100, causes,
        accounts=ACCOUNTS,
    )  # fmt: skip


def farm(count: int = 20, prefix: str = "bad") -> list[Member]:
    return [member(f"{prefix}-{i:02d}") for i in range(count)]


def convicted(prefix: str = "bad", card: str = "payment:card", client: str = "shape:farm") -> list[Finding]:
    return [finding(client, farm(20, prefix)), finding(card, farm(20, prefix))]


def causes_of(evidence: Iterable[Evidence]) -> tuple[tuple[str, float], ...]:
    """Each cause and its log e-value: the mean of its tests' e-values."""
    by_cause: dict[str, list[float]] = {}
    for said in evidence:
        by_cause.setdefault(said.cause, []).append(said.weight)
    return tuple((cause, log_mean_exp(weights)) for cause, weights in sorted(by_cause.items()))


class Line:
    """A driver that speaks in ticks."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.driver = Driver(Campaigns(settings or Settings()), tick_ms=1_000, hot_max=3)
        self.now = NOW

    def say(self, *findings: Finding, after_ms: int = 1_000) -> list[tuple[str, Any]]:
        self.now += after_ms
        self.driver.out.emitted.clear()
        self.driver.out.at = self.now
        for each in findings:
            self.driver.stage.process(self.driver.rows, each.indicator, each, self.driver.out)
        self.driver.close(self.now)
        return [(stream, record) for _, stream, _, record in self.driver.out.emitted]

    def verdicts(self, *findings: Finding, after_ms: int = 1_000) -> dict[str, Verdict]:
        said = self.say(*findings, after_ms=after_ms)
        return {record.account_id: record for stream, record in said if stream == "verdicts"}

    def states(self, *findings: Finding, after_ms: int = 1_000) -> dict[str, CampaignState]:
        said = self.say(*findings, after_ms=after_ms)
        return {record.campaign_id: record for stream, record in said if stream == "campaigns"}
