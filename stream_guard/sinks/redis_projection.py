"""Keeps Redis equal to the newest decisions, without the stream ever waiting for it.

``push`` only puts decisions into a dict, newest per account; a thread of its own writes them, up to
500 in one script call.  Redis is a copy: when it does not answer, the thread backs off and keeps
what is pending; when it is empty, replaced or restarted (its ``run_id`` changed, or the marker that
we left is gone), everything is pushed again from the source of truth.  Pushing again is harmless:
in the script the newest version wins (`entry.py`, `lua/project.lua`).

Of operators' words it is told what they come to until DECISIONS has heard them (`push_words`,
`words.py`); Redis holds that beside the decisions, and is told again after a loss.

Bound: ``max_pending`` accounts are pending at most (a decision is about 1 KB).  What comes beyond
is dropped, counted, and made good by pushing everything again once Redis answers.

One server, or one primary with replicas; in a Cluster too, if it is of one shard (MOVED is not
followed).  A replica that is promoted has another ``run_id`` and is filled up at once.

Glossary: *everything* the callable that yields all decisions of the source of truth; *refill*
pushing all of it; *pending* pushed by the stream and not yet written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from threading import Condition, Thread

import structlog

from stream_guard.clock import Clock, SystemClock
from stream_guard.errors import InvalidEvent
from stream_guard.settings import RedisSettings
from stream_guard.sinks.entry import Entry, Sequenced, newest_entries, read_entry
from stream_guard.sinks.redis_keys import connect
from stream_guard.sinks.redis_writer import DecisionWriter, Keeping
from stream_guard.sinks.words import Spoken

Everything = Callable[[], Iterable[Sequenced]]
Standing = Callable[[], Iterable[Spoken]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProjectionConfig:
    """How the projection behaves; the origin of each number stands beside it."""

    batch: int = 500  # writes per script call: about 2 ms of the server's one thread
    max_pending: int = 50_000  # accounts; about 50 MB at 1 KB a decision
    probe_s: float = 1.0  # how soon a restarted server is noticed while nothing is pushed
    backoff_s: tuple[float, float] = (0.1, 5.0)  # first and longest pause after a failure
    answer_s: float = 2.0  # a server that hangs for longer is down
    keeping: Keeping = field(default_factory=Keeping)


def projection_config(settings: RedisSettings) -> ProjectionConfig:
    """As the operator wants it."""
    return ProjectionConfig(keeping=Keeping(expired_s=int(settings.keep_expired_s)))


@dataclass(slots=True)
class ProjectionStatus:
    """What the projection did since it started; counters only grow."""

    pending: int = 0
    lag_s: float = 0.0  # age of the oldest decision that Redis has not got
    pushed: int = 0
    superseded: int = 0  # Redis had a newer one
    expired: int = 0  # had ended before it came
    failures: int = 0
    refills: int = 0
    dropped: int = 0  # did not fit into max_pending
    refused: int = 0  # pushed, but no decision
    words: int = 0  # operators' words that Redis was told before their decision
    is_up: bool = False
    last_success_ms: int = 0  # Unix ms


@dataclass(slots=True)
class _Pending:
    entry: Entry
    since_ms: int


@dataclass(slots=True)
class _State:
    """What the stream's thread and ours share; only touched while the condition is held."""

    pending: dict[str, _Pending] = field(default_factory=dict)
    words: list[Spoken] = field(default_factory=list)
    status: ProjectionStatus = field(default_factory=ProjectionStatus)
    stale_since_ms: int | None = None  # Redis may lack something that is not pending
    refills_asked: int = 0  # by drops and by `refill`: one that was asked for during a refill is still due
    is_closing: bool = False


