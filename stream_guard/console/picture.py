"""Who of a campaign shows what: a network of accounts and indicators, and the same as a table.

Lines come from the campaign's own state (``links``) and from the members' newest profiles; none is
invented.  A picture of everything is no picture: drawn are at most `ACCOUNTS` accounts, those with most
lines, and the `DRAWN` most shared indicators; the table names `INDICATORS`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream_guard.console.memory import Memory
from stream_guard.records import INDICATOR_KINDS, CampaignState, kind_of

ACCOUNTS = 48
INDICATORS = 24
DRAWN = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """``lines``: indicator -> members that show it, the most shared first."""

    lines: Mapping[str, tuple[str, ...]]
    accounts: tuple[str, ...]  # drawn, those with most lines first
    left_out: int  # members that are not drawn


def picture(campaign: CampaignState, memory: Memory) -> Picture:
    """The picture of a campaign as far as it is known."""
    members = set(campaign.members)
    names = [indicator for indicator, _ in campaign.indicators[:INDICATORS]]
    lines: dict[str, set[str]] = {name: set() for name in names}
    for name, places in zip(names, campaign.links, strict=False):
        lines[name] |= {campaign.members[place] for place in places if place < len(campaign.members)}
    for account in campaign.members:
        profile = memory.profile(account)
        for name in profile.indicators if profile is not None else ():
            if name in lines and account in members:
                lines[name].add(account)
    degrees = Counter(account for name in names[:DRAWN] for account in lines[name])
    drawn = sorted(members, key=lambda account: (-degrees[account], account))[:ACCOUNTS]
    return Picture(
        {name: tuple(sorted(shown)) for name, shown in lines.items() if shown},
        tuple(drawn),
        len(members) - len(drawn),
    )


def elements(shown: Picture, memory: Memory) -> list[dict[str, Any]]:
    """The picture as Cytoscape takes it."""
    drawn = set(shown.accounts)
    lines = dict(list(shown.lines.items())[:DRAWN])
    nodes = [_indicator(name, len(members)) for name, members in lines.items()]
    nodes += [_account(name, memory) for name in shown.accounts]
    edges = [
        {"data": {"id": f"e:{name}\x1f{account}", "source": f"i:{name}", "target": f"a:{account}"}}
        for name, members in lines.items()
        for account in members
        if account in drawn
    ]
    return nodes + edges


def _indicator(name: str, members: int) -> dict[str, Any]:
    kind = kind_of(name)
    cause = INDICATOR_KINDS.get(kind, "other")
    return {
        "data": {
            "id": f"i:{name}",
            "label": f"{kind} ({members})",
            "title": name,
            "cause": cause,
            "is": "indicator",
        }
    }


def _account(name: str, memory: Memory) -> dict[str, Any]:
    decision = memory.decision(name)
    action = decision.action if decision is not None else "allow"
    return {"data": {"id": f"a:{name}", "label": "", "title": name, "action": action, "is": "account"}}
