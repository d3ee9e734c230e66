"""What the demo says before and after: plain words around the figures.

The last part compares with the truth that is shipped with the sample, and says so.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from stream_guard.cli.demo_truth import Harvest, Report
from stream_guard.cli.demo_view import Scene, held
from stream_guard.records import CampaignState

KINDS = 4  # of indicators that are named
CAUSES = 3  # of evidence that are named


class Told(NamedTuple):
    """What Valkey answered when it was asked what it had been told."""

    equal: int  # accounts whose newest decision came back as it was made
    accounts: int  # that ever had a decision
    address: str


def opening(lines: int, seconds: float) -> str:
    """What is about to be seen."""
    pace = f"within about {seconds:.0f} s" if seconds else "as fast as it goes"
    return (
        f"Three days of an API, {lines:,} requests, {pace}: people, offices, classes, services, and two\n"
        "campaigns that hide among them, each account asking for little. Nothing was learned before:\n"
        "what honest customers look like is learned on the way.\n"
    )


def closing(
    scene: Scene, seconds: float, decisions: int, campaigns: Sequence[CampaignState], told: Told
) -> list[str]:
    """What went in and came out."""
    return [
        "",
        f"in      {scene.events:,} requests of {scene.accounts:,} accounts in {seconds:.0f} s",
        *(f"found   {campaign_line(campaign)}" for campaign in campaigns),
        *([] if campaigns else ["found   no campaign"]),
        f"out     {decisions:,} decisions; accounts held now: {held(scene.holding)}",
        f"Valkey  read back from {told.address}: {told.equal:,} of {told.accounts:,} accounts as decided",
    ]


def campaign_line(campaign: CampaignState) -> str:
    """A campaign on one line."""
    kinds = Counter(indicator.partition(":")[0] for indicator, _ in campaign.indicators).most_common(KINDS)
    shared = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in kinds) or "nothing named"
    causes = ", ".join(line.name for line in campaign.evidence[:CAUSES])
    state = "" if campaign.status == "active" else f" ({campaign.status})"
    return (
        f"{campaign.campaign_id}{state}: {len(campaign.members):,} accounts that act as one "
        f"({causes}),\n        tied by {shared}"
    )


def evaluation(report: Report) -> list[str]:
    """The comparison with the truth, labelled as that."""
    lines = ["", "Evaluation only, by the sample's truth, which no stage knows:"]
    lines += [_harvest(each) for each in report.campaigns]
    lines.append(
        f"  honest accounts touched: {report.honest_touched:,} of {report.honest:,}; "
        f"blocked: {report.honest_blocked:,}"
    )
    return lines


def _harvest(each: Harvest) -> str:
    ratio = each.harvested / max(each.exchanges, 1)
    found = "found" if each.acted_upon else "NOT found"
    softer = each.acted_upon - each.blocked
    return (
        f"  {each.campaign} {found}: {each.blocked:,} of {each.accounts:,} accounts blocked"
        + (f", {softer:,} throttled or challenged" if softer else "")
        + f"; harvested {ratio:.1%} of its answers ({each.harvested:,} of {each.exchanges:,})"
    )


def staying(redis: str, metrics: str) -> str:
    """What to look at while everything stays up."""
    return (
        "\nEverything stays up; Ctrl-C ends it. In another terminal:\n\n"
        f"    export STREAM_GUARD_REDIS__URL={redis}\n"
        "    .venv/bin/stream-guard decisions list\n"
        "    .venv/bin/stream-guard decisions explain <account>\n"
        f"    curl {metrics}\n"
    )
