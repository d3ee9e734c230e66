"""Spans of an OpenTelemetry collector into the log of requests: one message there, many events here.

The collector's messages hold the requests of many accounts, and a partition of our log holds
accounts.  So this bridge reads the collector's topic, and writes each request as an event of its
own, keyed by account.  What one batch of messages gave (events, dead letters, and how far was read)
becomes visible in one transaction, or not at all: an event is neither lost nor written twice, whenever the
bridge is killed.  The worker behind it stays as it is, and a replay of our log needs no spans.

One transactional producer per partition that is owned, so that a new owner fences the old one.
Order: an account's events keep the order in which the collector wrote them to one partition.

Bound: one fetch (`MAX_MESSAGES`) is in memory.  Waits: one transaction per fetch and partition.

Glossary: *dead window* the offsets within which at most `DEAD_LETTERS_PER_WINDOW` are written.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from stream_guard.errors import InvalidEvent
from stream_guard.records import DeadLetter, pack_json
from stream_guard.runtime.lane import DEAD_LETTER_CHARS, DEAD_LETTER_WINDOW, DEAD_LETTERS_PER_WINDOW
from stream_guard.runtime.transactions import new_producer
from stream_guard.settings import KafkaSettings
from stream_guard.topology import DEAD_LETTERS, Stream, Topology
from stream_guard.wire.otlp import Failure, SpanReader, encode_event

STREAM = "spans"  # how dead letters name where they come from
MAX_MESSAGES = 200  # per fetch; the exporter's messages are 1 MB at most
FETCH_MS = 200
LOOK_MS = 5_000  # how soon a topic is noticed that the collector makes only now
PAUSE_S = 1.0  # after Kafka failed
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SpanRoute:
    """From where to where."""

    bootstrap: str
    app_id: str
    topic: str  # the collector's
    requests: Stream
    dead_letters: Stream
    session_timeout_s: float

    @classmethod
    def through(cls, topology: Topology, kafka: KafkaSettings, topic: str) -> "SpanRoute":
        """The route into a topology's log."""
        requests, dead_letters = topology.stream("requests"), topology.stream(DEAD_LETTERS)
        return cls(kafka.bootstrap, kafka.app_id, topic, requests, dead_letters, kafka.session_timeout_s)

    @property
    def group(self) -> str:
        """The consumer group, and what transactional ids begin with."""
        return f"{self.app_id}-{STREAM}"


