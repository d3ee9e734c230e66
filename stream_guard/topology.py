"""The one picture of the flow: stages, and the streams between them, as data.

    requests ─▶ ACCOUNTS ─profiles─▶ GROUPS ─findings─▶ CAMPAIGNS ─verdicts─▶ DECISIONS ─▶ decisions
                    └───────────────────── verdicts ────────────────────────▲
    control  ─▶ CONTROL ─────────────────── findings, verdicts ─────────────┘

A *stream* is a partitioned sequence of records.  A *stage* reads one stream and writes others.  A
*lane* is one stage on one partition of its stream (`runtime/lane.py`); it owns the state of all
keys that fall there.  Nothing here does I/O, and only `bootstrap.py` fills in the real stages.

Streams come in three kinds:

- ``log``: written by the outside world, read in log order; carries event time and, while it is
  idle, heartbeats;
- ``frames``: between two stages, read in event-time ticks, sorted;
- ``sink``: one message per record, keyed, for the outside world.

Glossary: ``at`` event time in ms that orders a record; ``tick`` the end of a half-open span
(end - tick_ms, end]; a writer's *watermark* W says "everything with at <= W is already written".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable
from zlib import crc32

StreamKind = Literal["log", "frames", "sink"]


class Rows(Protocol):
    """Key -> row of one lane, given to a stage by its lane.

    Put a row before you change it: what was put is durable, whatever happens afterwards.
    """

    def get(self, key: str) -> Any | None:
        """Return the row of ``key``, or None."""
        ...

    def put(self, key: str, row: Any) -> None:
        """Keep ``row`` under ``key``; changes made to it until the lane flushes are kept too."""
        ...

    def delete(self, key: str) -> None:
        """Forget ``key``."""
        ...

    def keys(self) -> Iterable[str]:
        """Every key, in an order that differs from run to run: only for what does not depend on it."""
        ...


class Out(Protocol):
    """Where a stage's records go."""

    at: int
    """Event time in ms of what is emitted: the event's own in a log stage, the tick's end elsewhere."""
    offset: int
    """Log stages only: the offset of the record being processed."""

    def emit(self, stream: str, key: str, record: Any) -> None:
        """Send ``record`` down ``stream``, to the partition of ``key``."""
        ...

    def broadcast(self, stream: str, keys: Iterable[str], record: Any) -> None:
        """Send ``record`` down ``stream`` to each of ``keys``; it travels once to each partition.

        A stage reaches a stream of frames either by `emit` or by `broadcast`, never by both.
        """
        ...

    def count(self, what: str, by: int = 1) -> None:
        """Count something worth a metric; ``what`` comes from a small closed set."""
        ...


class Stage(Protocol):
    """One box of the picture: synchronous, no I/O, no clock, no randomness, no state but rows.

    Only a lane calls it.  Over a log: ``process`` once per record in log order.  Over frames: at
    each closed tick ``process`` once per record in the order (at, key, record), then ``tick`` once;
    ticks that hold no record are skipped, save those that end on a whole minute (of a silence of days only
    those in which the stage has work, see `Patient`).  Scratch inside
    one tick may be kept on the object.  A record that makes ``process`` raise becomes a dead
    letter: the row that was put before it was changed stays as the exception left it, the same in
    every run, and the stream goes on.  A ``tick`` that raises leaves a dead letter without a body.
    """

    row: Any
    """The msgspec type (or tagged union) of a row."""

    def process(self, rows: Rows, key: str, record: Any, out: Out) -> None:
        """Take one record."""
        ...

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        """Event time has reached ``now`` (ms), and all records up to it were processed."""
        ...


@runtime_checkable
class Forgetful(Protocol):
    """A stage with rows that end: it says which and when, its lane does the rest (`runtime/forgetting.py`).

    A row ends by what it holds alone, however late its lane looks: within a week after `forget_at`.
    """

    def may_forget(self, key: str) -> bool:
        """Whether the row of such a key can end at all; always the same for a key."""
        ...

    def forget_at(self, key: str, row: Any) -> int | None:
        """Event time in ms from which the row says nothing any more; None: not as it is now."""
        ...

    def forget(self, rows: Rows, key: str, row: Any) -> None:
        """Delete the row and what hangs on it; in which order rows come must not matter."""
        ...


@runtime_checkable
class Patient(Protocol):
    """A stage over frames that knows when it has work without a record: silence is not ticked through."""

    def next_due(self, rows: Rows, now: int) -> int | None:
        """Event time in ms, from ``now`` on, of the first tick that would do anything; None: no tick would.

        Exact: what is skipped must not matter, since how much is skipped depends on how the log arrives.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stream:
    """A partitioned sequence of records.

    ``decode``, ``time`` and ``redact`` are for logs: bytes to record (raises InvalidEvent), record
    to event time in ms, bytes to what a dead letter may show of them (no prompt).  ``compacted``
    and ``retention_ms`` are for the topic that carries it.
    """

    name: str
    topic: str
    partitions: int
    record: Any
    kind: StreamKind = "frames"
    decode: Callable[[bytes], Any] | None = None
    time: Callable[[Any], int] | None = None
    redact: Callable[[bytes], str] = lambda value: f"{len(value)} bytes"
    compacted: bool = False
    retention_ms: int | None = None

    def partition(self, key: str) -> int:
        """The partition of a key: CRC-32 of its UTF-8, modulo their number."""
        return crc32(key.encode()) % self.partitions


@dataclass(frozen=True, slots=True)
class Step:
    """A stage in its place.  ``hot_rows``: decoded rows kept per worker."""

    name: str
    stage: Callable[[], Stage]
    reads: str
    writes: tuple[str, ...]
    hot_rows: int = 100_000


DEAD_LETTERS = "dead_letters"


@dataclass(frozen=True)
class Topology:
    """Streams and steps; times in ms.

    ``lateness_ms``: how far behind the newest event of its partition an event may come and still
    be on time.  ``future_ms``: how far ahead of its arrival an event's own time is believed.
    """

    streams: tuple[Stream, ...]
    steps: tuple[Step, ...]
    tick_ms: int = 1_000
    lateness_ms: int = 1_000
    future_ms: int = 60_000
    by_name: dict[str, Stream] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the streams; a step that names an unknown stream is a programming error."""
        self.by_name.update({stream.name: stream for stream in self.streams})
        for step in self.steps:
            unknown = {step.reads, *step.writes} - self.by_name.keys()
            if unknown:
                message = f"step {step.name} names unknown streams: {sorted(unknown)}"
                raise ValueError(message)

    def stream(self, name: str) -> Stream:
        """The stream of that name."""
        return self.by_name[name]

    def source(self, step: Step) -> Stream:
        """What a step reads."""
        return self.by_name[step.reads]

    @cached_property
    def lanes(self) -> tuple[tuple[Step, int], ...]:
        """Every lane there is: (step, partition), in stream order."""
        return tuple(
            (step, partition) for step in self.steps for partition in range(self.source(step).partitions)
        )

    def writers(self, stream: str) -> tuple[str, ...]:
        """Names of all lanes that write a stream: its watermark is the lowest of theirs."""
        return tuple(lane_name(step, partition) for step, partition in self.lanes if stream in step.writes)


def lane_name(step: Step, partition: int) -> str:
    """How frames and logs call a lane."""
    return f"{step.name}/{partition}"
