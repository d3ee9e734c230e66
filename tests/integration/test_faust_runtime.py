"""The Faust runtime on a real Kafka against the local runtime on the same log."""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.records import DeadLetter
from stream_guard.runtime.lane import HEARTBEAT
from stream_guard.runtime.topics import ensure_topics
from stream_guard.settings import KafkaSettings
from stream_guard.topology import DEAD_LETTERS, Topology
from tests.support.cluster import Cluster, running
from tests.support.comparison import dump_logs, outcome_locally, outcome_on_kafka
from tests.support.kafka import Writer, read_topics, write_all
from tests.support.runs import Outcome, assert_same
from tests.support.topologies import TOY, load_topology
from tests.support.traffic import Event, Traffic, events
from tests.support.worker import TestClock, WorkerConfig

pytestmark = pytest.mark.kafka

SPEED = 4.0  # event time runs so much faster than the clock
AFTER_MS = 20_000  # event time that passes after the last event


class Line:
    """One app with topics of its own on a broker."""

    def __init__(self, kafka: EmbeddedKafka, directory: Path, name: str, traffic: Traffic) -> None:
        self.kafka, self.directory, self.traffic = kafka, directory, traffic
        self.prefix = f"{name}-"
        self.topology: Topology = load_topology(TOY, self.prefix)
        self.settings = KafkaSettings(
            bootstrap=kafka.bootstrap,
            app_id=f"{name}-app",
            session_timeout_s=3.0,
            data_dir=str(directory / "data"),
        )
        ensure_topics(self.topology, self.settings)
        self.end_ms = traffic.start + traffic.span + AFTER_MS

    @property
    def final_watermark(self) -> int:
        """Where the last heartbeat leaves every lane."""
        last = self.end_ms - int(self.settings.idle_s * 1000) - self.topology.lateness_ms
        return last // self.topology.tick_ms * self.topology.tick_ms

    def config(self, *, is_at_end: bool) -> WorkerConfig:
        """Of a worker whose clock runs with the traffic, or stands at its end already."""
        speed, start = (0.0, self.end_ms) if is_at_end else (SPEED, self.traffic.start)
        clock = TestClock(start, time.time(), speed, self.end_ms)
        return WorkerConfig(kafka=self.settings, stats="", clock=clock, prefix=self.prefix)

    def topic(self, stream: str) -> str:
        return self.topology.stream(stream).topic

    def write(self, traffic: Iterator[Event]) -> None:
        topic = self.topic("requests")
        write_all(self.kafka.bootstrap, ((topic, each.partition, each.key, each.value) for each in traffic))

    def outcomes(self) -> tuple[Outcome, Outcome]:
        """On Kafka, and locally."""
        found = outcome_on_kafka(self.kafka.bootstrap, self.topology, self.settings.app_id)
        return found, outcome_locally(self.topology, dump_logs(self.kafka.bootstrap, self.topology))


def written_while(line: Line, wall_start_s: float) -> threading.Thread:
    """A thread that writes the traffic as its event time comes."""
    failures: list[BaseException] = []

    def write() -> None:
        try:
            writer, start = Writer(line.kafka.bootstrap), line.traffic.start
            for event in events(line.traffic):
                ahead_s = (event.at - start) / 1000 / SPEED - (time.time() - wall_start_s)
                if ahead_s > 0.02:
                    time.sleep(ahead_s)
                writer.write(line.topic("requests"), event.partition, event.key, event.value)
            writer.close()
        except BaseException as error:  # noqa: BLE001 - shown by the test's thread
            failures.append(error)

    thread = threading.Thread(target=write, daemon=True)
    thread.failures = failures  # type: ignore[attr-defined]
    thread.start()
    return thread


