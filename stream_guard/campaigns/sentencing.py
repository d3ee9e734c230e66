"""Weighing accounts: who is sentenced, whose sentence is withdrawn, and the verdicts that say so."""

from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.makeup import honest_count
from stream_guard.campaigns.networks import cidr_of
from stream_guard.campaigns.odds import CHARGEBACK, Odds, weigh
from stream_guard.campaigns.reasons import reasons_of
from stream_guard.campaigns.rows import AGAIN_MS, NEWS, AccountRow, CampaignRow, SuspectRow
from stream_guard.records import Evidence, Verdict
from stream_guard.topology import Out

VERDICTS = "verdicts"
SCORE_AT_LINE = 0.9
MILLION = 1_000_000


class Session:
    """One tick's weighing; ``changed`` are the campaigns that have grown or shrunk by it."""

    def __init__(self, ledger: Ledger, line: float, now: int, out: Out) -> None:
        self._ledger, self._line, self._now, self._out = ledger, line, now, out
        self._labels = ledger.labels()
        self._honest: dict[str, float] = {}  # by group; the same for all accounts of a tick
        self.changed: set[str] = set()

    def weigh(self, account_id: str) -> None:
        """Weigh one account against the campaigns of its groups; tell what has changed."""
        account = self._ledger.account(account_id)
        if account is None:
            return
        self._ledger.change(account)
        account.moved = 0.0
        stands = bool(account.verdict)
        weighed = [
            (odds, self._labels.bonus({"fit": odds.fit, **odds.votes})) for odds in self._odds(account)
        ]
        enough = [one for one in weighed if one[0].suffices(self._line, one[1], stands=stands)]
        if weighed:
            odds, bonus = max(enough or weighed, key=lambda one: (one[0].total, one[0].campaign_id))
            account.votes, account.fit = odds.votes, odds.fit
        if enough and not account.is_cleared:
            self._sentence(account, odds, bonus)
        else:
            self._free(account)
        self._ledger.release(account)

    def _odds(self, account: AccountRow) -> list[Odds]:
        """The account's odds in each campaign around it, sorted by name."""
        # Who belongs to a campaign is weighed against it even where it has no room for his groups:
        by_campaign: dict[str, list[SuspectRow]] = {account.campaign: []} if account.campaign else {}
        for group in self._ledger.groups_of(account):
            if group.campaign:
                by_campaign.setdefault(group.campaign, []).append(group)
        return [
            weigh(self._ledger, account, campaign, groups, self._honest_in(groups, campaign), self._now)
            for name, groups in sorted(by_campaign.items())
            if (campaign := self._ledger.campaign(name))
        ]

    def _honest_in(self, groups: list[SuspectRow], campaign: CampaignRow) -> dict[str, float]:
        """How many honest accounts show the indicator of each group."""
        for group in groups:
            if group.indicator not in self._honest:
                self._honest[group.indicator] = honest_count(self._ledger, group, campaign)
        return self._honest

    def _sentence(self, account: AccountRow, odds: Odds, bonus: float) -> None:
        """The account belongs to the campaign: say so if that is news, or was long ago."""
        campaign = self._ledger.campaign(odds.campaign_id)
        if campaign is None:
            return
        if account.campaign != campaign.campaign_id:
            self._ledger.leave(account)
            self._ledger.join(account, campaign)
            self.changed.add(campaign.campaign_id)
        score = 1 - (1 - SCORE_AT_LINE) ** (max(0.0, odds.total + bonus) / (self._line - odds.granted))
        kind, before, was_cold = account.said
        is_old = account.verdict == campaign.campaign_id and (kind, was_cold) == (
            campaign.kind,
            campaign.is_cold,
        )
        if is_old and abs(score - before) < NEWS and self._now - account.said_at < AGAIN_MS:
            return
        if (
            not account.verdict and self._now - account.said_at >= AGAIN_MS
        ):  # within a day it is the same block
            self._out.count("doubt_millionths", round(MILLION * odds.doubt(bonus, campaign.count)))
        account.said_at = self._now
        account.verdict, account.said = campaign.campaign_id, (campaign.kind, score, campaign.is_cold)
        self._out.emit(VERDICTS, account.account_id, self._verdict(account, campaign, odds, bonus))
        self._out.count("verdicts")

    def _verdict(self, account: AccountRow, campaign: CampaignRow, odds: Odds, bonus: float) -> Verdict:
        evidence = odds.evidence + campaign.evidence
        if bonus > 0:
            evidence += (Evidence("operator", bonus, 0.0, bonus, "operator", "who"),)
        if account.is_charged_back:
            evidence += (Evidence("chargeback", 1.0, 0.0, CHARGEBACK, "card", "who"),)
        role = "campaign_member" if odds.has_conduct else "campaign_successor"
        kind, score, is_cold = account.said
        return Verdict(
            account_id=account.account_id,
            source="campaign",
            kind=kind,
            score=score,
            campaign_id=campaign.campaign_id,
            evidence=evidence,
            reasons=reasons_of(kind, role, evidence, is_cold=is_cold),
            tier=account.segment.rpartition("|")[2],
            org_id=account.unit.removeprefix("org:") if account.unit.startswith("org:") else "",
            network=cidr_of(account.network),
            is_cold=is_cold,
            trigger=f"tick:{self._now}",
        )

    def _free(self, account: AccountRow) -> None:
        """The account is not, or no longer, held to belong; the core stays while its groups do."""
        if account.verdict:
            account.verdict, account.said = "", ("", 0.0, False)
            withdrawal = Verdict(account.account_id, "campaign", "", trigger=f"tick:{self._now}")
            self._out.emit(VERDICTS, account.account_id, withdrawal)
            self._out.count("verdicts_withdrawn")
        if account.campaign and (not account.is_core or account.is_cleared or not account.fits):
            self.changed.add(account.campaign)
            self._ledger.leave(account)
