"""One stage on one partition: rows, watermarks, ticks, outputs.

Pure; both shells only move bytes between lanes.

``feed`` takes what the log holds in [start, end); ``take`` hands out everything that must become
durable together.  The same log gives the same bytes, however it was cut into chunks, however the
partitions interleaved and however often a process died, because of four rules:

1. A log lane stamps an event that comes after its watermark with watermark + 1 ("late", counted):
   ``at`` never falls behind a watermark that was announced, and depends on the partition alone.
2. A tick closes when every writer's watermark has passed its end; then the lane holds exactly the
   records of that tick, whatever the interleaving, and applies them sorted.
3. What a tick emits is stamped with the tick's end, which belongs to that tick: the next stage
   closes the same tick.
4. Wall clock enters only through the log: as heartbeats while a partition is idle, and as the
   append time that bounds how far into the future an event may lie.

Records of open ticks are not state: the offset that is made durable is that of the oldest of them,
and a restart reads them again (all at or below the last closed tick is then dropped).

Glossary: *frame* ``[writer, watermark, [(at, key or keys, record), ...]]``, what lanes send each other;
*mark* a lane's own row: where to read on, how far event time has come.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from stream_guard.clock import DAY_MS, MINUTE_MS
from stream_guard.errors import InvalidEvent
from stream_guard.records import DeadLetter, pack_json
from stream_guard.runtime.forgetting import Sweep
from stream_guard.runtime.outlet import NEVER, Batch, Item, Messages, Outlet
from stream_guard.runtime.rows import LaneRows, pack
from stream_guard.topology import DEAD_LETTERS, Patient, Step, Stream, Topology, lane_name

LONG_SILENCE_MS = DAY_MS  # from here on a stage is asked whether there is anything to tick for
HEARTBEAT = b"\x00heartbeat"  # key of a log record whose value is an event time in ms
MARK = "\x00mark"  # key of the lane's own row
FRAME_BYTES = 256 * 1024  # the broker takes 1 MB a message
DEAD_LETTER_WINDOW = 10_000  # offsets (log lanes) or ms of event time (tick lanes), within which at most
DEAD_LETTERS_PER_WINDOW = 100  # dead letters are written; the rest is only counted
DEAD_LETTER_CHARS = 2048


class LogRecord(Protocol):
    """A Kafka record, as far as a lane looks at it; aiokafka's `ConsumerRecord` is one."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When the broker took it, Unix ms; below 0: unknown."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its body."""
        ...


class Mark(msgspec.Struct, array_like=True):
    """Durable progress of a lane, written in the same transaction as its rows."""

    next: int = -1  # offset to read from
    watermark: int = NEVER  # log lanes: event time reached; tick lanes: last closed tick
    sources: dict[str, int] = {}  # tick lanes: watermark per writer
    counts: dict[str, int] = {}  # events, late, future, dead letters ... of the whole life
    dead_window: tuple[int, int] = (-1, 0)  # window, dead letters written in it
    is_started: bool = False  # tick lanes: a record has come; before the first there is nothing to tick over


