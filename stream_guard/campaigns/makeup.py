"""What a group is made up of: how many of those who show its indicator are honest.

Two kinds of account, honest and of the campaign.  What tells them apart is everything but the indicator
itself: the account's own fit, and what it shares with the campaign in other dimensions (its votes as last
weighed; a dimension that most of the campaign's accounts share and this one does not speaks against it).
The share of honest ones follows by expectation-maximisation, half an account added to them; once with the
fits and once without, for honest users of a tool work as it makes them work, and the larger is believed.
Counting all who are not yet sentenced as honest would make a young campaign invisible to itself.

Never fewer than `LEAST_HONEST` of those outside the campaign.  Counted anew when so many members' fits, or
the part of it that belongs to the campaign, have changed by `CHANGED`.
"""

import numpy as np

from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import AccountRow, CampaignRow, SuspectRow
from stream_guard.campaigns.traits import dimension_of, missing

LEAST_HONEST = 0.05
CHANGED = 0.05
EM_STEPS = 8
MOST_BELIEVED = 20.0  # nats


def honest_count(ledger: Ledger, group: SuspectRow, campaign: CampaignRow) -> float:
    """How many honest accounts show the group's indicator, at least half a one."""
    if _is_news(group):
        ledger.change(group)
        group.refitted, group.counted = 0, group.inside
        group.honest = _honest_ratio(ledger, group, campaign)
    outside = max(0, group.size - group.inside)
    return max(min(group.honest * group.size, outside), LEAST_HONEST * outside, 0.5)


def _is_news(group: SuspectRow) -> bool:
    return (
        group.honest < 0
        or group.refitted > CHANGED * len(group.members)
        or abs(group.inside - group.counted) > CHANGED * max(group.counted, 1)
    )


def _honest_ratio(ledger: Ledger, group: SuspectRow, campaign: CampaignRow) -> float:
    """Share of honest accounts among the group's members: with their fits or without, whichever is more."""
    own = dimension_of(group.indicator)
    absent = {name: missing(campaign, name) for name in campaign.traits if name != own}
    told = [account for account in ledger.members_of(group) if group.members[account.account_id] is not None]
    shared = np.array([_log_ratio(account, own, absent) for account in told])
    fits = np.array([group.members[account.account_id] or 0.0 for account in told])
    return max(_mixed(shared), _mixed(shared + fits))


def _mixed(log_ratios: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Share of the honest by expectation-maximisation; half an account is added to them."""
    ratios = np.exp(np.clip(log_ratios, -MOST_BELIEVED, MOST_BELIEVED))
    guilty = 0.5
    for _ in range(EM_STEPS):
        belongs = float((guilty * ratios / (1 - guilty + guilty * ratios)).sum())
        guilty = (belongs + 0.5) / (len(ratios) + 1)
    return (len(ratios) * (1 - guilty) + 0.5) / (len(ratios) + 1)


def _log_ratio(account: AccountRow, own: str, absent: dict[str, float]) -> float:
    """Campaign against honest, by what is shared in all dimensions but the group's own."""
    shared = sum(weight for dimension, weight in account.votes.items() if dimension != own)
    return shared + sum(loss for dimension, loss in absent.items() if dimension not in account.votes)
