"""Recorded traffic through the local runtime: the same lines, the same decisions, every time.

Each line goes to the partition that its account would have on Kafka; who the account is, is read
with a partial decode (about 0.5 us), since the lane decodes the whole line anyway.  A line whose
account can not be told so is decoded leniently (other formats), and if that fails, too, it goes to
partition 0, where the lane makes it a dead letter with its reason.

What the broker's append time does live, the neighbours do here: an event is taken to have arrived
when the next few lines say that it was, so that one line from the far future does not drag event
time along.  Silent partitions and the control log get heartbeats as their owners would write them,
so that ticks close while the replay goes on and memory stays bounded.

Glossary: *arrival* the event time that the file has reached; *word* an operator's control record.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from stream_guard.clock import DAY_MS, MINUTE_MS
from stream_guard.errors import InvalidEvent
from stream_guard.runtime.lane import HEARTBEAT
from stream_guard.runtime.local import LocalRecord, LocalRuntime
from stream_guard.wire.native import EventDecoder

LOOKAHEAD = 4  # lines that have to agree before event time leaps
MOST_AT_END_MS = DAY_MS  # that one of the last lines, with fewer behind it, may leap
CHUNK = 4096  # lines handed on at once
BEAT_MS = 10 * MINUTE_MS  # of event time between heartbeats, at most; a chunk ends with one, too
IDLE_MS = 5 * MINUTE_MS  # a partition that lies so far behind the others is silent


class _Head(msgspec.Struct, gc=False):
    account_id: str
    occurred_at: float


YEAR_3000 = 32_503_680_000  # Unix s; events beyond are refused (records.RequestEvent)


class Heads:
    """Reads from a raw line whose it is and when it happened; (None, 0) if nobody can tell."""

    def __init__(self) -> None:
        self._head = msgspec.json.Decoder(_Head).decode
        self._decode = EventDecoder().decode

    def read(self, line: bytes) -> tuple[str | None, int]:
        """Account and event time in ms."""
        try:
            head = self._head(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_leniently(line)
        if not 0 < head.occurred_at < YEAR_3000:
            return None, 0
        return head.account_id, round(head.occurred_at * 1000)

    def _read_leniently(self, line: bytes) -> tuple[str | None, int]:
        try:
            event = self._decode(line)
        except InvalidEvent:
            return None, 0
        return event.account_id, round(event.occurred_at * 1000)


class _Line(NamedTuple):
    value: bytes
    account_id: str | None  # None: nobody can tell
    at: int
    tag: int


class Word(NamedTuple):
    """An operator's word in a replay: when it was spoken, and its JSON."""

    at: int
    value: bytes


class Replay:
    """Feeds lines, in file order, to a local runtime whose log streams are "requests" and "control"."""

    def __init__(self, runtime: LocalRuntime, words: Iterable[Word] = ()) -> None:
        self._runtime = runtime
        self._words = deque(sorted(words))
        self._requests = runtime.topology.stream("requests")
        self._slack = runtime.topology.lateness_ms + 1
        self._buffers: list[list[tuple[int, _Line]]] = [[] for _ in range(self._requests.partitions)]
        self._ends = [0] * self._requests.partitions
        self._newest = [0] * self._requests.partitions  # arrival of the newest line, per partition
        self._ahead: deque[_Line] = deque()
        self._buffered = 0
        self._fed: tuple[int, int, list[tuple[int, _Line]]] = (0, 0, [])  # partition, start, lines
        self._heads = Heads()
        self.arrival = 0
        self.lines = 0

    def feed(self, line: bytes, tag: int = 0) -> None:
        """Take the next line; what it leads to may come with a later one.

        ``tag`` is whatever the caller likes to know a line by, see `tag_of`.
        """
        self.lines += 1
        self._ahead.append(_Line(line, *self._heads.read(line), tag))
        if len(self._ahead) > LOOKAHEAD:
            self._route()

    def finish(self) -> None:
        """There are no more lines: let every tick close and every alarm of the last minute go off."""
        while self._ahead:
            self._route()
        self._flush()
        while self._words:
            self._speak(self._words.popleft())
        self._runtime.finish()

    def tag_of(self, partition: int, offset: int) -> int | None:
        """The tag of the line at an offset; only known while the runtime hands out what came of it."""
        fed, start, lines = self._fed
        index = offset - start
        return lines[index][1].tag if fed == partition and 0 <= index < len(lines) else None

    def _route(self) -> None:
        """Put the oldest line into its partition's buffer."""
        line = self._ahead.popleft()
        arrival = self._arrival(line)
        if arrival // BEAT_MS > self.arrival // BEAT_MS or self._buffered >= CHUNK:
            self._flush()
            self._beat(arrival)
        self.arrival = arrival
        partition = 0 if line.account_id is None else self._requests.partition(line.account_id)
        self._buffers[partition].append((arrival, line))
        self._newest[partition] = arrival
        self._buffered += 1

    def _arrival(self, line: _Line) -> int:
        """The time that this line and those behind it agree on."""
        if line.account_id is None:
            return self.arrival
        behind = min((each.at for each in self._ahead if each.account_id is not None), default=line.at)
        if len(self._ahead) < LOOKAHEAD and self.arrival:  # the end: too few lines behind it to agree
            behind = min(behind, self.arrival + MOST_AT_END_MS)
        return max(self.arrival, min(line.at, behind))

    def _flush(self) -> None:
        for partition, lines in enumerate(self._buffers):
            if not lines:
                continue
            start = self._ends[partition]
            end = self._ends[partition] = start + len(lines)
            self._fed = (partition, start, lines)
            records = [
                LocalRecord(start + index, arrival, (line.account_id or "").encode(), line.value)
                for index, (arrival, line) in enumerate(lines)
            ]
            self._runtime.feed("requests", partition, start, end, records)
            self._buffers[partition] = []
        self._buffered = 0

    def _beat(self, arrival: int) -> None:
        """Let the silent logs follow: the control log after what was said, idle partitions after a while."""
        while self._words and self._words[0].at <= arrival:
            self._speak(self._words.popleft())
        if arrival > self._slack:
            self._runtime.append("control", 0, [(HEARTBEAT, b"%d" % (arrival - self._slack))])
        for partition, newest in enumerate(self._newest):
            idle_to = arrival - IDLE_MS - self._slack
            if newest < idle_to:
                self._runtime.append("requests", partition, [(HEARTBEAT, b"%d" % idle_to)])
                self._ends[partition] += 1

    def _speak(self, word: Word) -> None:
        self._runtime.append("control", 0, [(None, word.value)])


def words_of(lines: Iterable[bytes], time_of: Callable[[bytes], int]) -> list[Word]:
    """Lines of operators' words, to be spoken in time; those that nobody can read come first."""
    words = []
    for line in lines:
        try:
            words.append(Word(time_of(line), line))
        except InvalidEvent:
            words.append(Word(0, line))
    return words