class Lane:
    """What both kinds of lane have in common."""

    def __init__(self, topology: Topology, step: Step, partition: int) -> None:
        self.topology, self.step, self.partition = topology, step, partition
        self.name = lane_name(step, partition)
        self.source: Stream = topology.source(step)
        self.stage = step.stage()
        self.rows = LaneRows(self.stage.row, max(1, step.hot_rows // self.source.partitions))
        self.sweep = Sweep(self.stage, self.rows)
        self.out = Outlet(topology, step)
        self.mark = Mark()
        self.next: int | None = None  # None: not yet told where to start
        self.dead_letters: Messages = []
        self._taken: int | None = None
        self._announced = NEVER

    @property
    def counts(self) -> Counter[str]:
        """What this process's lane counted since it started."""
        return self.out.counts

    def load(self, key: str, packed: bytes | None) -> None:
        """Recovery: one record of the changelog, oldest first."""
        if key != MARK:
            self.rows.load(key, packed)
        elif packed is not None:
            self.mark = msgspec.msgpack.decode(packed, type=Mark)
            self.next = self.mark.next
            self.sweep.start(self.mark.watermark)

    def feed(self, start: int, end: int, records: Sequence[LogRecord]) -> None:
        """Take all that the partition holds in [start, end); older offsets are skipped."""
        raise NotImplementedError

    def _forget(self, now: int) -> int:
        """Event time has come to ``now``: delete what has ended; returns when to look again."""
        if now >= self.sweep.due_at:
            self.out.count("rows_forgotten", self.sweep.run(now))
        return self.sweep.due_at

    def take(self) -> Batch | None:
        """Everything since the last take, or None; rows, outputs and offset belong together."""
        progress = self._progress()
        if progress == self._taken:
            return None
        self._taken = progress
        outputs = self._frames()
        self.mark.next = self._position()
        rows = self.rows.take()
        rows.append((MARK.encode(), pack(self.mark)))
        return Batch(self.mark.next, rows, outputs)

    def _progress(self) -> int | None:
        raise NotImplementedError

    def _position(self) -> int:
        return self.next if self.next is not None else -1

    def _frames(self) -> dict[tuple[str, int], Messages]:
        """What was emitted since the last call, encoded, by stream and partition."""
        items, self.out.items = self.out.items, defaultdict(list)
        outputs: dict[tuple[str, int], Messages] = {}
        tick_ms, watermark = self.topology.tick_ms, self.mark.watermark
        is_news = watermark // tick_ms > self._announced // tick_ms  # matters when it passes a tick
        for stream in self.out.streams.values():
            for partition in range(stream.partitions):
                todo = items.get((stream.name, partition), [])
                if stream.kind == "sink":
                    messages: Messages = [(str(key).encode(), pack_json(record)) for _, key, record in todo]
                elif todo or is_news:
                    messages = [(None, frame) for frame in self._cut(todo, watermark)]
                else:
                    continue
                if messages:
                    outputs[stream.name, partition] = messages
        if is_news:
            self._announced = watermark
        if self.dead_letters:
            outputs[DEAD_LETTERS, 0], self.dead_letters = self.dead_letters, []
        return outputs

    def _cut(self, items: list[Item], watermark: int) -> list[bytes]:
        """Frames of bounded size; only the last may carry the new watermark."""
        frame = pack((self.name, watermark, items))
        if len(frame) <= FRAME_BYTES or len(items) < 2:
            return [frame]
        half = len(items) // 2
        return self._cut(items[:half], self._announced) + self._cut(items[half:], watermark)

    def _tally(self, what: str) -> None:
        """Count for ever (in the mark) and for this process's metrics."""
        self.mark.counts[what] = self.mark.counts.get(what, 0) + 1
        self.out.count(what)

    def _bury(self, offset: int, reason: str, detail: str, value: bytes | None) -> None:
        """Write a dead letter, up to a cap that depends on the log alone.

        ``offset``: in the log; for a tick lane the tick's end, since where a frame lies in its
        partition differs from run to run.
        """
        self._tally(f"dead_letters.{reason}")
        window, written = self.mark.dead_window
        if offset // DEAD_LETTER_WINDOW != window:
            window, written = offset // DEAD_LETTER_WINDOW, 0
        if written < DEAD_LETTERS_PER_WINDOW:
            letter = DeadLetter(
                stream=self.source.name,
                partition=self.partition,
                offset=offset,
                reason=reason,
                detail=detail,
                value=self.source.redact(value or b"")[:DEAD_LETTER_CHARS],
            )
            self.dead_letters.append((f"{self.source.name}/{self.partition}".encode(), pack_json(letter)))
        else:
            self._tally("dead_letters_capped")
        self.mark.dead_window = (window, written + 1)


class LogLane(Lane):
    """Reads the outside world's log, in log order."""

    def __init__(self, topology: Topology, step: Step, partition: int) -> None:
        super().__init__(topology, step, partition)
        if self.source.decode is None or self.source.time is None:
            message = f"the log stream {self.source.name} lacks decode or time"
            raise ValueError(message)
        self._decode, self._time = self.source.decode, self.source.time

    def _progress(self) -> int | None:
        return self.next

    def feed(self, start: int, end: int, records: Sequence[LogRecord]) -> None:
        """Process what is new of [start, end), one record after the other."""
        out, rows, process, decode, time = self.out, self.rows, self.stage.process, self._decode, self._time
        done = self.next if self.next is not None else start
        slack, future = self.topology.lateness_ms + 1, self.topology.future_ms
        now, events, due_at = self.mark.watermark, 0, self.sweep.due_at
        for record in records:
            offset, value, arrived = record.offset, record.value, record.timestamp
            if offset < done:
                continue
            if record.key == HEARTBEAT:
                now = max(now, self._heartbeat(record))
                due_at = self._forget(now)
                continue
            try:
                event = decode(value or b"")
                at = time(event)
            except Exception as error:  # noqa: BLE001 - a bug in a decoder must not become a crash loop
                self._refuse(offset, error, value)
                continue
            if at > arrived + future:
                at = self._believed(at, arrived)
            if at <= now:
                self._tally("late")
                at = now + 1
            elif at - slack > now:
                now = at - slack
                if now >= due_at:
                    due_at = self._forget(now)
            out.at, out.offset = at, offset
            try:
                process(rows, "", event, out)
            except Exception as error:  # noqa: BLE001 - the stream outlives a bug: dead letter, see topology.Stage
                self._bury(offset, "stage_failed", f"{self.step.name}: {error!r}", value)
            events += 1
        self.mark.watermark = now
        self.mark.counts["events"] = self.mark.counts.get("events", 0) + events
        self.out.counts["events"] += events
        self.next = end

    def _refuse(self, offset: int, error: Exception, value: bytes | None) -> None:
        """A record that can not be read."""
        if isinstance(error, InvalidEvent):
            self._bury(offset, error.reason, error.detail, value)
        else:
            self._bury(offset, "decode_failed", repr(error), value)

    def _believed(self, at: int, arrived: int) -> int:
        """Of an event from the far future its arrival, where that is known."""
        if arrived < 0:
            return at
        self._tally("future")
        return arrived

    def _heartbeat(self, record: LogRecord) -> int:
        """The watermark that a heartbeat states; like an event's time it can not lie far in the future."""
        try:
            at = int(record.value or b"")
        except ValueError:
            detail = f"heartbeat: expected an integer, got {record.value!r}"
            self._bury(record.offset, "malformed", detail, record.value)
            return NEVER
        if record.timestamp >= 0 and at > record.timestamp + self.topology.future_ms:
            self._tally("future")
            return record.timestamp - self.topology.lateness_ms - 1
        return at


class TickLane(Lane):
    """Reads frames; works when a tick is complete."""

    def __init__(self, topology: Topology, step: Step, partition: int) -> None:
        super().__init__(topology, step, partition)
        self.writers = topology.writers(self.source.name)
        item = tuple[int, str | tuple[str, ...], self.source.record]  # type: ignore[name-defined]
        self._decode = msgspec.msgpack.Decoder(tuple[str, int, list[item]]).decode
        self._open: dict[int, list[Any]] = {}  # tick -> its records
        self._oldest: dict[int, int] = {}  # tick -> offset of its oldest frame

    @property
    def open_records(self) -> int:
        """How many records wait for their tick to close."""
        return sum(map(len, self._open.values()))

    @property
    def last_open(self) -> int | None:
        """The newest tick that holds a record, or None."""
        return max(self._open, default=None)

    def _progress(self) -> int | None:
        return self.mark.watermark

    def _position(self) -> int:
        return min(self._oldest.values(), default=super()._position())

    def feed(self, start: int, end: int, records: Sequence[LogRecord]) -> None:
        """Sort the frames of [start, end) into ticks, then close what can be closed."""
        closed, sources, tick_ms = self.mark.watermark, self.mark.sources, self.topology.tick_ms
        done = self.next if self.next is not None else start
        for record in records:
            if record.offset < done or record.value is None:
                continue
            writer, watermark, items = self._decode(record.value)
            for item in items:
                tick = -(-item[0] // tick_ms) * tick_ms
                if tick > closed:  # else: read again after a restart
                    bucket = self._open.get(tick)
                    if bucket is None:
                        bucket = self._open[tick] = []
                        self._oldest[tick] = record.offset
                    bucket.append(item)
            if watermark > sources.get(writer, NEVER):
                sources[writer] = watermark
        self.next = end
        self._close_ticks()

    def _close_ticks(self) -> None:
        """Work through all ticks that every writer's watermark has passed."""
        tick_ms, mark, out = self.topology.tick_ms, self.mark, self.out
        low = min(mark.sources.get(writer, NEVER) for writer in self.writers) // tick_ms * tick_ms
        if low <= mark.watermark or low < 0:
            return
        if not mark.is_started:
            first = min(self._open, default=low + 1)
            mark.is_started = first <= low
            mark.watermark = first - tick_ms if mark.is_started else low
        for now in self._due(mark.watermark, low):
            out.at = now
            self._forget(now)
            self._process_all(self._open.pop(now, []))
            self._oldest.pop(now, None)
            try:
                self.stage.tick(self.rows, now, out)
            except Exception as error:  # noqa: BLE001 - as in LogLane: what came next must not wait for ever
                self._bury(now, "stage_failed", f"{self.step.name}.tick: {error!r}", None)
        self._forget(low)
        mark.watermark = low

    def _due(self, after: int, until: int) -> Iterable[int]:
        """Ticks to close in (after, until], rising: those that hold records, and each whole minute.

        Of a long silence only the minutes in which the stage has work: one may span years.
        """
        minute = (after // MINUTE_MS + 1) * MINUTE_MS
        for held in (*sorted(tick for tick in self._open if tick <= until), until + 1):
            while minute < held:
                if held - minute > LONG_SILENCE_MS:
                    minute = self._next_minute(minute, held)
                    if minute >= held:
                        break
                yield minute
                minute += MINUTE_MS
            if held <= until:
                yield held
                minute = max(minute, (held // MINUTE_MS + 1) * MINUTE_MS)

    def _next_minute(self, minute: int, until: int) -> int:
        """The first whole minute from ``minute`` on that has work; ``until`` if none before it has."""
        if not isinstance(self.stage, Patient):
            return minute
        due = self.stage.next_due(self.rows, minute)
        return until if due is None else max(minute, -(-due // MINUTE_MS) * MINUTE_MS)

    def _process_all(self, items: list[Any]) -> None:
        try:
            items.sort()
        except TypeError:  # two records differ first where one holds None: any fixed order of them will do
            items.sort(key=lambda item: (item[0], str(item[1]), pack(item[2])))
        process, rows, out = self.stage.process, self.rows, self.out
        for _, keys, record in items:
            try:
                for key in (keys,) if isinstance(keys, str) else keys:
                    process(rows, key, record, out)
            except Exception as error:  # noqa: BLE001 - as in LogLane
                self._bury(self.out.at, "stage_failed", f"{self.step.name}: {error!r}", pack_json(record))


def make_lane(topology: Topology, step: Step, partition: int) -> Lane:
    """The lane of ``step`` on ``partition``."""
    kind = LogLane if topology.source(step).kind == "log" else TickLane
    return kind(topology, step, partition)
