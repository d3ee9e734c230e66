"""CAMPAIGNS: findings in, verdicts on accounts and the state of campaigns out.  One partition.

``process`` files findings and operators' words (`intake.py`).  ``tick`` finds the place of each group that
has news (`union.py`), weighs each account that they touched (`odds.py`), sends verdicts that have changed,
and ends campaigns that have been silent.  A campaign's end withdraws nothing: sentences run out by policy.
For the same reason a verdict that stands is sent again, once it is `AGAIN_MS` old and its account is weighed:
whoever stays active stays sentenced.
"""

from stream_guard.campaigns import endings, traits
from stream_guard.campaigns.intake import Intake
from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.networks import cidr_of
from stream_guard.campaigns.odds import Odds, budget_line, honest_ratio, weigh
from stream_guard.campaigns.reasons import reasons_of
from stream_guard.campaigns.rows import AccountRow, CampaignRow, Row, SuspectRow
from stream_guard.campaigns.union import Union
from stream_guard.clock import DAY_MS, MINUTE_MS
from stream_guard.records import CampaignState, Evidence, Finding, Verdict
from stream_guard.settings import Settings
from stream_guard.topology import Out, Rows

VERDICTS = "verdicts"
CAMPAIGNS = "campaigns"
NEWS = 0.05  # of score, from which a verdict that stands is said again
AGAIN_MS = DAY_MS  # event time after which a verdict that stands is sent again, news or not
SCORE_AT_LINE = 0.9
WEIGHED_AGAIN = 0.05  # growth or loss from which all accounts around a campaign are weighed again
LEAST_AROUND = 0.1  # of the accounts that a campaign's groups name: at least so many may be honest
LINKED = 24  # indicators of which a campaign's state says who shows them; more are no picture


class Campaigns:
    """The stage (`topology.Stage`); emits `Verdict` on ``verdicts`` and `CampaignState` on ``campaigns``."""

    row = Row

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.campaigns
        self._line = budget_line(settings.budget.false_blocks_per_100k_account_days)
        self._silent_ms = round(settings.campaigns.silent_days * DAY_MS)
        self._forget_after_ms = round(settings.stream.forget_after_s * 1000)
        self._intake = Intake()

    def process(self, rows: Rows, _key: str, record: Finding, out: Out) -> None:
        """Take one finding."""
        ledger = Ledger(rows)
        self._intake.take(ledger, record, out.count)
        endings.note(ledger, record, out.at)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        """Place groups, weigh accounts, tell."""
        intake, self._intake = self._intake, Intake()
        ledger = Ledger(rows)
        union = Union(ledger, self._settings, now)
        for indicator in sorted(intake.groups):
            union.place(indicator)
        session = Session(ledger, self._line, now, out)
        grown = self._around_grown(ledger) if now % MINUTE_MS == 0 else set()
        for account_id in sorted(intake.accounts | union.accounts | grown):
            session.weigh(account_id)
        for name, home in sorted(union.merged.items()):
            session.tell_merged(name, home)
        for name in sorted(union.changed | session.changed):
            session.tell(name)
        if now % MINUTE_MS == 0:
            self._end_silent(ledger, session, now)

    def next_due(self, rows: Rows, now: int) -> int | None:
        """Without a record only campaigns that have grown are weighed, and silent ones end."""
        ledger = Ledger(rows)
        living = ledger.living()
        if any((campaign := ledger.campaign(name)) and _has_grown(campaign) for name in living):
            return now
        return min(living.values()) + self._silent_ms + 1 if living else None

    def may_forget(self, key: str) -> bool:
        """Suspected groups and accounts end; campaigns do so when they are silent (`_end_silent`)."""
        return endings.may_forget(key)

    def forget_at(self, _key: str, row: SuspectRow | AccountRow) -> int | None:
        """A group of no campaign that no finding has named for long; an account likewise."""
        return endings.forget_at(row, self._forget_after_ms)

    def forget(self, rows: Rows, _key: str, row: SuspectRow | AccountRow) -> None:
        """Nothing is withdrawn: sentences run out by policy."""
        endings.forget(Ledger(rows), row)

    @staticmethod
    def _around_grown(ledger: Ledger) -> set[str]:
        """Accounts around campaigns that have grown: what they share with members may convict them now."""
        around: set[str] = set()
        for name in sorted(ledger.living()):
            campaign = ledger.campaign(name)
            if campaign is None or not _has_grown(campaign):
                continue
            ledger.change(campaign)
            campaign.weighed = campaign.count
            traits.refresh(ledger, campaign)
            groups = (ledger.suspect(indicator) for indicator in sorted(campaign.groups))
            near = {account for group in groups if group for account in group.members}
            campaign.around = max(len(near) - campaign.count, round(LEAST_AROUND * len(near)), 1)
            around |= near
        return around

    def _end_silent(self, ledger: Ledger, session: "Session", now: int) -> None:
        """End campaigns of which nothing was seen for long."""
        silent = [name for name, seen in ledger.living().items() if now - seen > self._silent_ms]
        for name in sorted(silent):
            ledger.unlist(name)
            session.end(name)


def _has_grown(campaign: CampaignRow) -> bool:
    """Whether all accounts around it are to be weighed again: it has grown, or shrunk, by `WEIGHED_AGAIN`."""
    change = abs(campaign.count - campaign.weighed)
    return change > 0 and change >= WEIGHED_AGAIN * campaign.weighed