class RedisProjection:
    """Pushes decisions to Redis or Valkey from a thread of its own.

    Called by whoever sees decisions: `push` from any thread, at any rate; it never blocks on Redis
    and never raises.  ``everything`` and ``standing`` (interims that are not over) are called from the
    projection's thread; what they raise counts as a failure and is tried again.
    """

    def __init__(
        self,
        url: str,
        everything: Everything,
        config: ProjectionConfig | None = None,
        clock: Clock | None = None,
        standing: Standing = tuple,
    ) -> None:
        self._standing = standing
        self._config = config or ProjectionConfig()
        self._clock = clock or SystemClock()
        self._everything = everything
        self._writer = DecisionWriter(connect(url, self._config.answer_s), self._config.keeping)
        self._changed = Condition()
        self._state = _State(stale_since_ms=self._clock.now_ms())
        self._run_id = ""
        self._thread = Thread(target=self._run, name="redis-projection", daemon=True)

    def start(self) -> None:
        """Start the thread; the first thing that it does is a refill."""
        self._thread.start()

    def push(self, decisions: Iterable[Sequenced]) -> None:
        """Take decisions with their places in the log, from any thread; what is no decision is counted."""
        now, state = self._clock.now_ms(), self._state
        with self._changed:
            for value, sequence in decisions:
                try:
                    entry = read_entry(value, sequence)
                except InvalidEvent as error:
                    state.status.refused += 1
                    log.warning("projection_refused", detail=error.detail)
                    continue
                self._add(entry, now)
            self._changed.notify_all()

    def _add(self, entry: Entry, now: int) -> None:
        state, account = self._state, entry.head.account_id
        known = state.pending.get(account)
        if known is not None:
            if known.entry.version <= entry.version:
                state.pending[account] = _Pending(entry, known.since_ms)
        elif len(state.pending) < self._config.max_pending:
            state.pending[account] = _Pending(entry, now)
        else:
            self._drop(now)

    def _drop(self, now: int) -> None:
        """There is no room: a refill will make it good."""
        self._state.status.dropped += 1
        self._ask_refill(now)

    def _ask_refill(self, now: int) -> None:
        self._state.refills_asked += 1
        if self._state.stale_since_ms is None:
            self._state.stale_since_ms = now

    def push_words(self, words: Iterable[Spoken]) -> None:
        """Take what operators' words come to at once, from any thread; as `push`."""
        with self._changed:
            for word in words:
                if len(self._state.words) < self._config.max_pending:
                    self._state.words.append(word)
                else:
                    self._drop(self._clock.now_ms())
            self._changed.notify_all()

    def refill(self) -> None:
        """Redis may lack something that will not be pushed: push everything again, soon."""
        with self._changed:
            self._ask_refill(self._clock.now_ms())
            self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """For a reader that can wait: whether at least half of the bound is free, within ``timeout_s``."""
        half = self._config.max_pending // 2
        with self._changed:
            return self._changed.wait_for(lambda: len(self._state.pending) <= half, timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Whether Redis got all that was pushed so far, within ``timeout_s``."""
        with self._changed:
            return self._changed.wait_for(self._is_even, timeout_s)

    def _is_even(self) -> bool:
        state = self._state
        return not state.pending and not state.words and state.stale_since_ms is None

    def status(self) -> ProjectionStatus:
        """A snapshot."""
        with self._changed:
            state, now = self._state, self._clock.now_ms()
            oldest = [pending.since_ms for pending in islice(state.pending.values(), 1)]
            oldest += [] if state.stale_since_ms is None else [state.stale_since_ms]
            known = state.status
            copy = ProjectionStatus(**{name: getattr(known, name) for name in known.__slots__})
        copy.pending, copy.lag_s = len(state.pending), (now - min(oldest, default=now)) / 1000
        return copy

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is pending, for at most ``timeout_s``, then stop; whether all was written."""
        state = self._state
        with self._changed:
            if self._thread.is_alive():
                self._changed.wait_for(lambda: self._is_even() or state.is_closing, timeout_s)
            is_even, state.is_closing = self._is_even(), True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        else:
            self._writer.close()
        return is_even

    # ---- the projection's thread

    def _run(self) -> None:
        shortest, longest = self._config.backoff_s
        pause = 0.0
        while self._wait(pause):
            try:
                self._step()
                pause = 0.0
            except Exception as error:  # noqa: BLE001 - the outermost loop: a dead thread would heal nothing
                pause = min(longest, max(shortest, 2 * pause))
                self._failed(error)
        self._writer.close()

    def _wait(self, pause: float) -> bool:
        """Pause after a failure; else wait until there is work or a probe is due.  False: closing."""
        state = self._state
        with self._changed:
            if pause:
                self._changed.wait_for(lambda: state.is_closing, pause)
            elif state.stale_since_ms is None:
                self._changed.wait_for(
                    lambda: state.pending or state.words or state.is_closing, self._config.probe_s
                )
            return not state.is_closing

    def _step(self) -> None:
        """Look whether the server is still the one that we know, then write a batch."""
        run_id, marker = self._writer.server()
        self._succeeded()
        with self._changed:
            if (marker != run_id or run_id != self._run_id) and self._state.stale_since_ms is None:
                self._state.stale_since_ms = self._clock.now_ms()
            stale_since = self._state.stale_since_ms
        if stale_since is not None:
            self._refill(run_id, stale_since)
        with self._changed:
            words = self._state.words[: self._config.batch]
            batch = [pending.entry for pending in islice(self._state.pending.values(), self._config.batch)]
        if words:
            self._write_words(words)
        if batch:
            self._write(batch)

    def _refill(self, run_id: str, stale_since: int) -> None:
        """Push everything and leave the marker; asked for again meanwhile, it stays due."""
        with self._changed:
            asked = self._state.refills_asked
        for group in newest_entries(self._everything(), self._config.max_pending):
            for start in range(0, len(group), self._config.batch):
                self._write(group[start : start + self._config.batch])
        self._write_words(list(self._standing()))
        self._writer.mark(run_id)
        self._run_id = run_id
        with self._changed:
            self._state.status.refills += 1
            if self._state.refills_asked == asked:
                self._state.stale_since_ms = None
            self._changed.notify_all()
        log.info("projection_refilled", run_id=run_id, stale_ms=self._clock.now_ms() - stale_since)

    def _write(self, batch: list[Entry]) -> None:
        written, older, expired = self._writer.write(batch)
        self._succeeded()
        with self._changed:
            status, pending = self._state.status, self._state.pending
            status.pushed += written
            status.superseded += older
            status.expired += expired
            for entry in batch:
                known = pending.get(entry.head.account_id)
                if known is not None and known.entry.version <= entry.version:
                    del pending[entry.head.account_id]
            self._changed.notify_all()

    def _write_words(self, words: list[Spoken]) -> None:
        for start in range(0, len(words), self._config.batch):
            self._writer.write_words(words[start : start + self._config.batch])
        with self._changed:
            self._state.status.words += len(words)
            written = set(words)
            self._state.words = [each for each in self._state.words if each not in written]
            self._changed.notify_all()

    def _succeeded(self) -> None:
        with self._changed:
            self._state.status.is_up = True
            self._state.status.last_success_ms = self._clock.now_ms()

    def _failed(self, error: Exception) -> None:
        with self._changed:
            was_up, self._state.status.is_up = self._state.status.is_up, False
            self._state.status.failures += 1
            first = self._state.status.failures == 1
        if was_up or first:
            log.warning("projection_down", error=repr(error))
