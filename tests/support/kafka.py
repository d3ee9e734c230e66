"""A second, independent Kafka client for tests: confluent-kafka reads and writes what we check."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from stream_guard.runtime.lane import MARK
from stream_guard.runtime.local import LocalRecord
from tests.support.polling import until


class Writer:
    """Writes messages to given partitions, in order, acknowledged by `close`."""

    def __init__(self, bootstrap: str) -> None:
        self._failures: list[Any] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "log_level": 0,
                "enable.idempotence": True,
                "linger.ms": 20,
                "queue.buffering.max.messages": 1_000_000,
                "message.timeout.ms": 300_000,
            }
        )

    def write(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._note)
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def _note(self, error: Any, _message: Any) -> None:
        if error:
            self._failures.append(error)

    def close(self) -> None:
        left = self._producer.flush(120)
        assert left == 0, f"{left} messages were not acknowledged"
        assert not self._failures, self._failures[:3]


def write_all(bootstrap: str, messages: Iterable[tuple[str, int, bytes | None, bytes | None]]) -> None:
    writer = Writer(bootstrap)
    for message in messages:
        writer.write(*message)
    writer.close()


def read_topic(bootstrap: str, topic: str, partitions: int) -> dict[int, list[LocalRecord]]:
    """All committed records of a topic, by partition, in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 0,
            "group.id": "reader-of-tests",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)])
    found: defaultdict[int, list[LocalRecord]] = defaultdict(list)
    ended: set[int] = set()

    def poll() -> bool:
        message: Any
        for message in consumer.consume(10_000, 0.5):
            if message.error():
                ended.add(message.partition())
                continue
            _, timestamp = message.timestamp()
            record = LocalRecord(message.offset(), timestamp, message.key(), message.value())
            found[message.partition()].append(record)
        return len(ended) == partitions

    until(poll, 60, f"reading {topic}", pause_s=0)
    consumer.close()
    return found


def read_rows(bootstrap: str, changelog: str, partitions: int) -> dict[int, dict[str, bytes]]:
    """What a changelog says each key's row is, by partition; without the marks."""
    rows: dict[int, dict[str, bytes]] = {}
    for partition, records in read_topic(bootstrap, changelog, partitions).items():
        kept = rows[partition] = {}
        for record in records:
            key = (record.key or b"").decode()
            if record.value is None:
                kept.pop(key, None)
            else:
                kept[key] = record.value
        kept.pop(MARK, None)
    return rows