class Session:
    """One tick's weighing and telling."""

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
        odds = self._best(account)
        bonus = self._labels.bonus({"fit": odds.fit, **odds.votes}) if odds else 0.0
        if odds is not None:
            account.votes, account.fit = odds.votes, odds.fit
        stands = bool(account.verdict)
        is_guilty = odds is not None and not account.is_cleared
        if odds and is_guilty and odds.suffices(self._line - odds.relief, bonus, stands=stands):
            self._sentence(account, odds, bonus)
        else:
            self._free(account)
        if not account.fits and not account.campaign:
            self._ledger.forget(account)

    def _best(self, account: AccountRow) -> Odds | None:
        """The odds in the campaign that they are best for."""
        by_campaign: dict[str, list[SuspectRow]] = {}
        for group in self._ledger.groups_of(account):
            if group.campaign:
                if group.indicator not in self._honest:
                    self._honest[group.indicator] = honest_ratio(group)
                by_campaign.setdefault(group.campaign, []).append(group)
        weighed = [
            weigh(self._ledger, account, campaign, groups, self._honest, self._now)
            for name, groups in sorted(by_campaign.items())
            if (campaign := self._ledger.campaign(name))
        ]
        return max(weighed, key=lambda odds: (odds.total, odds.campaign_id), default=None)

    def _sentence(self, account: AccountRow, odds: Odds, bonus: float) -> None:
        """The account belongs to the campaign: say so if that is news, or was long ago."""
        campaign = self._ledger.campaign(odds.campaign_id)
        if campaign is None:
            return
        if account.campaign != campaign.campaign_id:
            self._ledger.leave(account)
            self._ledger.join(account, campaign)
            self.changed.add(campaign.campaign_id)
        score = 1 - (1 - SCORE_AT_LINE) ** (max(0.0, odds.total + bonus) / (self._line - odds.relief))
        kind, before, was_cold = account.said
        is_old = account.verdict == campaign.campaign_id and (kind, was_cold) == (
            campaign.kind,
            campaign.is_cold,
        )
        if is_old and abs(score - before) < NEWS and self._now - account.said_at < AGAIN_MS:
            return
        account.said_at = self._now
        account.verdict, account.said = campaign.campaign_id, (campaign.kind, score, campaign.is_cold)
        self._out.emit(VERDICTS, account.account_id, self._verdict(account, campaign, odds, bonus))
        self._out.count("verdicts")

    def _verdict(self, account: AccountRow, campaign: CampaignRow, odds: Odds, bonus: float) -> Verdict:
        evidence = odds.evidence + campaign.evidence
        if bonus > 0:
            evidence += (Evidence("operator", bonus, 0.0, bonus, "operator", "who"),)
        if account.is_charged_back:
            evidence += (Evidence("chargeback", 1.0, 0.0, odds.credit, "card", "who"),)
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
            account.verdict, account.said, account.said_at = "", ("", 0.0, False), 0
            withdrawal = Verdict(account.account_id, "campaign", "", trigger=f"tick:{self._now}")
            self._out.emit(VERDICTS, account.account_id, withdrawal)
            self._out.count("verdicts_withdrawn")
        if account.campaign and (not account.is_core or account.is_cleared or not account.fits):
            self.changed.add(account.campaign)
            self._ledger.leave(account)

    def tell(self, name: str) -> None:
        """Send the state of a campaign."""
        campaign = self._ledger.campaign(name)
        if campaign is not None:
            self._out.emit(CAMPAIGNS, name, self._state(campaign))

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
        self._out.emit(CAMPAIGNS, name, self._state(campaign, ended=True))
        self._out.count("campaigns_ended")
        for indicator in sorted(campaign.groups):
            group = self._ledger.suspect(indicator)
            if group is None:
                continue
            for account in self._ledger.members_of(group):
                self._ledger.change(account)
                account.fits.pop(indicator, None)
                if account.campaign == name:
                    self._ledger.leave(account)
                    account.verdict = ""
                if not account.fits:
                    self._ledger.forget(account)
            self._ledger.forget(group)
        self._ledger.forget(campaign)

    def _state(self, campaign: CampaignRow, *, ended: bool = False) -> CampaignState:
        found = (self._ledger.suspect(name) for name in sorted(campaign.groups))
        shown = sorted((-group.inside, group.indicator) for group in found if group is not None)
        members = sorted(campaign.listed)
        return CampaignState(
            campaign_id=campaign.campaign_id,
            kind=campaign.kind,
            status="ended" if ended else "active",
            founded_at=campaign.founded_at / 1000,
            changed_at=campaign.changed_at / 1000,
            members=tuple(members),
            indicators=tuple((indicator, -count) for count, indicator in shown[:64]),
            evidence=campaign.evidence,
            harvested=campaign.harvested,
            timeline=campaign.timeline,
            links=tuple(self._links(members, indicator) for _, indicator in shown[:LINKED]),
        )

    def _links(self, members: list[str], indicator: str) -> tuple[int, ...]:
        """Which of the members show an indicator, as far as findings named them: for the picture."""
        group = self._ledger.suspect(indicator)
        named = group.members if group is not None else {}
        return tuple(place for place, member in enumerate(members) if member in named)
