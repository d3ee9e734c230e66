"""`simulate --kafka` puts on the topic what `simulate -o` puts in a file, each account's events in order."""

from pathlib import Path

import msgspec
import pytest

from stream_guard.bootstrap import build_topology
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.settings import Settings
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
