"""Sends the events of a gateway to Kafka, without a request ever waiting for it.

`emit` puts an event into a bounded buffer: a fifth of a microsecond.  A thread of its own makes the
messages (parses, sketches the prompt, encodes), sends them in batches and counts what Kafka has
acknowledged.  While Kafka is away the buffer fills, then events are dropped and counted; requests
go on.  Sent twice does no harm: the worker counts an ``event_id`` once.

Partition: CRC-32 of the account, as everywhere in stream_guard (and in librdkafka's ``consistent``),
so that one account's events stay in order whoever sends them.

Glossary: *pending* taken and neither acknowledged nor given up.
"""

import os
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Signal
from threading import Lock, Thread
from typing import Any, Final, Self
from weakref import WeakSet
from zlib import crc32

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.partitioner.abc import Partitioner

from stream_guard.enforcement.event import Event, Sketch, make_message

Source = Event | Callable[[], Event | None]
TOPIC: Final = "api.requests.v1"
FLUSH_S: Final = 1.0


@dataclass(slots=True)
class EmitterStatus:
    """What became of the events; counters only grow."""

    emitted: int = 0  # taken into the buffer
    delivered: int = 0  # acknowledged by Kafka
    dropped: int = 0  # the buffer was full, or Kafka refused for good
    invalid: int = 0  # no account, or what can not be written as JSON
    pending: int = 0  # emitted and neither delivered nor dropped


@dataclass(frozen=True, slots=True)
class EmitterConfig:
    """How an emitter behaves; the origin of each number stands beside it."""

    topic: str = TOPIC
    max_pending: int = 10_000  # events; some 10 MB
    linger_s: float = 0.05  # how often the thread looks: batches fill, and no request has to wake it
    backoff_s: tuple[float, float] = (0.1, 5.0)  # first and longest pause while Kafka is away
    give_up_s: float = 120.0  # Kafka takes no acknowledged message for so long: dropped


