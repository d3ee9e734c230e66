"""Reads decisions back: for `decisions list|show`, `doctor` and the console.

Two stores: `MemoryDecisionStore` (local runtime, tests) and `RedisDecisionStore` (what the
projection wrote).  Both hold the newest decision of each account; one contract suite runs on both.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import Protocol, cast

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from stream_guard.errors import InvalidEvent, StoreUnavailable
from stream_guard.records import Action, Decision
from stream_guard.sinks.entry import MALFORMED, Entry, Sequenced, decode_decision, read_entry
from stream_guard.sinks.redis_keys import DECISION_PREFIX, connect, decision_key, without_password

SCAN_COUNT = 1_000  # keys per step of a scan: below a millisecond of the server's one thread


@dataclass(frozen=True, slots=True)
class Selection:
    """Which decisions; what is None does not matter."""

    action: Action | None = None
    campaign_id: str | None = None
    holding_at: float | None = None  # Unix seconds: not expired then

    def takes(self, decision: Decision) -> bool:
        """Whether ``decision`` is one of these."""
        return (
            (self.action is None or decision.action == self.action)
            and (self.campaign_id is None or decision.campaign_id == self.campaign_id)
            and (
                self.holding_at is None
                or decision.expires_at is None
                or decision.expires_at > self.holding_at
            )
        )


ALL = Selection()


class DecisionStore(Protocol):
    """The newest decision of each account, for people to look at; never for the request path.

    Every method raises StoreUnavailable when the store does not answer (say so and try later), and
    InvalidEvent when somebody else wrote what is no decision (say so; a rebuild mends it).
    """

    def get(self, account_id: str) -> Decision | None:
        """The newest decision on an account, expired or not; None if there is none."""
        ...

    def newest(self, limit: int, selection: Selection = ALL) -> list[Decision]:
        """At most ``limit`` decisions, newest first.  Looks at every decision that is stored."""
        ...

    def tally(self, selection: Selection = ALL) -> Counter[Action]:
        """How many accounts hold each action.  Looks at every decision that is stored."""
        ...


def _newest(decisions: Iterable[Decision], limit: int, selection: Selection) -> list[Decision]:
    taken = (decision for decision in decisions if selection.takes(decision))
    return heapq.nlargest(limit, taken, key=lambda decision: (decision.decided_at, decision.account_id))


def _tally(decisions: Iterable[Decision], selection: Selection) -> Counter[Action]:
    return Counter(decision.action for decision in decisions if selection.takes(decision))


class MemoryDecisionStore:
    """All decisions of this process: the source of truth where there is no Kafka.

    Bound: one decision (about 1 KB) per account that ever earned one.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._sequence = 0
        self._lock = Lock()

    def push(self, messages: Iterable[tuple[bytes | None, bytes]]) -> list[Sequenced]:
        """Take decisions in the order in which they were made; returns them numbered, for a projection.

        Raises InvalidEvent if one is no decision.
        """
        with self._lock:
            numbered = [(value, self._sequence + i) for i, (_, value) in enumerate(messages)]
            self._sequence += len(numbered)
            for value, sequence in numbered:
                entry = read_entry(value, sequence)
                known = self._entries.get(entry.head.account_id)
                if known is None or known.version <= entry.version:
                    self._entries[entry.head.account_id] = entry
        return numbered

    def everything(self) -> Iterator[Sequenced]:
        """All decisions as a projection takes them (`redis_projection.Everything`)."""
        with self._lock:
            entries = list(self._entries.values())
        return ((entry.value, entry.version[1]) for entry in entries)

    def get(self, account_id: str) -> Decision | None:
        """See `DecisionStore.get`."""
        entry = self._entries.get(account_id)
        return None if entry is None else decode_decision(entry.value)

    def newest(self, limit: int, selection: Selection = ALL) -> list[Decision]:
        """See `DecisionStore.newest`."""
        return _newest(self._decisions(), limit, selection)

    def tally(self, selection: Selection = ALL) -> Counter[Action]:
        """See `DecisionStore.tally`."""
        return _tally(self._decisions(), selection)

    def _decisions(self) -> Iterator[Decision]:
        return (decode_decision(value) for value, _ in self.everything())


class RedisDecisionStore:
    """What the projection wrote to Redis or Valkey."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = connect(url)
        self._place = without_password(url)

    def get(self, account_id: str) -> Decision | None:
        """See `DecisionStore.get`."""
        try:
            value = cast("bytes | None", self._redis.hget(decision_key(account_id), "decision"))
        except RedisError as error:
            raise self._unavailable(error) from error
        return None if value is None else self._decode(value)

    def newest(self, limit: int, selection: Selection = ALL) -> list[Decision]:
        """See `DecisionStore.newest`."""
        return _newest(self._decisions(), limit, selection)

    def tally(self, selection: Selection = ALL) -> Counter[Action]:
        """See `DecisionStore.tally`."""
        return _tally(self._decisions(), selection)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _decisions(self) -> Iterator[Decision]:
        """Every decision once, a step of the scan at a time; a scan may show a key twice."""
        seen: set[bytes] = set()
        try:
            keys = self._redis.scan_iter(match=f"{DECISION_PREFIX}*", count=SCAN_COUNT)
            while step := list(islice(keys, SCAN_COUNT)):
                fresh = [key for key in dict.fromkeys(step) if key not in seen]
                seen.update(fresh)
                yield from self._read(fresh)
        except RedisError as error:
            raise self._unavailable(error) from error

    def _read(self, keys: list[bytes]) -> Iterator[Decision]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hget(key, "decision")
            values = pipeline.execute()
        return (self._decode(value) for value in values if value is not None)

    def _decode(self, value: bytes) -> Decision:
        try:
            return decode_decision(value)
        except msgspec.DecodeError as error:
            message = f"{self._place} holds what is no decision: {error}"
            raise InvalidEvent(MALFORMED, message) from error

    def _unavailable(self, error: RedisError) -> StoreUnavailable:
        return StoreUnavailable(f"{self._place} does not answer: {error}")
