"""A lane's batch as one Kafka transaction; a lane's rows back from its changelog.

One transactional producer per owned lane, ``transactional.id = <app_id>-<step>-<partition>``.
Starting it (InitProducerId) aborts what a former owner left open and fences it: whatever that owner
still tries to commit fails.  A transaction holds the lane's changed rows and mark, its outputs, and
its source offset for the group; all readers are read_committed.

Waits: `LaneProducer.commit` about 3 broker round trips.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from stream_guard.runtime.lane import Lane
from stream_guard.runtime.outlet import Batch
from stream_guard.runtime.topics import changelog_topic
from stream_guard.topology import Topology

BATCH_BYTES = 512 * 1024  # Faust's producers send 16 kB at a time: a round trip each
REQUEST_TIMEOUT_MS = 120_000  # a broker may be away for a restart
FETCH_S = 0.2
PATIENCE_S = 5.0  # without a record, after which recovery says what it waits for
RECOVERY_RECORDS = 20_000  # handed to lanes without giving way: some 50 ms

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Wiring:
    """Names that a transaction needs: the group, and each stream's topic."""

    bootstrap: str
    app_id: str
    topology: Topology

    def topic(self, stream: str) -> str:
        """The topic that carries a stream."""
        return self.topology.stream(stream).topic


def new_producer(
    bootstrap: str,
    batch_bytes: int = BATCH_BYTES,
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
    transactional_id: str | None = None,
) -> AIOKafkaProducer:
    """An idempotent producer with batches as large as ours."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=batch_bytes,
        request_timeout_ms=request_timeout_ms,
        transactional_id=transactional_id,
    )


class LaneProducer:
    """Commits the batches of one lane; started once per ownership."""

    def __init__(self, wiring: Wiring, lane: Lane) -> None:
        self._wiring = wiring
        self._changelog = changelog_topic(wiring.app_id, lane.step), lane.partition
        self._source = TopicPartition(lane.source.topic, lane.partition)
        name = f"{wiring.app_id}-{lane.step.name}-{lane.partition}"
        self._producer = new_producer(wiring.bootstrap, transactional_id=name)

    async def start(self) -> None:
        """Fence whoever owned the lane before."""
        await self._producer.start()

    async def stop(self) -> None:
        """Close the connections."""
        await self._producer.stop()

    async def commit(self, batch: Batch) -> None:
        """Make the batch durable and visible, all of it or nothing."""
        producer = self._producer
        await producer.begin_transaction()
        pending: list[Any] = []
        for (stream, partition), messages in batch.outputs.items():
            pending += await self._send(self._wiring.topic(stream), partition, messages)
        pending += await self._send(*self._changelog, batch.rows)
        for sent in pending:
            await sent
        offsets = {self._source: OffsetAndMetadata(batch.offset, "")}
        await producer.send_offsets_to_transaction(offsets, self._wiring.app_id)
        await producer.commit_transaction()

    async def _send(
        self, topic: str, partition: int, messages: Sequence[tuple[bytes | None, bytes | None]]
    ) -> list[Any]:
        """Append to a partition in few batches; the futures say when they are acknowledged."""
        producer, pending = self._producer, []
        batch = producer.create_batch()
        for key, value in messages:
            if batch.append(key=key, value=value, timestamp=None) is None:  # full
                pending.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        if batch.record_count():
            pending.append(await producer.send_batch(batch, topic, partition=partition))
        return pending


class Source(NamedTuple):
    """What a lane's source partition holds, [first, end), and the group's offset in it."""

    first: int
    end: int
    committed: int | None  # moved by each of the lane's transactions; None before the first


class ChangelogReader:
    """Reads rows back: from a partition's beginning to its end as of now."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def read_into(self, lanes: Sequence[Lane]) -> int:
        """Load every lane's rows; returns how many records were read."""
        app_id = self._wiring.app_id
        by_partition = {
            TopicPartition(changelog_topic(app_id, lane.step), lane.partition): lane for lane in lanes
        }
        if not by_partition:
            return 0
        # Undecided transactions are counted in: the reader below waits for them.
        async with self._consumer(isolation_level="read_uncommitted") as consumer:
            ends = await consumer.end_offsets(list(by_partition))
        async with self._consumer() as consumer:
            consumer.assign(list(by_partition))
            await consumer.seek_to_beginning(*by_partition)
            return await _load(consumer, by_partition, ends)

    async def sources(self, lanes: Sequence[Lane]) -> dict[str, Source]:
        """By lane name: its source partition as it is now."""
        places = {lane.name: TopicPartition(lane.source.topic, lane.partition) for lane in lanes}
        if not places:
            return {}
        async with self._consumer(group_id=self._wiring.app_id) as consumer:
            firsts = await consumer.beginning_offsets(list(places.values()))
            ends = await consumer.end_offsets(list(places.values()))
            return {
                name: Source(firsts[place], ends[place], await consumer.committed(place))
                for name, place in places.items()
            }

    @asynccontextmanager
    async def _consumer(
        self, group_id: str | None = None, isolation_level: str = "read_committed"
    ) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._wiring.bootstrap,
            group_id=group_id,
            enable_auto_commit=False,
            isolation_level=isolation_level,
            auto_offset_reset="earliest",
            check_crcs=False,
            max_partition_fetch_bytes=4 << 20,
            fetch_max_bytes=32 << 20,
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


async def _load(
    consumer: Any, lanes: Mapping[TopicPartition, Lane], ends: Mapping[TopicPartition, int]
) -> int:
    count, todo = 0, {partition for partition in lanes if ends[partition] > 0}
    waited_s = 0.0
    while todo:
        fetched = await consumer.getmany(timeout_ms=round(FETCH_S * 1000), max_records=RECOVERY_RECORDS)
        for partition, records in fetched.items():
            load = lanes[partition].load
            for record in records:
                load(record.key.decode(), record.value)
            count += len(records)
            await asyncio.sleep(0)
        for partition in list(todo):
            # The position, not the last record: a transaction's end marker is never handed out.
            if await consumer.position(partition) >= ends[partition]:
                todo.discard(partition)
        waited_s = 0.0 if fetched else waited_s + FETCH_S
        if waited_s >= PATIENCE_S:
            waited_s = 0.0
            waiting = [f"{partition.topic}/{partition.partition}" for partition in sorted(todo)]
            why = "a transaction there is undecided: the broker ends it after its timeout"
            log.warning("recovery_waits", partitions=waiting, why=why)
    return count