class EventEmitter:
    """Events in, acknowledged Kafka messages out.

    ``connect`` makes a producer like kafka-python's, whenever one is needed, in the emitter's thread.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        config: EmitterConfig | None = None,
        sketch: Sketch | None = None,
    ) -> None:
        self._connect, self._sketch = connect, sketch
        self._config = config or EmitterConfig()
        self._counts: Counter[str] = Counter()
        self._reset()
        _emitters.add(self)

    def _reset(self) -> None:
        """As new: a forked child has neither the thread nor what its parent still has to send."""
        self._buffer: deque[tuple[Source, float]] = deque()
        self._starting = Lock()
        self._wake = Signal()
        self._thread: Thread | None = None
        self._is_closing = False
        self._counts.clear()

    @classmethod
    def to_kafka(
        cls,
        bootstrap: str,
        *,
        topic: str = TOPIC,
        sketch: Sketch | None = None,
        max_pending: int = 10_000,
        **security: Any,
    ) -> Self:
        """An emitter to a Kafka.

        ``sketch`` turns a prompt to 64 int8 (`event.edge_sketcher`; None: prompts are dropped);
        ``security`` is passed on to kafka-python: ``security_protocol``, ``ssl_cafile``, and so on.
        """
        config = EmitterConfig(topic=topic, max_pending=max_pending)

        def connect() -> Any:
            return KafkaProducer(
                bootstrap_servers=bootstrap.split(","),
                acks="all",
                linger_ms=20,
                batch_size=256 * 1024,
                partitioner=_ByAccount(),
                bootstrap_timeout_ms=5_000,
                max_block_ms=1_000,  # blocks our thread only
                request_timeout_ms=10_000,
                delivery_timeout_ms=int(config.give_up_s * 1000),
                reconnect_backoff_max_ms=1_000,
                **security,
            )

        return cls(connect, config, sketch)

    def emit(self, event: Source) -> bool:
        """Take one event as in docs/events.md; False if it was dropped.  Never blocks, never raises.

        A callable is called later, in the emitter's thread, and gives the event (None: none): for
        what is dear to read off a request or an answer.  ``event_id`` and ``occurred_at`` are filled
        in (with the time of this call) where they are missing.  ``prompt`` (raw text) is reduced to
        ``prompt_sketch`` and ``prompt_chars`` in the emitter's thread and never leaves the process.
        """
        if self._thread is None and not self._is_closing:
            self._start()
        if self._pending() >= self._config.max_pending or self._is_closing:
            self._counts["overflowed"] += 1
            return False
        self._counts["emitted"] += 1
        self._buffer.append((event, time.time()))
        return True

    def status(self) -> EmitterStatus:
        """A snapshot."""
        count = self._counts
        return EmitterStatus(
            emitted=count["emitted"],
            delivered=count["delivered"],
            dropped=count["overflowed"] + count["given_up"],
            invalid=count["invalid"],
            pending=self._pending(),
        )

    def flush(self, timeout_s: float) -> bool:
        """Whether all that was emitted so far was delivered or dropped within ``timeout_s``."""
        deadline, goal = time.monotonic() + timeout_s, self._counts["emitted"]
        while self._done() < goal:
            if time.monotonic() >= deadline:
                return False
            self._wake.set()
            time.sleep(0.005)
        return True

    def close(self, timeout_s: float = 5.0) -> bool:
        """Send what is pending, for at most ``timeout_s``, then stop; whether all was sent."""
        is_sent = self.flush(0 if self._thread is None or self._is_closing else timeout_s)
        self._is_closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return is_sent

    def _done(self) -> int:
        count = self._counts
        return count["delivered"] + count["given_up"] + count["invalid"] + count["none"]

    def _pending(self) -> int:
        return self._counts["emitted"] - self._done()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="stream-guard-events", daemon=True)
                self._thread.start()

    # ---- the emitter's thread

    def _run(self) -> None:
        shortest, longest = self._config.backoff_s
        producer, pause = None, 0.0
        while not self._is_closing:
            try:
                producer = producer or self._connect()
                while self._buffer:
                    self._send(producer)
                pause = 0.0
            except KafkaError:
                pause = min(longest, max(shortest, 2 * pause))
            self._wake.wait(pause or self._config.linger_s)
            self._wake.clear()
        if producer is not None:
            producer.close(timeout=FLUSH_S)

    def _send(self, producer: Any) -> None:
        """The oldest event; it stays in the buffer if Kafka can not take it now."""
        source, at = self._buffer[0]
        message = self._message(source, at)
        if message is not None:
            key, value = message
            sent = producer.send(self._config.topic, value=value, key=key)
            sent.add_callback(self._delivered)
            sent.add_errback(self._given_up)
        self._buffer.popleft()

    def _message(self, source: Source, at: float) -> tuple[bytes, bytes] | None:
        try:
            event = source() if callable(source) else source
            if event is None:
                self._counts["none"] += 1
                return None
            message = make_message(event, at, self._sketch)
        except Exception:  # noqa: BLE001 - whatever a gateway hands over, the events after it must go out
            message = None
        if message is None:
            self._counts["invalid"] += 1
        return message

    def _delivered(self, _: Any) -> None:
        self._counts["delivered"] += 1

    def _given_up(self, _: Any) -> None:
        self._counts["given_up"] += 1


class _ByAccount(Partitioner):  # type: ignore[misc] # kafka-python leaves it untyped
    """See `topology.Stream.partition`: CRC-32 of the key, modulo the number of partitions."""

    def partition(self, topic: str, key: Any, serialized_key: bytes, *rest: Any) -> int:
        """As kafka-python calls it; ``rest`` ends with what is known of the cluster."""
        del key
        partitions = sorted(rest[-1].partitions_for_topic(topic))
        return int(partitions[crc32(serialized_key) % len(partitions)])


_emitters: "WeakSet[EventEmitter]" = WeakSet()


def _after_fork() -> None:
    for emitter in _emitters:
        emitter._reset()


os.register_at_fork(after_in_child=_after_fork)
