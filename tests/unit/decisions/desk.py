"""DECISIONS on a desk: verdicts and words go in by the second, decisions come out; rows as in a lane."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from zlib import crc32

from stream_guard.decisions.control import verdict_of
from stream_guard.decisions.policy import Policy, parse_policy
from stream_guard.decisions.stage import Decisions
from stream_guard.records import Control, Decision, Evidence, Verdict
from stream_guard.runtime.rows import LaneRows

START = 1_700_000_040_000  # ms, on a whole minute
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

RULES: list[dict[str, Any]] = [
    {"name": "fact", "when": {"source": "operator"}, "action": "block", "duration": "until revoked",
     "reason": "chargeback"},
    {"name": "member", "when": {"source": "campaign", "min_score": 0.5}, "action": "block", "duration": "7d",
     "reason": "campaign_member"},
    {"name": "suspect", "when": {"source": "campaign"}, "action": "challenge", "duration": "1d",
     "reason": "campaign_member"},
    {"name": "burst", "when": {"source": "account", "kinds": ["own_burst"]}, "action": "throttle",
     "limit_per_min": 30, "duration": "1h", "reason": "own_burst"},
    {"name": "overreach", "when": {"source": "account", "kinds": ["overreach"]}, "action": "block",
     "duration": "1h", "reason": "own_drift"},
]  # fmt: skip


def policy(**changes: Any) -> Policy:
    """A small policy; ``changes`` replace its tables."""
    return parse_policy({"name": "test", "rules": RULES, **changes}, "test")


def verdict(account: str = "a1", source: str = "campaign", kind: str = "member", **more: Any) -> Verdict:
    """A verdict with one line of evidence of its own."""
    evidence = (Evidence(f"{source}_evidence", 3.0, 1.0, 9.0, cause=source, family="who"),) if kind else ()
    fields: dict[str, Any] = {"score": 0.9, "evidence": evidence, "trigger": f"{source}:{kind}"}
    if source == "campaign":
        fields |= {"campaign_id": "c1", "reasons": ("shared_payment",)}
    return Verdict(account, source, kind, **{**fields, **more})


def word(verb: Any, subject: str = "a1", spoken_at: float = START / 1000, **more: Any) -> Verdict:
    """An operator's word, as CONTROL passes it on."""
    return verdict_of(Control(verb=verb, subject=subject, spoken_at=spoken_at, author="ann", **more))


class Desk:
    """The stage and the rows of one partition, driven by hand; one partition unless told otherwise."""

    def __init__(self, by: Policy | None = None, partitions: int = 1) -> None:
        self.policy = by or policy()
        self.partitions = partitions
        self.stage = Decisions(self.policy, partitions)
        self.rows = LaneRows(Decisions.row, 100_000)
        self.now = self.at = START
        self.offset = 0
        self.counts: Counter[str] = Counter()
        self.decisions: list[Decision] = []

    def emit(self, stream: str, key: str, record: Decision) -> None:
        """`topology.Out`."""
        assert (stream, key) == ("decisions", record.account_id)
        self.decisions.append(record)

    def broadcast(self, stream: str, keys: Iterable[str], record: Any) -> None:
        """`topology.Out`."""
        raise NotImplementedError  # one key at a time here

    def count(self, what: str, by: int = 1) -> None:
        """`topology.Out`."""
        self.counts[what] += by

    def tick(self, *verdicts: Verdict, after_ms: int = 1000) -> list[Decision]:
        """Bring verdicts in one tick, ``after_ms`` later; minutes on the way are ticked. Returns the news."""
        before, end = len(self.decisions), self.now + after_ms
        for minute in range((self.now // MINUTE + 1) * MINUTE, end + (end % MINUTE > 0), MINUTE):
            if minute < end and self.rows.get(f"t:{minute // MINUTE}"):  # else nothing is due
                self._close(minute, ())
        self._close(end, verdicts)
        return self.decisions[before:]

    def wait(self, ms: int) -> list[Decision]:
        """Let event time pass in silence."""
        return self.tick(after_ms=ms)

    def held(self, account: str = "a1") -> Decision | None:
        """The newest decision."""
        return next((each for each in reversed(self.decisions) if each.account_id == account), None)

    def restart(self) -> None:
        """The worker dies and comes back: a new stage, rows from what was packed."""
        self.rows.take()
        fresh = LaneRows(Decisions.row, 100_000)
        for key, packed in self.rows.packed.items():
            fresh.load(key, packed)
        self.rows, self.stage = fresh, Decisions(self.policy, self.partitions)

    def _close(self, at: int, verdicts: Iterable[Verdict]) -> None:
        self.now = self.at = at
        for each in verdicts:
            self.stage.process(self.rows, each.account_id, each, self)
        self.stage.tick(self.rows, at, self)
        self.rows.take()


def in_partition(partition: int, partitions: int, count: int) -> list[str]:
    """Account names that fall into a partition."""
    names = (f"acct-{n}" for n in range(1_000_000))
    found = (name for name in names if crc32(name.encode()) % partitions == partition)
    return [next(found) for _ in range(count)]