def test_one_worker_gives_the_local_runtimes_bytes_also_after_sigkill(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "drain", Traffic(number=20_000, span=120_000))
    line.write(islice(events(line.traffic), 10_000))
    with running(tmp_path, line.config(is_at_end=True), "first") as cluster:
        cluster.wait_for(lambda: cluster.figures("first").get("sent", {}).get("decisions"), "first decisions")
        cluster.kill("first")
        line.write(islice(events(line.traffic), 10_000, None))
        cluster.spawn("second")
        cluster.wait_until_drained(line.final_watermark)
        assert cluster.figures("second")["recovered"]["rows"] > 0
        assert cluster.stop() == [0]
        assert cluster.self_exits == []
    found, wanted = line.outcomes()
    assert sum(len(found.sinks["decisions", partition]) for partition in range(4)) > 100
    assert_same(found, wanted)


def test_bad_records_are_buried_the_far_future_is_bounded_and_the_rest_goes_on(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "bad", Traffic(number=400, span=10_000))
    far = b'{"account":"far","at":%d,"value":1,"indicators":["x"]}' % (line.traffic.start + 10**12)
    unlucky = b'{"account":"u","at":%d,"value":13000000,"indicators":[]}' % line.traffic.start
    topic = line.topic("requests")
    bad: list[bytes | None] = [b"not json", None, unlucky]
    write_all(kafka.bootstrap, [(topic, 0, b"k", value) for value in bad])
    line.write(events(line.traffic))
    write_all(kafka.bootstrap, [(topic, 0, b"far", far)])
    with running(tmp_path, line.config(is_at_end=True), "only") as cluster:
        cluster.wait_until_drained(line.final_watermark)
        counts = cluster.lanes()["accounts/0"][4]
        assert cluster.stop() == [0]
    (letters,) = read_topics(kafka.bootstrap, {line.topic(DEAD_LETTERS): 1}).values()
    decoded = [msgspec.json.decode(letter.value or b"", type=DeadLetter) for letter in letters]
    assert [(letter.offset, letter.reason) for letter in decoded] == [
        (0, "malformed"),
        (1, "malformed"),
        (2, "stage_failed"),
    ]
    assert counts["future"] == 1
    assert_same(*line.outcomes())


def test_heartbeats_close_ticks_on_silent_partitions_and_lie_in_the_log(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "silent", Traffic(number=1_000, span=20_000, silent=(0.0, 1.0)))
    line.write(events(line.traffic))
    with running(tmp_path, line.config(is_at_end=True), "only") as cluster:
        cluster.wait_until_drained(line.final_watermark)
        assert cluster.stop() == [0]
    logs = dump_logs(kafka.bootstrap, line.topology)
    silent = logs["requests", 3]
    assert {record.key for record in silent} == {HEARTBEAT}
    assert {record.key for record in logs["control", 0]} == {HEARTBEAT}
    assert_same(*line.outcomes())


@pytest.mark.slow
def test_two_workers_through_kills_a_pause_and_a_broker_crash_give_the_local_runtimes_bytes(
    own_kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    traffic = Traffic(number=40_000, accounts=1_000, span=160_000, silent=(0.4, 0.6))
    line = Line(own_kafka, tmp_path, "faults", traffic)
    config = line.config(is_at_end=False)
    assert config.clock is not None
    with running(tmp_path, config, "a", "b") as cluster:
        writing = written_while(line, config.clock.wall_start_s)
        go_through_faults(cluster, own_kafka)
        writing.join(120)
        assert not writing.is_alive()
        assert writing.failures == []  # type: ignore[attr-defined]
        cluster.wait_until_drained(line.final_watermark)
        assert cluster.stop() == [0, 0]
    found, wanted = line.outcomes()
    assert sum(len(found.sinks["decisions", partition]) for partition in range(4)) > 300
    assert_same(found, wanted)


def go_through_faults(cluster: Cluster, kafka: EmbeddedKafka) -> None:
    cluster.wait_for_all_lanes()
    cluster.kill("a")
    cluster.spawn("a")
    cluster.wait_for_all_lanes()
    cluster.pause("b")  # until its session has ended and another has taken over
    cluster.wait_for(lambda: cluster.owns_all("a"), "the other worker takes over")
    cluster.resume("b")  # a zombie now: what it still tries to commit must fail
    cluster.wait_for_all_lanes()
    kafka.kill()
    kafka.start()
    cluster.wait_for_all_lanes()
    cluster.kill("b")
    cluster.spawn("b")
    cluster.wait_for_all_lanes()
