"""What the world is told of campaigns: founded, merged and ended at once, all else at the next whole minute.

A campaign that has grown, shrunk or changed in kind is told within the minute; one of which only the counts
go on (what it has harvested, when it was last heard of) every `TELL_AGAIN_MS`.
"""

from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import CampaignRow
from stream_guard.clock import MINUTE_MS
from stream_guard.records import CampaignState
from stream_guard.topology import Out

CAMPAIGNS = "campaigns"
TELL_AGAIN_MS = 10 * MINUTE_MS
SHOWN = 64  # indicators that a campaign's state names,
LINKED = 24  # and of which it says who shows them; more are no picture


def due_at(campaign: CampaignRow, now: int) -> int | None:
    """When its state is to be sent; None: not before something happens."""
    if campaign.is_news:
        return now
    return campaign.told_at + TELL_AGAIN_MS if campaign.changed_at > campaign.told_at else None


class Teller:
    """One tick's telling."""

    def __init__(self, ledger: Ledger, now: int, out: Out) -> None:
        self._ledger, self._now, self._out = ledger, now, out

    def tell(self, name: str) -> None:
        """Send the state of a campaign."""
        campaign = self._ledger.campaign(name)
        if campaign is None:
            return
        self._ledger.change(campaign)
        campaign.told_at, campaign.is_news = self._now, False
        self._out.emit(CAMPAIGNS, name, self._state(campaign))

    def tell_later(self, name: str) -> None:
        """There is news of a campaign, for the next whole minute."""
        campaign = self._ledger.campaign(name)
        if campaign is not None and not campaign.is_news:
            self._ledger.change(campaign)
            campaign.is_news = True

    def tell_due(self) -> None:
        """Send the states that are due."""
        for name in sorted(self._ledger.living()):
            campaign = self._ledger.campaign(name)
            due = due_at(campaign, self._now) if campaign else None
            if due is not None and due <= self._now:
                self.tell(name)

    def tell_merged(self, name: str, home: str) -> None:
        """Send the last state of a campaign that went into another."""
        now = self._now / 1000
        state = CampaignState(
            campaign_id=name, kind="unknown", status="merged", founded_at=now, changed_at=now, members=(),
            indicators=(), evidence=(), harvested=0, merged_into=home,
        )  # fmt: skip
        self._out.emit(CAMPAIGNS, name, state)

    def end(self, name: str) -> None:
        """End a campaign: its groups, and accounts that stand in no other, are forgotten."""
        campaign = self._ledger.campaign(name)
        if campaign is None:
            return
        campaign.note(self._now, "ended")
        self._out.emit(CAMPAIGNS, name, self._state(campaign, is_ended=True))
        self._out.count("campaigns_ended")
        for account in self._ledger.belonging(name):
            self._ledger.leave(account)
            account.verdict = ""
            for indicator in account.fits.keys() & campaign.groups.keys():
                del account.fits[indicator]
            self._ledger.release(account)
        for indicator in sorted(campaign.groups):
            group = self._ledger.suspect(indicator)
            for account in self._ledger.drop(group) if group else ():
                self._ledger.release(account)
        self._ledger.forget(campaign)

    def _state(self, campaign: CampaignRow, *, is_ended: bool = False) -> CampaignState:
        found = (self._ledger.suspect(name) for name in sorted(campaign.groups))
        shown = sorted((-group.inside, group.indicator) for group in found if group is not None)
        members = tuple(sorted(campaign.listed))
        return CampaignState(
            campaign_id=campaign.campaign_id,
            kind=campaign.kind,
            status="ended" if is_ended else "active",
            founded_at=campaign.founded_at / 1000,
            changed_at=campaign.changed_at / 1000,
            members=members,
            indicators=tuple((indicator, -count) for count, indicator in shown[:SHOWN]),
            evidence=campaign.evidence,
            harvested=campaign.harvested,
            timeline=campaign.timeline,
            links=tuple(self._links(members, indicator) for _, indicator in shown[:LINKED]),
        )

    def _links(self, members: tuple[str, ...], indicator: str) -> tuple[int, ...]:
        """Which of the members show an indicator, as far as findings named them: for the picture."""
        group = self._ledger.suspect(indicator)
        named = group.members if group is not None else {}
        return tuple([place for place, member in enumerate(members) if member in named])