class SpanBridge:
    """Moves spans until it is stopped, in a thread and an event loop of its own.

    Whatever Kafka does, it begins again after a pause: where it had got to stands in Kafka.
    """

    def __init__(self, route: SpanRoute, reader: SpanReader) -> None:
        self.counts: Counter[str] = Counter()  # messages, events, others (spans), dead_letters, failures
        self._route, self._reader = route, reader
        self._ending = Event()
        self._thread = Thread(target=self._run, name="span-bridge", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """Finish the transaction under way, and end."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                asyncio.run(self._move())
            except (KafkaError, OSError) as error:
                self.counts["failures"] += 1
                log.warning("spans_interrupted", error=repr(error))
                self._ending.wait(PAUSE_S)
            except Exception as error:
                self.counts["failures"] += 1
                log.exception("spans_failed", error=repr(error))
                self._ending.wait(PAUSE_S)

    async def _move(self) -> None:
        consumer = _consumer(self._route)
        lanes = _Lanes(self._route, consumer)
        await consumer.start()
        try:
            consumer.subscribe([self._route.topic], listener=lanes)
            while not self._ending.is_set():
                fetched = await consumer.getmany(timeout_ms=FETCH_MS, max_records=MAX_MESSAGES)
                # At once: what came before a partition was ours may not be taken for ours later on.
                work = [(lanes.owned.get(place), messages) for place, messages in fetched.items()]
                for lane, messages in work:
                    if lane is not None and messages:
                        await lane.move(messages, self._reader, self.counts)
        finally:
            await lanes.leave()
            await consumer.stop()


class _Lanes(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A producer for each partition that we own."""

    def __init__(self, route: SpanRoute, consumer: Any) -> None:
        self._route, self._consumer = route, consumer
        self.owned: dict[TopicPartition, _Lane] = {}

    async def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        """Nothing is pending between two fetches: what was read was committed."""
        await self.leave()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Fence who had them before, and only then ask how far he got.

        Reading has begun meanwhile, from where he seemed to be: what came of that is not looked at.
        """
        for place in assigned:
            producer = new_producer(
                self._route.bootstrap, transactional_id=f"{self._route.group}-{place.partition}"
            )
            await producer.start()
            done = await self._consumer.committed(place)
            if done is None:
                await self._consumer.seek_to_beginning(place)
            else:
                self._consumer.seek(place, done)
            self.owned[place] = _Lane(self._route, place, producer)

    async def leave(self) -> None:
        """Close the producers."""
        lanes, self.owned = self.owned, {}
        for lane in lanes.values():
            await lane.producer.stop()


class _Lane:
    """One partition of the collector's topic."""

    def __init__(self, route: SpanRoute, place: TopicPartition, producer: AIOKafkaProducer) -> None:
        self.producer = producer
        self._route, self._place = route, place
        self._window, self._written = -1, 0

    async def move(self, messages: list[Any], reader: SpanReader, counts: Counter[str]) -> None:
        """All that these messages hold, in one transaction."""
        requests, found = self._route.requests, Counter[str]()
        async with self.producer.transaction():
            for message in messages:
                found["messages"] += 1
                for topic, partition, key, value in self._read(message, reader, found):
                    await self.producer.send(topic, value, key=key, partition=partition)
            end = OffsetAndMetadata(messages[-1].offset + 1, "")
            await self.producer.send_offsets_to_transaction({self._place: end}, self._route.group)
        counts.update(found)
        log.debug("spans_moved", to=requests.topic, **found)

    def _read(
        self, message: Any, reader: SpanReader, found: Counter[str]
    ) -> Iterable[tuple[str, int, bytes, bytes]]:
        """What to write of one message: topic, partition, key, value."""
        requests = self._route.requests
        try:
            batch = reader.read(message.value or b"")
        except InvalidEvent as error:
            failure = Failure(error.reason, error.detail, f"{len(message.value or b'')} bytes")
            yield from self._bury(message.offset, failure, found)
            return
        found["events"] += len(batch.events)
        found["others"] += batch.others
        for event in batch.events:
            account_id = event.account_id
            yield requests.topic, requests.partition(account_id), account_id.encode(), encode_event(event)
        for failure in batch.failures:
            yield from self._bury(message.offset, failure, found)

    def _bury(
        self, offset: int, failure: Failure, found: Counter[str]
    ) -> Iterable[tuple[str, int, bytes, bytes]]:
        """A dead letter, as long as there are not too many; counted anew after a restart."""
        found["dead_letters"] += 1
        if offset // DEAD_LETTER_WINDOW != self._window:
            self._window, self._written = offset // DEAD_LETTER_WINDOW, 0
        self._written += 1
        if self._written > DEAD_LETTERS_PER_WINDOW:
            return
        letter = DeadLetter(
            stream=STREAM,
            partition=self._place.partition,
            offset=offset,
            reason=failure.reason,
            detail=failure.detail,
            value=failure.shown[:DEAD_LETTER_CHARS],
        )
        key = f"{STREAM}/{self._place.partition}".encode()
        yield self._route.dead_letters.topic, 0, key, pack_json(letter)


def _consumer(route: SpanRoute) -> Any:
    return AIOKafkaConsumer(
        bootstrap_servers=route.bootstrap,
        group_id=route.group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        metadata_max_age_ms=LOOK_MS,
        session_timeout_ms=round(1000 * route.session_timeout_s),
        heartbeat_interval_ms=round(1000 * route.session_timeout_s / 3),
        max_partition_fetch_bytes=4 << 20,
    )
