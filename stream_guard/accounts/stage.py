"""ACCOUNTS: requests in, profiles and verdicts on single accounts out.

Per event: refuse a repetition, take note of new indicators (and say hello to them), update the
models.  At a *checkpoint* (each doubling of the request count from the second on, and after a day
that brought a quarter more) the account is scored against its segment, teaches it a sample, and
sends its profile to all its indicators and, once, to the reference.  So the dear part grows with
novelty and not with traffic.
"""

from typing import Any
from zlib import crc32

from stream_guard.accounts import indicators, signals
from stream_guard.accounts.observe import SLOT_MS, is_repeated, observe, place
from stream_guard.accounts.population import SegmentRow, Segments, SegmentsRow, WaitingRow, features_of
from stream_guard.accounts.profile import conduct_of, profile_of
from stream_guard.accounts.row import FIRST_PROFILE, AccountRow
from stream_guard.clock import DAY_MS, to_ms
from stream_guard.records import REFERENCE, Conduct, Evidence, Profile, RequestEvent
from stream_guard.settings import AccountsSettings
from stream_guard.sketches import distinct
from stream_guard.topology import Out, Rows

REFERENCE_BUCKETS = 64
DAY_SLOTS = DAY_MS // SLOT_MS


class Accounts:
    """The stage (`topology.Stage`)."""

    row: Any = AccountRow | SegmentRow | WaitingRow | SegmentsRow

    def __init__(self, settings: AccountsSettings, forget_after_ms: int = 90 * DAY_MS) -> None:
        self._settings = settings
        self._forget_after_ms = forget_after_ms
        self._segments = Segments()

    def process(self, rows: Rows, _key: str, event: RequestEvent, out: Out) -> None:
        """Take one event."""
        key = "a:" + event.account_id
        row = rows.get(key)
        at = out.at
        if row is None:
            row = AccountRow(first_at=at, last_at=at)
        rows.put(key, row)
        if is_repeated(row, event.event_id):
            out.count("repeated")
            return
        if not row.requests or at // DAY_MS > row.last_at // DAY_MS:
            out.count("account_days")
        observe(row, event, at)
        if not indicators.is_unchanged(event, row.facets):
            self._identify(row, event)
            self._greet(row, event, out)
        if not row.facets.is_placed:
            place(row, event)
        if row.requests >= row.next_checkpoint or (
            row.slot - row.checked_slot >= DAY_SLOTS and at - row.checked_at > DAY_MS and _has_grown(row)
        ):
            self._checkpoint(rows, row, event, out)
        if row.hour_requests >= signals.BURST_REQUESTS or row.held:
            self._judge(row, event, out)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        """Nothing: a log stage is not ticked."""

    def may_forget(self, key: str) -> bool:
        """Accounts end; the few models of the population stay."""
        return key.startswith("a:")

    def forget_at(self, _key: str, row: AccountRow) -> int:
        """An account that is silent for long; if it comes back, it is new."""
        return row.last_at + self._forget_after_ms

    def forget(self, rows: Rows, key: str, _row: AccountRow) -> None:
        """Nothing hangs on it: what others hold of it ends by itself."""
        rows.delete(key)

    @staticmethod
    def _identify(row: AccountRow, event: RequestEvent) -> None:
        """Who the account is, as far as the newest event says."""
        if not row.unit:
            row.unit = f"org:{event.org_id}" if event.org_id else event.account_id
        if event.tier:
            row.tier = event.tier
        if event.org_id:
            row.org_id = event.org_id
        if event.account_created_at and not row.created_at:
            row.created_at = to_ms(event.account_created_at)

    def _greet(self, row: AccountRow, event: RequestEvent, out: Out) -> None:
        """Say hello to indicators that the account has not shown before."""
        known, settings = row.indicators, self._settings
        new = []
        for indicator in indicators.shown_by(event, row.facets):
            if indicator in known:
                continue
            if not indicators.has_room(known, indicator, settings.max_indicators):
                out.count("indicators_dropped")
                continue
            known.append(indicator)
            new.append(indicator)
            if indicator.startswith("network:"):
                row.networks = distinct.add(row.networks, indicator)
            elif indicator.startswith("client:"):
                row.clients = distinct.add(row.clients, indicator)
            elif indicator.startswith("template:"):
                row.templates = distinct.add(row.templates, indicator)
        if new:
            hello = Profile(
                event.account_id, row.requests, row.unit, indicators=tuple(sorted(known)), segment=row.segment
            )
            out.broadcast("profiles", new, hello)

    def _checkpoint(self, rows: Rows, row: AccountRow, event: RequestEvent, out: Out) -> None:
        """Score, judge, teach, tell."""
        if out.at // DAY_MS > row.checked_at // DAY_MS:
            row.samples = 0
        row.checked_at, row.checked, row.next_checkpoint = out.at, row.requests, 2 * row.requests
        row.checked_slot = row.slot if out.at // SLOT_MS >= row.slot else 0
        conduct = conduct_of(row)
        self._score(rows, row, event, conduct, out)
        bucket = crc32(event.account_id.encode()) % REFERENCE_BUCKETS
        profile = profile_of(event.account_id, row, conduct)
        out.broadcast("profiles", [*row.indicators, f"{REFERENCE}:{bucket}"], profile)

    def _score(self, rows: Rows, row: AccountRow, event: RequestEvent, conduct: Conduct, out: Out) -> None:
        """Score against the segment, then teach it; a few times a day."""
        if row.samples >= self._settings.population_samples_per_day:
            return
        row.samples += 1
        row.segment = self._segments.resolve(rows, f"{event.model}|{event.surface}|{event.tier}")
        sample = features_of(conduct)
        row.score, line = self._segments.score_one(rows, row.segment, sample)
        if row.held != signals.BURST:
            is_warm = row.requests >= self._settings.warm_requests
            self._send(row, event, signals.outlier(row, row.score, line) if is_warm else None, out)
        is_learnt = not row.held and self._segments.learn_one(rows, row.segment, sample, row.score)
        out.count("samples_learnt" if is_learnt else "samples_refused")

    def _judge(self, row: AccountRow, event: RequestEvent, out: Out) -> None:
        """Look for a burst; one that is over is withdrawn with the next event of a later hour."""
        if row.held == signals.BURST or signals.is_burst_checkpoint(row):
            self._send(row, event, signals.burst(row), out)

    @staticmethod
    def _send(row: AccountRow, event: RequestEvent, evidence: Evidence | None, out: Out) -> None:
        verdict = signals.verdict(row, event, evidence)
        if verdict is not None:
            out.emit("verdicts", event.account_id, verdict)


def _has_grown(row: AccountRow) -> bool:
    """Whether the requests since the last checkpoint are a quarter of those before."""
    return row.requests >= max(FIRST_PROFILE, row.checked * 5 // 4)
