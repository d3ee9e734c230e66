"""What a campaign's accounts deal out among themselves: many small values of a few dimensions.

A farm has dozens of cards, keys, devices and addresses, each for a few of its accounts.  No such value says
much by its own numbers, but that an account holds *any* of them does: p, the share of the campaign's
accounts that hold a value which another of them holds too, against q, the share of honest accounts that
hold one of these values.  Kinds that include each other are one dimension (`records.INDICATOR_DIMENSIONS`):
client, request shape, tools and templates are all "what software runs here".

p is counted over a sample of the accounts (`rows.MAX_LISTED`) whenever the campaign has grown by a tenth,
the values by all of them (`rows.ValueRow`).  q adds up what honest accounts show of each value of the
sample, and a floor a dimension (`FLOORS`, priors: nobody counts thefts of cards).  A card or device that more
honest accounts hold than the campaign's is a firm's or a family's: nobody deals it out, whoever of them was
taken in.  What the campaign's own accounts, and those that likely are, have in a value's share is left out,
and so is what chance may have added to the count of the one partition that it comes from (`CHANCE`): over a
thousand values even that adds up.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import exp, log, sqrt

from stream_guard.campaigns import prompts
from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import AccountRow, CampaignRow
from stream_guard.records import INDICATOR_DIMENSIONS, kind_of

FLOORS: dict[str, float] = {
    "payment": 0.001,
    "device": 0.001,
    "end_user": 0.02,
    "network": 0.02,
    "software": 0.01,
    "sign_up": 0.05,
}
OTHER_FLOOR = 0.02
RARE = 0.02  # share of honest accounts up to which a value can be dealt out
LEAST_HONEST = 0.01  # of those who show a value, at least: many values add up
OWN = frozenset({"payment", "device"})  # what nobody shares with strangers by accident
GROWTH = 1.1
MIN_ACCOUNTS = 4
MIN_VOTES = 2  # dimensions in which an account around it must be tied to be likely its own,
CHANCE = 1.5  # standard deviations of a partition's count that are no honest holders: values are many
MISSING = 0.5  # of what a dimension that is not shared speaks for innocence is believed
MOST_SHARED = 0.95
DOUBT = 3.0  # and nats that its other votes and its fit are held against


@lru_cache(maxsize=1 << 14)  # asked over and over of what campaigns show
def dimension_of(indicator: str) -> str:
    """The dimension of an indicator."""
    return INDICATOR_DIMENSIONS.get(kind_of(indicator), "other")


def refresh(ledger: Ledger, campaign: CampaignRow, around: Iterable[str] = ()) -> None:
    """Count p and q anew if the campaign has grown or shrunk; ``around``: accounts of its groups.

    Who around it shows several of its prompts is counted anew in any case: strangers come without it growing.
    """
    if campaign.count < MIN_ACCOUNTS:
        return
    ledger.change(campaign)
    sample = ledger.sample(campaign)
    if 1 / GROWTH < campaign.count / max(campaign.measured, 1) < GROWTH:
        campaign.several = _several(ledger, campaign, sample, around)
        return
    campaign.measured = campaign.count
    likely = _suspected(ledger, campaign, around)
    honest: dict[str, dict[str, float]] = {}
    covered: dict[str, int] = {}
    shown_by: dict[str, set[str]] = {}  # prompts
    for account in sample:
        dealt = {
            name: share
            for name in account.indicators
            if (share := dealt_share(ledger, name, campaign, likely.get(name, 0.0), is_inside=True))
            is not None
        }
        for name, share in dealt.items():
            honest.setdefault(dimension_of(name), {})[name] = share
            if kind_of(name) in prompts.KINDS:
                shown_by.setdefault(name, set()).add(account.account_id)
        for dimension in {dimension_of(name) for name in dealt}:
            covered[dimension] = covered.get(dimension, 0) + 1
    scale = max(1.0, campaign.count / max(len(sample), 1))
    campaign.traits = {
        dimension: (
            (count + 0.5) / (len(sample) + 1),
            min(1.0, FLOORS.get(dimension, OTHER_FLOOR) + scale * sum(sorted(honest[dimension].values()))),
        )
        for dimension, count in sorted(covered.items())
    }
    campaign.prompts = prompts.sort_out(shown_by)
    campaign.several = _several(ledger, campaign, sample, around)


def _several(
    ledger: Ledger, campaign: CampaignRow, sample: list[AccountRow], around: Iterable[str]
) -> tuple[float, float]:
    """The share of the campaign's accounts that show several different prompts, and of honest accounts.

    Whoever stands around the campaign, shows several, and is not likely its own by the rest, is honest.
    """
    count = sum(prompts.are_several(campaign, account) for account in sample)
    others = (account for name in sorted(around) if (account := ledger.account(name)))
    strangers = sum(
        1 - likely_own(account, "software")
        for account in others
        if account.campaign != campaign.campaign_id and prompts.are_several(campaign, account)
    )
    accounts = max((account.among for account in sample), default=0)
    return (count + 0.5) / (len(sample) + 1), min(1.0, FLOORS["software"] + strangers / max(accounts, 1))


def _suspected(ledger: Ledger, campaign: CampaignRow, around: Iterable[str]) -> dict[str, float]:
    """Of each value, how many accounts that are likely the campaign's, though not sentenced, hold it.

    Likely by everything but the dimension of the value: whom only this value ties to the campaign is honest.
    """
    found: dict[str, float] = {}
    for name in sorted(around):
        account = ledger.account(name)
        if account is None or account.campaign == campaign.campaign_id:
            continue
        likely = {
            dimension: likely_own(account, dimension)
            for dimension in {*map(dimension_of, account.indicators)}
        }
        for indicator in account.indicators:
            found[indicator] = found.get(indicator, 0.0) + likely[dimension_of(indicator)]
    return found


def missing(campaign: CampaignRow, dimension: str) -> float:
    """Nats against an account that shares nothing of a dimension with the campaign; at most 0.

    Half of the log likelihood ratio: p is of those who are sentenced, and they share most.
    """
    p, q = campaign.traits.get(dimension, (0.0, 0.0))
    return MISSING * min(0.0, log((1 - min(p, MOST_SHARED)) / (1 - min(q, MOST_SHARED))))


def likely_own(account: AccountRow, without: str = "") -> float:
    """How likely an account is the campaign's, by its votes (``without`` a dimension) and its fit: 0 to 1.

    Not at all with fewer than `MIN_VOTES` votes: a bystander has one.
    """
    if len(account.votes) < MIN_VOTES:
        return 0.0
    total = sum(account.votes.values()) - account.votes.get(without, 0.0) + account.fit
    return 1 / (1 + exp(DOUBT - total))


def dealt_share(
    ledger: Ledger, name: str, campaign: CampaignRow, suspected: float = 0.0, *, is_inside: bool
) -> float | None:
    """The honest share of a rare value that others of the campaign hold; None if it is no such value.

    ``suspected``: holders that likely belong to it; ``is_inside``: the account that shows it belongs to it.
    """
    row = ledger.value(name)
    if row is None or not row.accounts:
        return None
    inside = row.inside.get(campaign.campaign_id, 0)
    if inside - is_inside < 1:
        return None
    own = (inside + suspected) / row.accounts  # as far as they were counted among the honest
    chance = CHANCE * sqrt(own * ledger.partitions / row.accounts)  # one partition counted the share
    share = max(row.share - own - chance, LEAST_HONEST * row.share)
    most = min(own, RARE) if dimension_of(name) in OWN else RARE
    return share if share <= most else None
