"""A collector's topic on a real Kafka becomes events of our log: none lost, none twice, whoever is killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from stream_guard.bootstrap import build_topology
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.records import DeadLetter, RequestEvent
from stream_guard.runtime.span_bridge import SpanBridge, SpanRoute
from stream_guard.runtime.topics import ensure_topics
from stream_guard.settings import KafkaSettings, OtlpSettings, Settings
from stream_guard.topology import Topology
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.otlp import SpanReader
from tests.contract.otlp.spans import chat, sdk_batch
from tests.support.kafka import read_topics, write_all
from tests.support.polling import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
RECORDED = Path(__file__).parents[1] / "contract" / "otlp"
ROOT = Path(__file__).parents[2]
PARTITIONS = 2
BRIDGE = """
import sys, msgspec
from stream_guard.bootstrap import build_topology
from stream_guard.runtime.span_bridge import SpanBridge, SpanRoute
from stream_guard.settings import Settings
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.otlp import SpanReader
settings = msgspec.json.decode(sys.argv[1], type=Settings)
route = SpanRoute.through(build_topology(settings), settings.kafka, settings.otlp.topic)
bridge = SpanBridge(route, SpanReader(EventDecoder()))
bridge.start()
sys.stdin.read()
"""


@pytest.fixture
def place(kafka: EmbeddedKafka, request: pytest.FixtureRequest) -> tuple[Settings, Topology]:
    """Settings of this test's own, with all topics made."""
    name = request.node.name.replace("[", "-").replace("]", "")
    settings = Settings(
        kafka=KafkaSettings(
            bootstrap=kafka.bootstrap, app_id=name, requests_topic=f"{name}.requests", flush_s=0.05
        ),
        otlp=OtlpSettings(topic=f"{name}.spans"),
    )
    topology = build_topology(settings)
    ensure_topics(topology, settings.kafka)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for made in admin.create_topics([NewTopic(settings.otlp.topic, PARTITIONS)]).values():
        made.result(30)
    return settings, topology


def send(settings: Settings, *values: bytes) -> None:
    """As the collector writes: without keys, over all partitions."""
    topic = settings.otlp.topic
    write_all(
        settings.kafka.bootstrap,
        [(topic, number % PARTITIONS, None, value) for number, value in enumerate(values)],
    )


def events(settings: Settings, topology: Topology) -> list[tuple[int, bytes | None, RequestEvent]]:
    """What the log of requests holds: partition, key, event."""
    stream = topology.stream("requests")
    found = read_topics(settings.kafka.bootstrap, {stream.topic: stream.partitions})
    decode = EventDecoder().decode
    return [
        (partition, record.key, decode(record.value or b""))
        for (_, partition), records in sorted(found.items())
        for record in records
    ]


@contextmanager
def bridging(settings: Settings, topology: Topology) -> Iterator[SpanBridge]:
    route = SpanRoute.through(topology, settings.kafka, settings.otlp.topic)
    bridge = SpanBridge(route, SpanReader(EventDecoder()))
    bridge.start()
    try:
        yield bridge
    finally:
        bridge.close()


def test_requests_come_out_keyed_by_account_and_the_rest_is_told(place: tuple[Settings, Topology]) -> None:
    settings, topology = place
    proto, json = (RECORDED / "batch.otlp_proto").read_bytes(), (RECORDED / "batch.otlp_json").read_bytes()
    send(settings, proto, b"no batch", json)
    with bridging(settings, topology) as bridge:
        until(lambda: bridge.counts["messages"] == 3, 60, "all was read")
    stream = topology.stream("requests")
    found = events(settings, topology)
    assert sorted(event.account_id for _, _, event in found) == ["acct-7", "acct-7", "acct-8", "acct-8"]
    for partition, key, event in found:
        assert key == event.account_id.encode()
        assert partition == stream.partition(event.account_id)
    assert bridge.counts == {"messages": 3, "events": 4, "others": 10, "dead_letters": 3}
    letters = read_topics(settings.kafka.bootstrap, {"guard.dead-letters.v1": 1})
    ours = [
        msgspec.json.decode(record.value or b"", type=DeadLetter)
        for record in letters["guard.dead-letters.v1", 0]
        if record.key in (b"spans/0", b"spans/1")
    ]
    assert sorted((letter.partition, letter.offset, letter.reason) for letter in ours) == [
        (0, 0, "missing_field"), (0, 1, "missing_field"), (1, 0, "not_object"),
    ]  # fmt: skip


def test_no_event_is_lost_or_doubled_by_kills(place: tuple[Settings, Topology]) -> None:
    settings, topology = place
    accounts = [f"a-{number}" for number in range(3)]
    batches = [sdk_batch([chat(account) for account in accounts]) for _ in range(200)]
    expected = sorted(event.event_id for value in batches for event in reader_events(value))
    for kills in range(3):
        worker = start(settings)
        send(settings, *batches[kills * 50 : kills * 50 + 50])
        wait_for_more(settings, topology, 50 * 3 * kills)
        worker.kill()
        worker.communicate(timeout=10)
    worker = start(settings)
    send(settings, *batches[150:])
    until(lambda: len(events(settings, topology)) >= len(expected), 90, "all has come over")
    assert sorted(event.event_id for _, _, event in events(settings, topology)) == expected
    worker.communicate(timeout=20)


def wait_for_more(settings: Settings, topology: Topology, than: int) -> None:
    until(lambda: len(events(settings, topology)) > than, 60, "the bridge works")


def reader_events(value: bytes) -> list[RequestEvent]:
    return SpanReader(EventDecoder()).read(value).events


def start(settings: Settings) -> "subprocess.Popen[bytes]":
    command: list[Any] = [sys.executable, "-c", BRIDGE, msgspec.json.encode(settings).decode()]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
