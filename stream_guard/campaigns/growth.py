"""Campaigns that have grown: what they share counts anew, and accounts around them may be convicted now.

Asked once a minute.  When a campaign has grown, or shrunk, by `WEIGHED_AGAIN`, its traits are counted and
those who stand in its groups are weighed; who is sentenced beyond doubt only at `SETTLED_AGAIN`: what speaks
against him grows with the campaign, so that little depends on it for him.
"""

from stream_guard.campaigns import traits
from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import CampaignRow

WEIGHED_AGAIN = 0.05
SETTLED_AGAIN = 0.25
LEAST_AROUND = 0.1  # of the accounts that a campaign's groups name: at least so many may be honest


def has_grown(campaign: CampaignRow) -> bool:
    """Whether accounts around it are to be weighed again."""
    return _differs(campaign.count, campaign.weighed, WEIGHED_AGAIN)


def accounts_to_weigh(ledger: Ledger) -> set[str]:
    """Accounts in and around campaigns that have grown."""
    found: set[str] = set()
    for name in sorted(ledger.living()):
        campaign = ledger.campaign(name)
        if campaign is not None and has_grown(campaign):
            found |= _near(ledger, campaign)
    return found


def _near(ledger: Ledger, campaign: CampaignRow) -> set[str]:
    ledger.change(campaign)
    campaign.weighed = campaign.count
    near: set[str] = set()
    for indicator in campaign.groups:
        group = ledger.suspect(indicator)
        near.update(group.members if group else ())
    traits.refresh(ledger, campaign, near)
    campaign.around = max(round(_honest_in(ledger, campaign, near)), round(LEAST_AROUND * len(near)), 1)
    if _differs(campaign.count, campaign.settled, SETTLED_AGAIN):
        campaign.settled = campaign.count
        return near
    return {name for name in near if not ((account := ledger.account(name)) and account.is_beyond_doubt)}


def _honest_in(ledger: Ledger, campaign: CampaignRow, near: set[str]) -> float:
    """How many of them do not belong to the campaign, whoever likely does left out."""
    outside = (account for name in sorted(near) if (account := ledger.account(name)))
    return sum(1 - traits.likely_own(a) for a in outside if a.campaign != campaign.campaign_id)


def _differs(count: int, before: int, ratio: float) -> bool:
    change = abs(count - before)
    return change > 0 and change >= ratio * before
