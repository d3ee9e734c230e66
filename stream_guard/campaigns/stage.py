"""CAMPAIGNS: findings in, verdicts on accounts and the state of campaigns out.  One partition.

``process`` files findings and operators' words (`intake.py`).  ``tick`` finds the place of each group that
has news (`union.py`), weighs each account that has (`sentencing.py`), and sends verdicts that have changed.
Once a minute, accounts around campaigns that have grown are weighed again (`growth.py`), campaigns that have
changed are told (`telling.py`), and those that have been silent, or are empty, end.  A campaign's end
withdraws nothing: sentences run out by policy.  For the same reason a verdict that stands is sent again, once
it is `AGAIN_MS` old and its account is weighed: whoever stays active stays sentenced.
"""

from stream_guard.campaigns import endings, growth, telling
from stream_guard.campaigns.intake import Intake
from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.odds import budget_line
from stream_guard.campaigns.rows import AccountRow, Row, SuspectRow
from stream_guard.campaigns.sentencing import Session
from stream_guard.campaigns.telling import Teller
from stream_guard.campaigns.union import Union
from stream_guard.clock import DAY_MS, MINUTE_MS
from stream_guard.records import Finding
from stream_guard.settings import Settings
from stream_guard.topology import Out, Rows


class Campaigns:
    """The stage (`topology.Stage`); emits `Verdict` on ``verdicts`` and `CampaignState` on ``campaigns``."""

    row = Row

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.campaigns
        self._line = budget_line(settings.budget.false_blocks_per_100k_account_days)
        self._partitions = settings.stream.partitions
        self._silent_ms = round(settings.campaigns.silent_days * DAY_MS)
        self._forget_after_ms = round(settings.stream.forget_after_s * 1000)
        self._intake = Intake()

    def process(self, rows: Rows, _key: str, record: Finding, out: Out) -> None:
        """Take one finding."""
        self._intake.take(Ledger(rows), record, out.at, out.count)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        """Place groups, weigh accounts, tell."""
        intake, self._intake = self._intake, Intake()
        ledger = Ledger(rows, self._partitions)
        union = Union(ledger, self._settings, now)
        for indicator in sorted(intake.groups):
            union.place(indicator)
        is_minute = now % MINUTE_MS == 0
        if is_minute:
            union.merge_kin()
        session = Session(ledger, self._line, now, out)
        grown = growth.accounts_to_weigh(ledger) if is_minute else set[str]()
        for account_id in sorted(intake.accounts | union.accounts | grown):
            session.weigh(account_id)
        teller = Teller(ledger, now, out)
        for name, home in sorted(union.merged.items()):
            teller.tell_merged(name, home)
        at_once = union.founded | set(union.merged.values())
        for name in sorted(at_once):
            teller.tell(name)
        for name in sorted((union.changed | session.changed) - at_once):
            teller.tell_later(name)
        if is_minute:
            teller.tell_due()
            self._end_over(ledger, teller, now)

    def next_due(self, rows: Rows, now: int) -> int | None:
        """Without a record only campaigns that have grown are weighed and told, and silent ones end."""
        ledger = Ledger(rows)
        living = ledger.living()
        due = [seen + self._silent_ms + 1 for seen in living.values()]
        for campaign in (ledger.campaign(name) for name in living):
            if campaign is not None and growth.has_grown(campaign):
                return now
            told_at = telling.due_at(campaign, now) if campaign else None
            due += [] if told_at is None else [told_at]
        return min(due, default=None)

    def may_forget(self, key: str) -> bool:
        """Suspected groups and accounts end; campaigns do so when they are silent (`_end_over`)."""
        return endings.may_forget(key)

    def forget_at(self, _key: str, row: SuspectRow | AccountRow) -> int | None:
        """A group of no campaign that no finding has named for long; an account likewise."""
        return endings.forget_at(row, self._forget_after_ms)

    def forget(self, rows: Rows, _key: str, row: SuspectRow | AccountRow) -> None:
        """Nothing is withdrawn: sentences run out by policy."""
        endings.forget(Ledger(rows), row)

    def _end_over(self, ledger: Ledger, teller: Teller, now: int) -> None:
        """End campaigns of which nothing was seen for long, and those that groups and accounts have left."""
        for name, seen in sorted(ledger.living().items()):
            campaign = ledger.campaign(name)
            is_empty = campaign is not None and not campaign.groups and not campaign.count
            if is_empty or now - seen > self._silent_ms:
                ledger.unlist(name)
                teller.end(name)
