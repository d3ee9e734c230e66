"""`simulate --kafka` puts on the topic what `simulate -o` puts in a file, each account's events in order."""

from pathlib import Path

import msgspec
import pytest

from stream_guard.bootstrap import build_topology
from stream_guard.cli import simulate_kafka
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.errors import BrokerUnavailable
from stream_guard.runtime.topics import ensure_topics
from stream_guard.settings import Settings
from stream_guard.simulator.scenario import Order, build
from tests.e2e.program import good, stream_guard
from tests.support.kafka import read_topics

pytestmark = pytest.mark.kafka
SCENARIO = ("simulate", "deepseek:0.02+background:60", "--days", "1", "--truth")


def test_kafka_gets_the_same_events_as_a_file(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    environment = {"STREAM_GUARD_KAFKA__BOOTSTRAP": kafka.bootstrap}
    good(stream_guard(*SCENARIO, tmp_path / "t.jsonl", "--kafka", environment=environment))
    written = good(stream_guard(*SCENARIO, tmp_path / "again.jsonl", "-o", "-")).encode().splitlines()
    assert (tmp_path / "t.jsonl").read_bytes() == (tmp_path / "again.jsonl").read_bytes()
    requests = build_topology(Settings()).stream("requests")
    found = read_topics(kafka.bootstrap, {requests.topic: requests.partitions})
    mine = set(written)  # other tests may have used the topic, too
    arrived = [[r.value for r in records if r.value in mine] for records in found.values()]
    assert sorted(line for lines in arrived for line in lines) == sorted(written)
    for lines in arrived:
        times = [msgspec.json.decode(line)["occurred_at"] for line in lines]
        assert times == sorted(times)
    for (_, partition), records in found.items():
        for record in records:
            if record.value in mine and record.key is not None:
                assert requests.partition(record.key.decode()) == partition


def test_a_kafka_that_dies_under_the_traffic_ends_it_with_its_name(
    own_kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate_kafka, "REQUEST_MS", 2_000)
    monkeypatch.setattr(simulate_kafka, "STOP_S", 1.0)
    topology = build_topology(Settings())
    ensure_topics(topology, msgspec.structs.replace(Settings().kafka, bootstrap=own_kafka.bootstrap))
    parts = build("deepseek:0.05+background:60", Order(days=1.0)).keyed()

    def send_and_kill() -> None:
        with simulate_kafka.BatchSender(own_kafka.bootstrap, topology.stream("requests")) as sender:
            sender.send(*next(parts))
            own_kafka.kill()

    with pytest.raises(BrokerUnavailable, match=own_kafka.bootstrap):
        send_and_kill()
