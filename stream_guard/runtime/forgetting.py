"""When rows end: each that may is looked at once a week of event time, and goes when its stage lets it.

Rows can not be walked in an order that survives a restart, so time chooses: every hour of event time has
one of `BUCKETS` buckets, keys fall into them by CRC-32, and each row is judged alone, by what it holds, as
of that hour.  What is deleted, and before which record, is therefore a matter of the log: the same in every
runtime, after every restart, however the log was cut into chunks (docs/adr/0007).  A gap in the log is swept
at its end, each bucket once, as of the last hour that was its own: in between nothing could have changed.

Cost: 0.2 us for a new key, and one decode a week for a row that is not hot.  Memory: a pointer per key.

Glossary: *step* a whole hour of event time; *bucket* its number modulo `BUCKETS`.
"""

from zlib import crc32

from stream_guard.clock import HOUR_MS
from stream_guard.runtime.rows import LaneRows
from stream_guard.topology import Forgetful, Stage

BUCKETS = 7 * 24
NOT_YET = -(1 << 62)
NO_STEP = 1 << 62


class Sweep:
    """The sweeps of one lane; does nothing for a stage whose rows never end."""

    def __init__(self, stage: Stage, rows: LaneRows) -> None:
        self._rows = rows
        self._stage = stage if isinstance(stage, Forgetful) else None
        self._buckets: list[list[str]] = [[] for _ in range(BUCKETS)]
        self.due_at = NO_STEP if self._stage is None else NOT_YET  # event time of the next step, ms
        if self._stage is not None:
            rows.on_new = self._enter

    def start(self, watermark: int) -> None:
        """The lane's event time stands at ``watermark``: all steps up to it are done."""
        if self._stage is not None:
            self.due_at = (watermark // HOUR_MS + 1) * HOUR_MS

    def run(self, now: int) -> int:
        """Take all steps up to ``now``, which has reached `due_at`; returns how many rows were forgotten."""
        if self._stage is None:
            return 0
        if self.due_at == NOT_YET:  # a new lane: there is nothing that could have ended
            self.start(now)
            return 0
        last, forgotten = now // HOUR_MS, 0
        fresh = self._fresh()
        for step in range(max(self.due_at // HOUR_MS, last - BUCKETS + 1), last + 1):
            bucket = step % BUCKETS
            known = dict.fromkeys(key for key in self._buckets[bucket] if key in self._rows.packed)
            self._buckets[bucket] = list(known)
            for key in sorted(known.keys() | fresh.get(bucket, ())):
                forgotten += self._judge(self._stage, key, step * HOUR_MS)
        self.due_at = (last + 1) * HOUR_MS
        return forgotten

    def _judge(self, stage: Forgetful, key: str, now: int) -> bool:
        row = self._rows.peek(key)
        if row is None:
            return False
        end = stage.forget_at(key, row)
        if end is None or end > now:
            return False
        stage.forget(self._rows, key, row)
        return self._rows.peek(key) is None  # it may be held after all

    def _enter(self, key: str) -> None:
        """A key is packed that was not there."""
        if self._stage is not None and self._stage.may_forget(key):
            self._buckets[crc32(key.encode()) % BUCKETS].append(key)

    def _fresh(self) -> dict[int, set[str]]:
        """Keys that were never packed, by bucket."""
        found: dict[int, set[str]] = {}
        for key in self._rows.unpacked():
            if self._stage is not None and self._stage.may_forget(key):
                found.setdefault(crc32(key.encode()) % BUCKETS, set()).add(key)
        return found
