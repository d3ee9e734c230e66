"""Which groups belong together: joining a campaign, merging two, founding one."""

from collections import Counter

from stream_guard.campaigns import growth, traits
from stream_guard.campaigns.conviction import (
    MAX_EVIDENCE,
    MAX_UNION,
    OVERLAP,
    core_of,
    is_convicted,
    kind_of_campaign,
    suspects_of,
)
from stream_guard.campaigns.ledger import Ledger, name_campaign
from stream_guard.campaigns.rows import (
    FITS,
    MAX_CAMPAIGNS,
    MAX_GROUPS,
    AccountRow,
    CampaignRow,
    SuspectRow,
    ValueRow,
)
from stream_guard.campaigns.traits import OWN, RARE, dimension_of
from stream_guard.records import kind_of
from stream_guard.settings import CampaignsSettings

JOIN_RATIO = 0.2  # of a group's accounts that must belong to a campaign for the group to join it
MERGE_RATIO = 0.1  # of a campaign's accounts that hold cards or devices of another for the two to merge


class Union:
    """Places suspected groups; ``founded`` and ``changed`` are campaigns that are no longer as they were."""

    def __init__(self, ledger: Ledger, settings: CampaignsSettings, now: int) -> None:
        self._ledger, self._settings, self._now = ledger, settings, now
        self._homes: dict[str, str] = {}  # suspected group -> its campaign, as far as looked up in this tick
        self.changed: set[str] = set()
        self.founded: set[str] = set()
        self.merged: dict[str, str] = {}  # younger campaign -> the one that it went into
        self.accounts: set[str] = set()  # to be weighed, since their groups found a place

    def place(self, indicator: str) -> None:
        """Find the place of a group that has a new finding."""
        group = self._ledger.suspect(indicator)
        if group is None:
            return
        members = self._ledger.members_of(group)
        if self._is_stranger(group) and self._found(group, members, JOIN_RATIO * len(members)):
            return
        if group.campaign:
            self._refresh(group)
            return
        inside = Counter(name for account in members for name in self._ties(account))
        campaigns = [
            campaign
            for name, shared in sorted(inside.items())
            if shared >= max(OVERLAP, JOIN_RATIO * len(members)) and (campaign := self._ledger.campaign(name))
        ]
        if campaigns:
            self._attach(group, min(campaigns, key=_age))
        else:
            self._found(group, members)

    def merge_kin(self) -> None:
        """Campaigns that have grown become one with those that hold the same cards or devices."""
        for name in sorted(self._ledger.living()):
            campaign = self._ledger.campaign(name)
            while campaign is not None and growth.has_grown(campaign):
                other = self._kin(campaign)
                if other is None:
                    break
                campaign = self._merge(*sorted((campaign, other), key=_age))

    def _kin(self, campaign: CampaignRow) -> CampaignRow | None:
        """The campaign that holds cards or devices of enough of its accounts, as a sample tells.

        Several accounts of the other's do: one that came to it by mistake joins nobody.
        """
        sample = self._ledger.sample(campaign)
        shared: Counter[str] = Counter()
        values: dict[str, ValueRow] = {}
        for account in sample:
            own = self._own_values(account)
            values |= own
            shared.update({name for row in own.values() for name in row.inside})
        del shared[campaign.campaign_id]
        for name, count in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
            if count < max(OVERLAP, MERGE_RATIO * len(sample)):
                return None
            others: Counter[str] = Counter()  # by kind: one account may hold a card, a key and a device
            for value, row in values.items():
                others[kind_of(value)] += row.inside.get(name, 0)
            if max(others.values()) >= OVERLAP and (other := self._ledger.campaign(name)):
                return other
        return None

    def _own_values(self, account: AccountRow) -> dict[str, ValueRow]:
        """The rare cards and devices of an account that campaigns hold."""
        found = {name: self._ledger.value(name) for name in account.indicators if dimension_of(name) in OWN}
        return {name: row for name, row in found.items() if row and row.share <= RARE}

    def _ties(self, account: AccountRow) -> set[str]:
        """Campaigns that an account belongs to, or whose groups it stands in while its conduct fits them."""
        ties = {account.campaign} if account.campaign else set()
        for indicator, fit in account.fits.items():
            if fit >= FITS and (home := self._home_of(indicator)):
                ties.add(home)
        return ties

    def _home_of(self, indicator: str) -> str:
        """The campaign of a suspected group; empty if it has none."""
        home = self._homes.get(indicator)
        if home is None:
            group = self._ledger.suspect(indicator)
            home = self._homes[indicator] = group.campaign if group else ""
        return home

    def _is_stranger(self, group: SuspectRow) -> bool:
        """Whether it joined a campaign that hardly any of its accounts turned out to belong to."""
        return bool(group.campaign) and group.inside < JOIN_RATIO * len(group.members)

    def _found(self, group: SuspectRow, members: list[AccountRow], least: float = 0.0) -> bool:
        """Found a campaign if the group, alone or with those that overlap it, is convicted.

        ``least``: accounts of the group that the core has at least.  A group that leaves a campaign for being
        a stranger there has to be at home where it goes, or it would leave again and again.
        """
        near = Counter(name for account in members if account.campaign == "" for name in account.fits)
        names = [name for name, shared in near.items() if shared >= OVERLAP and name != group.indicator]
        names.sort(key=lambda name: (-near[name], name))
        others = [other for name in names[: MAX_UNION - 1] if (other := self._ledger.suspect(name))]
        union = [group, *(other for other in others if not other.campaign or self._is_stranger(other))]
        if not is_convicted(group, union, self._settings):
            return False
        accounts = {a.account_id: a for one in union for a in self._ledger.members_of(one) if not a.campaign}
        suspects = suspects_of(
            [accounts[name] for name in sorted(accounts)], {one.indicator for one in union}
        )
        if not suspects:
            return False
        core = core_of(suspects)
        if sum(group.indicator in account.fits for account in core) < least:
            return False
        name = name_campaign(group.indicator, self._now)
        campaign = CampaignRow(name, self._now, self._now, core=tuple(sorted(a.account_id for a in core)))
        campaign.note(self._now, f"founded on {len(union)} groups with {len(suspects)} suspects")
        self._register(campaign)
        for one in union:
            self._attach(one, campaign)
        for account in suspects:  # odds weigh each against the others, and let go who does not belong
            self._ledger.join(account, campaign)
        for account in core:
            account.is_core = True
        self.accounts.update(account.account_id for account in suspects)
        traits.refresh(self._ledger, campaign, accounts)
        return True

    def _register(self, campaign: CampaignRow) -> None:
        """Remember the campaign; beyond the bound the longest silent one is ended by the next sweep."""
        self._ledger.change(campaign)
        self._ledger.seen(campaign.campaign_id, self._now)
        living = self._ledger.living()
        if len(living) > MAX_CAMPAIGNS:
            self._ledger.seen(min(living, key=lambda name: (living[name], name)), 0)
        self.founded.add(campaign.campaign_id)

    def _attach(self, group: SuspectRow, campaign: CampaignRow) -> None:
        """The group is of the campaign, if that has room, from now on; its accounts are to be weighed."""
        self._detach(group)
        self._ledger.change(group)
        if len(campaign.groups) >= MAX_GROUPS and group.indicator not in campaign.groups:
            group.campaign, group.inside = "", 0
            self._homes[group.indicator] = ""
            return
        self._ledger.change(campaign)
        group.campaign = self._homes[group.indicator] = campaign.campaign_id
        members = self._ledger.members_of(group)
        group.inside = sum(account.campaign == campaign.campaign_id for account in members)
        campaign.groups[group.indicator] = None
        self.changed.add(campaign.campaign_id)
        self.accounts.update(account.account_id for account in members)
        self._refresh(group)

    def _detach(self, group: SuspectRow) -> None:
        """The campaign that the group was of, if any, has it no longer; the next loudest speaks for it."""
        campaign = self._ledger.campaign(group.campaign)
        if campaign is None:
            return
        self._ledger.change(campaign)
        campaign.groups.pop(group.indicator, None)
        self.changed.add(campaign.campaign_id)
        if campaign.spokesman == group.indicator:
            campaign.spokesman, campaign.log_e, campaign.evidence, campaign.kind = "", 0.0, (), "unknown"
            left = [other for name in sorted(campaign.groups) if (other := self._ledger.suspect(name))]
            if left:
                self._speak(campaign, max(left, key=lambda other: other.log_e))

    def _refresh(self, group: SuspectRow) -> None:
        """A finding of one of its groups is a sign of life, and may speak louder than what is known."""
        campaign = self._ledger.campaign(group.campaign)
        if campaign is None:
            return
        self._ledger.change(campaign)
        campaign.changed_at = self._now
        self._ledger.seen(campaign.campaign_id, self._now)
        if group.log_e >= campaign.log_e or group.indicator == campaign.spokesman:
            self._speak(campaign, group)

    def _speak(self, campaign: CampaignRow, group: SuspectRow) -> None:
        """The group's evidence is the campaign's."""
        was_cold = campaign.is_cold
        campaign.log_e, campaign.spokesman = group.log_e, group.indicator
        campaign.evidence = group.evidence[:MAX_EVIDENCE]
        kind = kind_of_campaign(group.evidence)
        if kind not in ("unknown", campaign.kind):
            campaign.kind = kind
            campaign.note(self._now, f"looks like {kind}")
            self.changed.add(campaign.campaign_id)
            self._weigh_all(campaign)
        if was_cold and not campaign.is_cold:
            campaign.note(self._now, "its evidence no longer rests on priors")
            self._weigh_all(campaign)

    def _weigh_all(self, campaign: CampaignRow) -> None:
        """What is said of the campaign has changed: weigh every account that its groups name."""
        for name in sorted(campaign.groups):
            group = self._ledger.suspect(name)
            self.accounts.update(group.members if group else ())

    def _merge(self, older: CampaignRow, younger: CampaignRow) -> CampaignRow:
        """Both become one, under the older id; groups for which it has no room are free."""
        self._ledger.change(older)
        groups = [g for name in sorted(younger.groups) if (g := self._ledger.suspect(name))]
        groups.sort(key=lambda group: -group.inside)
        younger.groups.clear()  # nobody speaks for it any more
        moved = self._ledger.belonging(younger.campaign_id)
        core = {account.account_id for account in moved if account.is_core}
        for account in moved:
            self._ledger.leave(account)
        for group in groups:
            self._attach(group, older)
        for account in moved:
            self._ledger.join(account, older)
            account.is_core = account.account_id in core
        older.note(self._now, f"merged with {younger.campaign_id}: {len(moved)} accounts")
        self._ledger.unlist(younger.campaign_id)
        self._ledger.forget(younger)
        self.merged[younger.campaign_id] = older.campaign_id
        self.accounts.update(account.account_id for account in moved)
        return older


def _age(campaign: CampaignRow) -> tuple[int, str]:
    return campaign.founded_at, campaign.campaign_id
