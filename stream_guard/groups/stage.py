"""GROUPS: profiles in, findings out.

``process`` is the hot path: it files a profile under its indicator and notes which groups have grown enough
to be judged again.  Judging happens in ``tick``, at boundaries of ``judge_every_s`` of event time, for those
groups alone (`session.py`); in between, the list of them waits in a row of its tick, so that a restart
forgets none.
"""

from stream_guard.groups import membership, reference
from stream_guard.groups.judgement import FIRST_INFO, next_look
from stream_guard.groups.rows import STATE, GroupRow, PendingRow, Row, StateRow, member_key, pending_key
from stream_guard.groups.session import Session, set_lit
from stream_guard.records import REFERENCE, Profile
from stream_guard.settings import Settings
from stream_guard.topology import Out, Rows

REFERENCE_PREFIX = REFERENCE + ":"


class Groups:
    """The stage (`topology.Stage`); emits `Finding` on the stream ``findings``, keyed by indicator."""

    row = Row

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._min_units, self._max_members = settings.groups.min_units, settings.groups.max_members
        self._every_ms = max(1, round(settings.groups.judge_every_s * 1000))
        self._forget_after_ms = round(settings.stream.forget_after_s * 1000)
        self._refresh_ms = self._forget_after_ms // 8  # a group of one is hardly ever packed
        # Scratch of one tick:
        self._touched: set[str] = set()
        self._lone: dict[str, Profile] = {}
        self._first_profiles = 0

    def process(self, rows: Rows, key: str, record: Profile, out: Out) -> None:
        """Take one profile."""
        if key.startswith(REFERENCE_PREFIX):
            self._first_profiles += reference.learn(rows, record, out)
            return
        row: GroupRow | None = rows.get(key)
        if row is None:
            row = GroupRow({record.account_id: 0}, out.at, judge_at=FIRST_INFO, seen_at=out.at)
            rows.put(key, row)
        if len(row.members) == 1 and not row.profiled and record.account_id in row.members:
            self._keep_lone(key, record)
            if out.at - row.seen_at > self._refresh_ms:
                rows.put(key, row)
                row.seen_at = out.at
            return
        changed = membership.take(rows, key, row, record, self._max_members)
        if self._lone and (first := self._lone.pop(key, None)):
            changed |= membership.take(rows, key, row, first, self._max_members)
        if changed:
            row.seen_at = out.at
        if changed and (row.causes or (row.info >= row.judge_at and row.profiled >= self._min_units)):
            self._touched.add(key)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        """Judge what has grown, at boundaries; until then keep the list."""
        touched, self._touched = sorted(self._touched), set()
        self._lone.clear()
        state: StateRow = rows.get(STATE) or StateRow()
        if self._first_profiles or touched:
            rows.put(STATE, state)
        state.accounts += self._first_profiles
        self._first_profiles = 0
        if now < state.judge_at:
            if touched:
                rows.put(pending_key(now), PendingRow(touched))
                state.pending.append(now)
            return
        due = {*touched, *self._pending(rows, state)}
        if not due:
            return
        rows.put(STATE, state)
        state.pending, state.judge_at = [], (now // self._every_ms + 1) * self._every_ms
        session = Session(rows, state, self._settings, out)
        for indicator in sorted(due):
            session.judge(indicator)

    def next_due(self, rows: Rows, _now: int) -> int | None:
        """Without a record only what waits is judged."""
        state: StateRow | None = rows.get(STATE)
        return state.judge_at if state is not None and state.pending else None

    def may_forget(self, key: str) -> bool:
        """Groups end, and with them their members' rows; the reference stays."""
        return not key.startswith("\x02") and "\x1f" not in key

    def forget_at(self, _key: str, row: GroupRow) -> int:
        """A group of which nobody was heard for long; of others, when to take out silent members."""
        looked_at = row.pruned_at or row.founded_at
        return (min(row.seen_at, looked_at) if row.profiled else row.seen_at) + self._forget_after_ms

    def forget(self, rows: Rows, key: str, row: GroupRow) -> None:
        """The group, its members' rows, and its mark on who stood in it; CAMPAIGNS forgets by itself.

        A group that has changed since it was last looked at only loses its silent members.
        """
        if row.profiled and row.seen_at > (row.pruned_at or row.founded_at):
            self._prune(rows, key, row)
            return
        if row.is_candidate:
            state: StateRow = rows.get(STATE) or StateRow()
            rows.put(STATE, state)
            state.candidates -= 1
            state.suspected -= bool(row.causes)
        for account, requests in row.members.items():
            if requests:
                rows.delete(member_key(key, account))
        for account in sorted(row.sent):
            set_lit(rows, key, account, is_lit=False)
        rows.delete(key)

    def _prune(self, rows: Rows, key: str, row: GroupRow) -> None:
        """Take out silent members; what is left is worth a look sooner."""
        rows.put(key, row)
        row.pruned_at = row.seen_at
        silent = membership.prune(rows, key, row, self._forget_after_ms)
        for account in silent:
            if row.sent.pop(account, None) is not None:
                set_lit(rows, key, account, is_lit=False)
        if silent:
            row.judge_at = min(row.judge_at, next_look(row.info, row.log_e))

    def _keep_lone(self, key: str, record: Profile) -> None:
        """Keep the profile of a group of one for the tick: someone may join within it."""
        known = self._lone.get(key)
        if record.conduct is not None and (known is None or known.requests < record.requests):
            self._lone[key] = record

    @staticmethod
    def _pending(rows: Rows, state: StateRow) -> set[str]:
        """Groups of earlier ticks that wait; their rows go."""
        waiting: set[str] = set()
        for tick in state.pending:
            pending: PendingRow | None = rows.get(pending_key(tick))
            waiting.update(pending.indicators if pending else ())
            rows.delete(pending_key(tick))
        return waiting
