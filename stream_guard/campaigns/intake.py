"""Findings and operators' words into rows; says which groups and accounts have to be looked at.

A finding names its new or changed members only, so rows hold the union; a finding without evidence takes a
group of no campaign away, and with it every account that stands in no other.  A campaign keeps its groups: a
line that was crossed stays crossed.

An account that a finding names is weighed at once, unless it is sentenced beyond doubt: then only if its
fits have moved by `MOVED` since it was last, or if its sentence is `AGAIN_MS` old.  What changes around
accounts is for `growth.py` to notice.

Who is forgotten for long silence and comes back counts from one again: his *past* is what he had harvested.
"""

from collections.abc import Callable

from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.odds import SLACK
from stream_guard.campaigns.rows import AGAIN_MS, MAX_MEMBERS, AccountRow, SuspectRow
from stream_guard.records import Conduct, Control, Finding, Member, Profile, kind_of

Count = Callable[[str], None]
MOVED = SLACK / 2  # nats; odds have to fall by more to free an account
SHARES_AGAIN = 1.05  # growth of the accounts known from which honest shares are noted again


class Intake:
    """Takes the records of one tick; ``groups`` and ``accounts`` are what they touched."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.accounts: set[str] = set()

    def take(self, ledger: Ledger, finding: Finding, at: int, count: Count) -> None:
        """Take one finding, or the operator's word that travels in one."""
        if finding.control is not None:
            self._hear(ledger, finding.control, count)
            return
        group = ledger.suspect(finding.indicator)
        if not finding.evidence:
            if group is not None and group.campaign:  # a conviction stands: its line was crossed
                ledger.change(group)
                group.seen_at = at
            elif group is not None:
                self.accounts.update(account.account_id for account in ledger.drop(group))
            return
        group = group or SuspectRow(finding.indicator)
        ledger.change(group)
        group.log_e, group.line, group.evidence = finding.log_e, finding.line, finding.evidence
        group.share, group.size, group.units = finding.share, finding.size, finding.units
        group.causes, group.seen_at = finding.causes, at
        self.groups.add(group.indicator)
        for member in finding.members:
            self._meet(ledger, group, member, finding.accounts)

    def _meet(self, ledger: Ledger, group: SuspectRow, member: Member, accounts: int) -> None:
        """One member of a finding: its newest numbers, and its fit in this group."""
        account = ledger.account(member.account_id) or AccountRow(member.account_id)
        ledger.change(account)
        account.seen_at = group.seen_at
        profile = member.profile
        is_new = group.indicator not in account.fits
        if is_new and account.campaign and account.campaign == group.campaign:
            group.inside += 1
        _keep_fit(group, account, member)
        _identify(ledger, account, member, accounts)
        if profile.conduct is not None:
            _count(ledger, account, profile, profile.conduct)
        is_old = group.seen_at - account.said_at >= AGAIN_MS
        if not account.is_beyond_doubt or is_old or account.moved >= MOVED:
            self.accounts.add(account.account_id)

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
            count("labels_learnt")
            ledger.put_labels(model)
        account.is_cleared = not is_right


def _keep_fit(group: SuspectRow, account: AccountRow, member: Member) -> None:
    """Keep the member's fit, with its account and, as far as the row has room, with the group."""
    has_conduct = member.profile.conduct is not None
    if has_conduct or group.indicator not in account.fits:
        change = abs(member.fit - account.fits.get(group.indicator, 0.0))
        account.fits[group.indicator] = member.fit
        account.moved += change / len(account.fits)  # its groups tell of one change one after the other
    if account.account_id not in group.members and len(group.members) >= MAX_MEMBERS:
        return
    if has_conduct:
        group.members[account.account_id] = member.fit
        group.refitted += 1
    else:
        group.members.setdefault(account.account_id, None)


def _identify(ledger: Ledger, account: AccountRow, member: Member, accounts: int) -> None:
    """What the account shows: ever more, unless it was forgotten for long silence and has come back."""
    shown = member.profile.indicators
    is_more = len(shown) > len(account.indicators)
    if is_more:
        if account.campaign:
            known = set(account.indicators)
            ledger.count_values(account.campaign, (name for name in shown if name not in known), 1)
            ledger.count_values(account.campaign, known.difference(shown), -1)
        account.indicators = shown
    is_due = is_more or accounts > SHARES_AGAIN * account.among
    if is_due and member.shares and shown == account.indicators:
        account.shares, account.among = member.shares, accounts
        if account.campaign:
            ledger.note_shares(account)


def _count(ledger: Ledger, account: AccountRow, profile: Profile, conduct: Conduct) -> None:
    """Its newest numbers, and what its campaign has harvested by it."""
    if (conduct.last_at, profile.requests) < (account.last_at, account.requests):
        return
    if account.requests and conduct.first_at > account.last_at:
        account.past = account.answered
    answered = account.past + conduct.answered
    campaign = ledger.campaign(account.campaign)
    if campaign is not None and answered != account.answered:
        ledger.change(campaign)
        campaign.harvested += answered - account.answered
    account.requests, account.answered, account.last_at = profile.requests, answered, conduct.last_at
    account.unit, account.segment = profile.unit, profile.segment
    account.network = _network_of(profile.indicators)


def _network_of(indicators: tuple[str, ...]) -> str:
    """The value of the first network that an account shows; empty if it shows none."""
    shown = next((name for name in indicators if kind_of(name) == "network"), "")
    return shown.partition(":")[2]
