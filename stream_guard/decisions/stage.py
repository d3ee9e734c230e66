"""DECISIONS: verdicts and operators' words in, decisions out; the one writer of each account.

Verdicts of a tick are only noted; the tick then settles each account that was spoken of or whose
alarm went off (`settle.py`), the most anomalous first, since blocks are counted.

Counted: ``decided.<action>``, ``shadowed``, ``blocks_over_cap``, ``exempted``, ``returned``,
``blocks_ended.<reason>`` (of those in force),
``unmatched`` (verdicts that no rule speaks for), ``words_refused``, ``unknown_source``.

Glossary: *claim* a verdict that stands (`rows.py`); *word* what an operator said.
"""

from typing import Any

from stream_guard import __version__
from stream_guard.clock import DAY_MS, to_ms
from stream_guard.decisions import exemptions, standing, switches, timers
from stream_guard.decisions.durations import FOREVER
from stream_guard.decisions.networks import is_wide
from stream_guard.decisions.policy import Policy
from stream_guard.decisions.rows import AccountRow, Claim, OrgRow, Row, trimmed
from stream_guard.decisions.settle import Case, Settler
from stream_guard.records import Verdict
from stream_guard.topology import Out, Rows

MODEL_VERSION = f"stream-guard-{__version__}"
SOURCES = ("account", "campaign", "operator")
WORD_MEMORY_MS = 90 * DAY_MS
HARD_FACTS = ("chargeback",)  # words that are evidence, too


class Decisions:
    """The stage (`topology.Stage`).

    ``partitions`` is that of the stream "verdicts": each partition spends its share of the cap.
    """

    row: Any = Row

    def __init__(self, policy: Policy, partitions: int, model_version: str = MODEL_VERSION) -> None:
        self._policy = policy
        self._settler = Settler(policy, partitions, model_version)
        self._touched: dict[str, str] = {}  # account -> trigger, of the open tick

    def process(self, rows: Rows, _key: str, record: Verdict, out: Out) -> None:
        """Note a verdict, or an operator's word."""
        if record.source not in SOURCES:
            out.count("unknown_source")
        elif record.control is not None and record.control.verb == switches.SHADOW:
            switches.take(rows, record.control, out)
            self._touch_everyone(rows, record.trigger)
        elif record.control is not None and is_wide(record.account_id):
            exemptions.take_wide(rows, record.control, out.at, out)
            self._touch_everyone(rows, record.trigger)
        else:
            self._note(rows, record, out.at)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        """Settle whoever was spoken of, and whose alarm went off."""
        if switches.end(rows, now):
            self._touch_everyone(rows, f"tick:{now}")
        in_shadow = switches.standing(rows)
        touched, self._touched = self._touched, {}
        for account_id in timers.due(rows, now):
            touched.setdefault(account_id, f"tick:{now}")
        cases = []
        for account_id, trigger in touched.items():
            row = rows.get(f"a:{account_id}")
            if row is not None:
                rows.put(f"a:{account_id}", row)
                cases.append(Case(account_id, row, now, trigger, in_shadow))
        cases.sort(key=lambda case: (-_score(case.row), case.account_id))
        for case in cases:
            self._settler.settle(rows, case, out)

    def _touch_everyone(self, rows: Rows, trigger: str) -> None:
        """Settle all against whom something stands: a wide word was spoken, or has ended."""
        for account_id in standing.everyone(rows):
            self._touched.setdefault(account_id, trigger)

    def next_due(self, rows: Rows, _now: int) -> int | None:
        """Without a record only alarms go off and switches run out."""
        found = (timers.next_due(rows), switches.next_end(rows))
        return min((at for at in found if at is not None), default=None)

    def may_forget(self, key: str) -> bool:
        """Accounts end by their alarms, and what stands never does; left are words on organisations."""
        return key.startswith("x:org:")

    def forget_at(self, _key: str, row: OrgRow) -> int | None:
        """A word that is over, for so long that no older one can still come in."""
        if row.word.until >= FOREVER:
            return None
        return max(row.word.until, to_ms(row.word.spoken_at)) + WORD_MEMORY_MS

    def forget(self, rows: Rows, key: str, _row: OrgRow) -> None:
        """Nothing hangs on it."""
        rows.delete(key)

    def _note(self, rows: Rows, verdict: Verdict, now: int) -> None:
        """Replace what the source held of the account before."""
        key = f"a:{verdict.account_id}"
        row = rows.get(key) or AccountRow()
        rows.put(key, row)
        row.tier, row.org_id = verdict.tier or row.tier, verdict.org_id or row.org_id
        row.network = verdict.network or row.network
        self._touched[verdict.account_id] = verdict.trigger
        if verdict.control is not None:
            exemptions.take_on_account(row, verdict.control, now, self._policy)
        if verdict.control is None or verdict.control.verb in HARD_FACTS:
            _replace_claim(row, verdict, now)


def _replace_claim(row: AccountRow, verdict: Verdict, now: int) -> None:
    """The newest verdict of a source replaces its last; one without a kind withdraws it.

    A campaign withdraws only what it said itself: an account that moved on to another campaign
    is not set free by the one that it left.
    """
    old = next((claim for claim in row.claims if claim.verdict.source == verdict.source), None)
    if not verdict.kind:
        campaign_id = verdict.campaign_id
        if old is None or (campaign_id and old.verdict.campaign_id != campaign_id):
            return
    row.claims = [claim for claim in row.claims if claim is not old]
    if verdict.kind:
        row.claims.append(Claim(trimmed(verdict), now, old.rule if old is not None else ""))
        row.claims.sort(key=lambda claim: claim.verdict.source)


def _score(row: AccountRow) -> float:
    return max((claim.verdict.score for claim in row.claims), default=0.0)
