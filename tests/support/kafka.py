"""A second, independent Kafka client for tests: confluent-kafka reads and writes what we check."""

from collections.abc import Iterable, Mapping
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


def read_topics(bootstrap: str, topics: Mapping[str, int]) -> dict[tuple[str, int], list[LocalRecord]]:
    """All committed records of these topics (name: partitions), by topic and partition, in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 0,
            "group.id": "reader-of-tests",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
        }
    )
    places = [(topic, partition) for topic, count in topics.items() for partition in range(count)]
    consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
    found: dict[tuple[str, int], list[LocalRecord]] = {place: [] for place in places}
    ended: set[tuple[str, int]] = set()

    def poll() -> bool:
        message: Any
        for message in consumer.consume(10_000, 0.1):
            place = message.topic(), message.partition()
            if message.error():
                ended.add(place)
                continue
            _, timestamp = message.timestamp()
            record = LocalRecord(message.offset(), timestamp, message.key(), message.value())
            if not found[place] or found[place][-1].offset < record.offset:  # a client may fetch twice
                found[place].append(record)
        return len(ended) == len(places)

    until(poll, 60, f"reading {sorted(topics)}", pause_s=0)
    consumer.close()
    return found


def rows_of(changelog: Iterable[LocalRecord]) -> dict[str, bytes]:
    """What a partition of a changelog says each key's row is; without the mark."""
    rows: dict[str, bytes] = {}
    for record in changelog:
        key = (record.key or b"").decode()
        if record.value is None:
            rows.pop(key, None)
        else:
            rows[key] = record.value
    rows.pop(MARK, None)
    return rows
