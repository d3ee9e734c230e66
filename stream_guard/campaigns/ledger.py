"""Rows by name, and the sums that hold between them.

An account *belongs* to a campaign as part of its core or by its odds.  What belongs is counted in five
places, always together: by name in `MembersRow`, `CampaignRow.count`, `CampaignRow.harvested`, in each of the
campaign's groups in which the account stands, `SuspectRow.inside`, and for each indicator that it shows,
`ValueRow.inside`.  So every change goes through here.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeVar

from stream_guard.campaigns.labels import LabelModel
from stream_guard.campaigns.rows import (
    BUCKETS,
    INDEX,
    LABELS,
    MAX_LISTED,
    AccountRow,
    CampaignRow,
    IndexRow,
    LabelsRow,
    MembersRow,
    SuspectRow,
    ValueRow,
    account_key,
    bucket_of,
    campaign_key,
    members_key,
    suspect_key,
    value_key,
)
from stream_guard.topology import Rows

R = TypeVar("R")


class Ledger:
    """One lane's rows."""

    def __init__(self, rows: Rows, partitions: int = 1) -> None:
        self._rows = rows
        self.partitions = partitions  # over which GROUPS counts what honest accounts show

    def suspect(self, indicator: str) -> SuspectRow | None:
        """A suspected group, or None."""
        return self._rows.get(suspect_key(indicator))

    def account(self, account_id: str) -> AccountRow | None:
        """An account of a suspected group, or None."""
        return self._rows.get(account_key(account_id))

    def campaign(self, campaign_id: str) -> CampaignRow | None:
        """A living campaign, or None."""
        return self._rows.get(campaign_key(campaign_id)) if campaign_id else None

    def living(self) -> dict[str, int]:
        """Living campaigns and when they last gave a sign of life (ms); not to be changed."""
        row: IndexRow | None = self._rows.get(INDEX)
        return row.campaigns if row else {}

    def seen(self, campaign_id: str, at: int) -> None:
        """The campaign gave a sign of life."""
        row: IndexRow = self._rows.get(INDEX) or IndexRow()
        self._rows.put(INDEX, row)
        row.campaigns[campaign_id] = at

    def unlist(self, campaign_id: str) -> None:
        """The campaign lives no longer."""
        row: IndexRow = self._rows.get(INDEX) or IndexRow()
        self._rows.put(INDEX, row)
        row.campaigns.pop(campaign_id, None)

    def labels(self) -> LabelModel:
        """The model of labels."""
        row: LabelsRow | None = self._rows.get(LABELS)
        return row.model if row else LabelModel()

    def put_labels(self, model: LabelModel) -> None:
        """Keep the model of labels."""
        self._rows.put(LABELS, LabelsRow(model))

    def change(self, row: SuspectRow | AccountRow | CampaignRow) -> None:
        """Put a row that is about to be changed."""
        if isinstance(row, SuspectRow):
            self._rows.put(suspect_key(row.indicator), row)
        elif isinstance(row, AccountRow):
            self._rows.put(account_key(row.account_id), row)
        else:
            self._rows.put(campaign_key(row.campaign_id), row)

    def forget(self, row: SuspectRow | AccountRow | CampaignRow) -> None:
        """Delete a row."""
        if isinstance(row, SuspectRow):
            self._rows.delete(suspect_key(row.indicator))
        elif isinstance(row, AccountRow):
            self._rows.delete(account_key(row.account_id))
        else:
            self._rows.delete(campaign_key(row.campaign_id))

    def release(self, account: AccountRow) -> None:
        """Delete an account that nothing holds any more: no group, no campaign, no operator's word."""
        if not (account.fits or account.campaign or account.is_cleared):
            self.forget(account)

    def drop(self, group: SuspectRow) -> list[AccountRow]:
        """Delete a group; the accounts that it named stand in it no longer, and are returned."""
        members = self.members_of(group)
        for account in members:
            self.change(account)
            account.fits.pop(group.indicator, None)
        self.forget(group)
        return members

    def groups_of(self, account: AccountRow) -> list[SuspectRow]:
        """The suspected groups in which an account stands, sorted."""
        found = (self.suspect(indicator) for indicator in sorted(account.fits))
        return [group for group in found if group is not None]

    def members_of(self, group: SuspectRow) -> list[AccountRow]:
        """Accounts that findings named in a group, sorted."""
        found = (self.account(account_id) for account_id in sorted(group.members))
        return [account for account in found if account is not None]

    def sample(self, campaign: CampaignRow) -> list[AccountRow]:
        """The accounts of a campaign that its row lists (`MAX_LISTED` at most), sorted."""
        found = (self.account(account_id) for account_id in sorted(campaign.listed))
        return [account for account in found if account is not None]

    def belonging(self, campaign_id: str) -> list[AccountRow]:
        """All accounts that belong to a campaign, sorted."""
        names: list[str] = []
        for bucket in range(BUCKETS):
            row: MembersRow | None = self._rows.get(members_key(campaign_id, bucket))
            names.extend(row.accounts if row else ())
        found = (self.account(name) for name in sorted(names))
        return [account for account in found if account is not None]

    def join(self, account: AccountRow, campaign: CampaignRow) -> None:
        """The account belongs to the campaign from now on."""
        self.change(account)
        self.change(campaign)
        account.campaign = campaign.campaign_id
        campaign.count += 1
        campaign.harvested += account.answered
        if len(campaign.listed) < MAX_LISTED:
            campaign.listed[account.account_id] = None
        key = members_key(campaign.campaign_id, bucket_of(account.account_id))
        members: MembersRow = self._rows.get(key) or MembersRow()
        self._rows.put(key, members)
        members.accounts[account.account_id] = None
        self.count_values(campaign.campaign_id, account.indicators, 1)
        self.note_shares(account)
        self._count_inside(account, campaign, 1)

    def leave(self, account: AccountRow) -> None:
        """The account belongs to no campaign from now on."""
        self.change(account)
        if account.campaign:  # also of one that has ended: its values go with its last account
            self.count_values(account.campaign, account.indicators, -1)
            self._strike(account)
        campaign = self.campaign(account.campaign)
        if campaign is not None:
            self.change(campaign)
            campaign.count -= 1
            campaign.harvested -= account.answered
            campaign.listed.pop(account.account_id, None)
            self._count_inside(account, campaign, -1)
        account.campaign, account.is_core = "", False

    def _strike(self, account: AccountRow) -> None:
        """Take the account from the names of those who belong to its campaign."""
        key = members_key(account.campaign, bucket_of(account.account_id))
        members: MembersRow | None = self._rows.get(key)
        if members is None:
            return
        members.accounts.pop(account.account_id, None)
        if members.accounts:
            self._rows.put(key, members)
        else:
            self._rows.delete(key)

    def value(self, indicator: str) -> ValueRow | None:
        """An indicator that accounts of campaigns show, or None."""
        return self._rows.get(value_key(indicator))

    def note_shares(self, account: AccountRow) -> None:
        """What honest accounts show of the indicators that campaigns show, as this account brought it."""
        for indicator, share in zip(account.indicators, account.shares, strict=False):
            row = self.value(indicator)
            if row is not None and row.accounts <= account.among and row.share != share:
                self._rows.put(value_key(indicator), row)
                row.share, row.accounts = share, account.among

    def count_values(self, campaign_id: str, indicators: Iterable[str], step: int) -> None:
        """An account of the campaign shows these indicators from now on, or (-1) no longer."""
        for indicator in indicators:
            row = self.value(indicator) or ValueRow()
            count = row.inside.get(campaign_id, 0) + step
            if count > 0:
                row.inside[campaign_id] = count
            else:
                row.inside.pop(campaign_id, None)
            if row.inside:
                self._rows.put(value_key(indicator), row)
            else:
                self._rows.delete(value_key(indicator))

    def _count_inside(self, account: AccountRow, campaign: CampaignRow, step: int) -> None:
        for group in self.groups_of(account):
            if group.campaign == campaign.campaign_id:
                self.change(group)
                group.inside = max(0, group.inside + step)  # beyond its bound a group names only a part


def name_campaign(indicator: str, now: int) -> str:
    """A campaign's id: the same log gives the same.

    >>> name_campaign("payment:x", 1_760_000_000_000)
    'c-3aea1ea7fe'
    """
    return "c-" + blake2b(f"{indicator}|{now}".encode(), digest_size=5).hexdigest()
