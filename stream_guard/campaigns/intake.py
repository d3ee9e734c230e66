"""Findings and operators' words into rows; says which groups and accounts have to be looked at.

A finding names its new or changed members only, so rows hold the union; a finding without evidence takes a
group of no campaign away, and with it every account that stands in no other.  A campaign keeps its groups: a
line that was crossed stays crossed.
"""

from collections.abc import Callable

from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import MAX_MEMBERS, AccountRow, SuspectRow
from stream_guard.records import Control, Finding, Member, kind_of

Count = Callable[[str], None]


class Intake:
    """Takes the records of one tick; ``groups`` and ``accounts`` are what they touched."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.accounts: set[str] = set()

    def take(self, ledger: Ledger, finding: Finding, count: Count) -> None:
        """Take one finding, or the operator's word that travels in one."""
        if finding.control is not None:
            self._hear(ledger, finding.control, count)
            return
        group = ledger.suspect(finding.indicator)
        if not finding.evidence:
            if group is not None and not group.campaign:  # a conviction stands: its line was crossed
                self._drop(ledger, group)
            return
        group = group or SuspectRow(finding.indicator)
        ledger.change(group)
        group.log_e, group.line, group.evidence = finding.log_e, finding.line, finding.evidence
        group.share, group.size, group.units = finding.share, finding.size, finding.units
        group.causes, group.tied = finding.causes, finding.tied
        self.groups.add(group.indicator)
        for member in finding.members:
            self._meet(ledger, group, member, finding.accounts)

    def _meet(self, ledger: Ledger, group: SuspectRow, member: Member, accounts: int) -> None:
        """One member of a finding: its newest numbers, and its fit in this group."""
        account = ledger.account(member.account_id) or AccountRow(member.account_id)
        ledger.change(account)
        self.accounts.add(account.account_id)
        is_new = group.indicator not in account.fits
        if is_new or member.profile.conduct is not None:
            account.fits[group.indicator] = member.fit
        if is_new and account.campaign and account.campaign == group.campaign:
            group.inside += 1
        profile = member.profile
        self._keep_fit(group, account.account_id, None if profile.conduct is None else member.fit)
        self._identify(ledger, account, member, accounts)
        if profile.conduct is None or profile.requests < account.requests:
            return
        campaign = ledger.campaign(account.campaign)
        if campaign is not None:
            ledger.change(campaign)
            campaign.harvested += profile.conduct.answered - account.answered
        account.requests, account.answered = profile.requests, profile.conduct.answered
        account.unit, account.segment = profile.unit, profile.segment
        account.network = _network_of(profile.indicators)

    @staticmethod
    def _identify(ledger: Ledger, account: AccountRow, member: Member, accounts: int) -> None:
        """What the account shows: ever more, unless it was forgotten for long silence and has come back."""
        shown = member.profile.indicators
        if len(shown) > len(account.indicators):
            if account.campaign:
                ledger.count_values(account.campaign, shown, 1)
                ledger.count_values(account.campaign, account.indicators, -1)
            account.indicators = shown
        if member.shares and shown == account.indicators:
            account.shares, account.among = member.shares, accounts
            ledger.note_shares(account)

    @staticmethod
    def _keep_fit(group: SuspectRow, account_id: str, fit: float | None) -> None:
        """Keep the member's fit, as far as the row has room."""
        if account_id not in group.members and len(group.members) >= MAX_MEMBERS:
            return
        if fit is not None:
            group.members[account_id] = fit
        else:
            group.members.setdefault(account_id, None)

    def _drop(self, ledger: Ledger, group: SuspectRow) -> None:
        """The group, of no campaign, has fallen back."""
        for account in ledger.members_of(group):
            ledger.change(account)
            account.fits.pop(group.indicator, None)
            self.accounts.add(account.account_id)
        ledger.forget(group)

    def _hear(self, ledger: Ledger, word: Control, count: Count) -> None:
        """An operator's word on an account: a label teaches, a chargeback weighs."""
        account = ledger.account(word.subject)
        if word.verb not in ("label", "chargeback"):
            count("words_not_for_campaigns")
            return
        if account is None:
            count("words_on_strangers")
            return
        ledger.change(account)
        self.accounts.add(account.account_id)
        if word.verb == "chargeback":
            account.is_charged_back = True
            return
        is_right = word.value != "wrong"
        if account.votes:
            model = ledger.labels()
            model.learn_one({"fit": account.fit, **account.votes}, is_right=is_right)
            ledger.put_labels(model)
        account.is_cleared = not is_right


def _network_of(indicators: tuple[str, ...]) -> str:
    """The value of the first network that an account shows; empty if it shows none."""
    shown = next((name for name in indicators if kind_of(name) == "network"), "")
    return shown.partition(":")[2]
