"""How campaigns stand, as far as this process saw them: how many, how large, how much they took.

Campaigns are published by one lane, so one worker shows them all.  Whether something was done about
a campaign is learnt from decisions that name it; a worker makes its share of those, so for a campaign
of some accounts it sees at least one.  After a restart a campaign is counted again when it changes,
from how it is then on: what it did before is not counted twice.

Glossary: *step* a number of accounts that is counted when a campaign first reaches it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec

from stream_guard.records import Evidence
from stream_guard.telemetry import metrics as m
from stream_guard.telemetry.instruments import Instruments
from stream_guard.telemetry.labels import STEPS

MAX_CAMPAIGNS: Final = 10_000  # the one that changed longest ago leaves
FRESH_S: Final = 600.0  # one founded longer ago was known to somebody else before
GRACE_S: Final = 600.0  # members found within it of the first action belong to the same discovery
ENFORCED: Final = frozenset({"throttle", "challenge", "block"})


class SeenCampaign(msgspec.Struct):
    """What metrics take of a campaign."""

    campaign_id: str
    kind: str
    status: str
    founded_at: float
    changed_at: float
    members: tuple[str, ...] = ()
    harvested: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(slots=True)
class _Known:
    accounts: int
    harvested: int


class CampaignWatch:
    """Campaigns of one process.  Bound: `MAX_CAMPAIGNS` of two numbers, and as many action times."""

    def __init__(self, show: Instruments) -> None:
        self._show = show
        self._active: OrderedDict[str, _Known] = OrderedDict()
        self._acted_at: OrderedDict[str, float] = OrderedDict()

    def acted(self, campaign_id: str, action: str, decided_at: float) -> None:
        """A decision that is enforced names a campaign; the first such counts."""
        if action in ENFORCED and campaign_id not in self._acted_at:
            self._acted_at[campaign_id] = decided_at
            _bound(self._acted_at)

    def changed(self, campaign: SeenCampaign) -> None:
        """A campaign was published."""
        self._show.add(m.CAMPAIGNS, 1, campaign.kind, campaign.status)
        if campaign.status == "active":
            self._grew(campaign)
        else:
            self._active.pop(campaign.campaign_id, None)
            self._acted_at.pop(campaign.campaign_id, None)
        self._sum_up()

    def forget(self) -> None:
        """Campaigns went to another worker, which shows them from now on."""
        self._active.clear()
        self._sum_up()

    def _grew(self, campaign: SeenCampaign) -> None:
        name, accounts = campaign.campaign_id, len(campaign.members)
        is_fresh = campaign.changed_at - campaign.founded_at < FRESH_S
        known = self._active.get(name)
        if known is None and is_fresh:
            self._show.observe(m.EVIDENCE, sum(line.weight for line in campaign.evidence))
        before = known.accounts if known else 0 if is_fresh else accounts
        for step in STEPS:
            if before < int(step) <= accounts:
                self._show.add(m.REACHED, 1, step)
        acted_at = self._acted_at.get(name)
        if acted_at is not None and campaign.changed_at > acted_at + GRACE_S:
            self._show.add(m.GREW, max(0, accounts - before))
        largest = max(before, accounts)  # a step is not reached twice by one that shrank
        self._active[name] = _Known(largest, campaign.harvested)
        self._active.move_to_end(name)
        _bound(self._active)

    def _sum_up(self) -> None:
        active = self._active.values()
        self._show.set(m.ACTIVE, len(active))
        self._show.set(m.LARGEST, max((known.accounts for known in active), default=0))
        self._show.set(m.HARVESTED, sum(known.harvested for known in active))


def _bound(kept: OrderedDict[str, _Known] | OrderedDict[str, float]) -> None:
    while len(kept) > MAX_CAMPAIGNS:
        kept.popitem(last=False)
