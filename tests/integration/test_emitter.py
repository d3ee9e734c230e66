"""Events of a gateway on their way to a real Kafka: acknowledged, bounded, counted, and in nobody's way."""

import gc
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import HOST, free_port
from stream_guard.enforcement import EventEmitter
from stream_guard.topology import Stream
from tests.support.kafka import read_topics
from tests.support.polling import until
from tests.support.producers import Kept

PARTITIONS = 4


@contextmanager
def emitting(emitter: EventEmitter) -> Iterator[EventEmitter]:
    with warnings.catch_warnings():
        # kafka-python 3.0 leaves the socket of a refused connection to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield emitter
        finally:
            emitter.close(30)
            gc.collect()


def create(broker: EmbeddedKafka, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        admin.create_topics(
            {topic: {"num_partitions": PARTITIONS, "replication_factor": 1}}, wait_for_metadata=True
        )
    finally:
        admin.close()


def event(i: int, **more: Any) -> dict[str, Any]:
    return {"event_id": f"e{i}", "account_id": f"a{i % 7}", "model": "m", "status": 200, **more}


@pytest.mark.kafka
def test_what_was_emitted_is_acknowledged_and_lies_where_the_worker_looks(kafka: EmbeddedKafka) -> None:
    create(kafka, "emitted")
    with emitting(EventEmitter.to_kafka(kafka.bootstrap, topic="emitted", max_pending=50_000)) as emitter:
        assert all(emitter.emit(event(i)) for i in range(3_000))
        assert emitter.emit(lambda: event(3_000, prompt="a secret"))
        assert emitter.emit(lambda: None)
        assert emitter.flush(60)
        status = emitter.status()
        assert (status.delivered, status.dropped, status.invalid, status.pending) == (3_001, 0, 0, 0)
    found = read_topics(kafka.bootstrap, {"emitted": PARTITIONS})
    ids = []
    for (_, partition), records in found.items():
        for record in records:
            value = json.loads(record.value or b"")
            assert record.key == value["account_id"].encode()
            assert Stream("requests", "emitted", PARTITIONS, dict).partition(value["account_id"]) == partition
            ids.append(value["event_id"])
    assert sorted(ids) == sorted(f"e{i}" for i in range(3_001))


@pytest.mark.kafka
def test_events_outlive_a_broker_that_is_killed_and_comes_back(own_kafka: EmbeddedKafka) -> None:
    create(own_kafka, "outlived")
    with emitting(EventEmitter.to_kafka(own_kafka.bootstrap, topic="outlived")) as emitter:
        assert all(emitter.emit(event(i)) for i in range(100))
        assert emitter.flush(60)
        own_kafka.kill()
        assert all(emitter.emit(event(i)) for i in range(100, 200))
        assert emitter.status().pending == 100
        own_kafka.start()
        assert emitter.flush(90)
        assert emitter.status().delivered == 200
    records = [
        r for each in read_topics(own_kafka.bootstrap, {"outlived": PARTITIONS}).values() for r in each
    ]
    assert {json.loads(r.value or b"")["event_id"] for r in records} == {f"e{i}" for i in range(200)}


def test_without_a_broker_the_buffer_is_bounded_and_drops_are_counted() -> None:
    with emitting(EventEmitter.to_kafka(f"{HOST}:{free_port()}", max_pending=50)) as emitter:
        taken = [emitter.emit(event(i)) for i in range(80)]
        assert taken == [True] * 50 + [False] * 30
        status = emitter.status()
        assert (status.emitted, status.dropped, status.pending) == (50, 30, 50)
        assert not emitter.flush(0)
        assert not emitter.close(0.1)


def test_what_is_no_event_is_counted_and_stops_nothing() -> None:
    kept = Kept()

    def broken() -> dict[str, Any]:
        message = "the gateway has a bug"
        raise RuntimeError(message)

    with emitting(EventEmitter(kept)) as emitter:
        for each in ({"model": "m"}, {"account_id": 7}, broken, event(1, tools=[object()]), event(2)):
            assert emitter.emit(each)
        assert emitter.flush(30)
        assert emitter.status().invalid == 4
    assert [each["event_id"] for each in kept.sent] == ["e2"]


def test_what_a_gateway_leaves_out_is_filled_in_and_what_it_says_is_kept() -> None:
    kept = Kept()
    with emitting(EventEmitter(kept)) as emitter:
        emitter.emit({"account_id": "a1"})
        emitter.emit({"account_id": "a1", "event_id": "mine", "occurred_at": 5.0, "model": "m"})
        until(lambda: len(kept.sent) == 2, 30, "not sent")
    first, second = kept.sent
    assert len(first["event_id"]) == 32
    assert first["model"] == "unknown"
    assert first["occurred_at"] > 1_700_000_000
    assert second == {"account_id": "a1", "event_id": "mine", "occurred_at": 5.0, "model": "m"}


def test_a_closed_emitter_takes_nothing() -> None:
    emitter = EventEmitter(Kept())
    assert emitter.close()
    assert not emitter.emit(event(1))
    assert emitter.status().dropped == 1
