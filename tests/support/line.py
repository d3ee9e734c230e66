"""One app with topics of its own on a broker, its traffic, and what comes out of it twice."""

import json
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.runtime.topics import ensure_topics
from stream_guard.settings import KafkaSettings
from tests.benchmarks.line_traffic import steady
from tests.support.cluster import Cluster
from tests.support.comparison import dump_logs, outcome_locally, outcome_on_kafka
from tests.support.kafka import Writer, write_all
from tests.support.runs import Outcome
from tests.support.topologies import TOY, load_topology
from tests.support.traffic import Event, Traffic, events
from tests.support.worker import TestClock, WorkerConfig

AFTER_MS = 20_000  # event time that passes after the last event
REAL = "stream_guard.bootstrap:build_topology"


class Feed(NamedTuple):
    """A topology and events for its requests."""

    factory: str
    events: Sequence[Event]

    @property
    def start(self) -> int:
        return min(event.at for event in self.events[:1000])

    @property
    def end(self) -> int:
        return max(event.at for event in self.events)


def toy_feed(traffic: Traffic) -> Feed:
    return Feed(TOY, list(events(traffic)))


def real_feed(number: int, accounts: int) -> Feed:
    """Ten minutes of the real line's traffic, and an operator who reports chargebacks and takes them back."""
    requests = load_topology(REAL).stream("requests")
    assert requests.decode is not None
    assert requests.time is not None
    made = []
    for i, (key, value) in enumerate(steady(number, accounts)):
        at = requests.time(requests.decode(value))
        made.append(Event(requests.partition(key.decode()), key, at, value))
        if i % 100 == 99:
            verb = "revoke" if i % 500 == 499 else "chargeback"
            word = {"verb": verb, "subject": key.decode(), "spoken_at": at / 1000, "author": "operator"}
            made.append(Event(0, key, at, json.dumps(word).encode(), "control"))
    return Feed(REAL, made)


class Line:
    """``feed``'s topology under ``name`` on a broker."""

    def __init__(self, kafka: EmbeddedKafka, directory: Path, name: str, feed: Feed) -> None:
        self.kafka, self.directory, self.feed = kafka, directory, feed
        self.prefix = f"{name}-"
        self.topology = load_topology(feed.factory, self.prefix)
        self.settings = KafkaSettings(
            bootstrap=kafka.bootstrap,
            app_id=f"{name}-app",
            session_timeout_s=3.0,
            data_dir=str(directory / "data"),
        )
        ensure_topics(self.topology, self.settings)
        self.end_ms = feed.end + AFTER_MS

    @property
    def final_watermark(self) -> int:
        """Where the last heartbeat leaves every lane."""
        last = self.end_ms - int(self.settings.idle_s * 1000) - self.topology.lateness_ms
        return last // self.topology.tick_ms * self.topology.tick_ms

    def config(self, speed: float = 0.0) -> WorkerConfig:
        """Of a worker whose clock runs ``speed`` times as fast as ours, or (0) stands at the end already."""
        start = self.feed.start if speed else self.end_ms
        clock = TestClock(start, time.time(), speed, self.end_ms)
        return WorkerConfig(
            kafka=self.settings, stats="", clock=clock, factory=self.feed.factory, prefix=self.prefix
        )

    def topic(self, stream: str) -> str:
        return self.topology.stream(stream).topic

    def write(self, some: Iterable[Event]) -> None:
        messages = ((self.topic(each.stream), each.partition, each.key, each.value) for each in some)
        write_all(self.kafka.bootstrap, messages)

    def outcomes(self) -> tuple[Outcome, Outcome]:
        """On Kafka, and locally."""
        found = outcome_on_kafka(self.kafka.bootstrap, self.topology, self.settings.app_id)
        return found, outcome_locally(self.topology, dump_logs(self.kafka.bootstrap, self.topology))


class PacedWriter(threading.Thread):
    """Writes a line's events as the clock of its workers reaches them."""

    def __init__(self, line: Line, clock: TestClock) -> None:
        super().__init__(daemon=True)
        self._line, self._clock = line, clock
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            writer = Writer(self._line.kafka.bootstrap)
            for event in self._line.feed.events:
                ahead_s = (event.at - self._clock.now_ms()) / 1000 / self._clock.speed
                if ahead_s > 0.02:
                    time.sleep(ahead_s)
                writer.write(self._line.topic(event.stream), event.partition, event.key, event.value)
            writer.close()
        except BaseException as error:  # noqa: BLE001 - raised in `finish`
            self._failure = error

    def finish(self) -> None:
        """Wait until all is written and acknowledged."""
        self.join(120)
        assert not self.is_alive()
        if self._failure is not None:
            raise self._failure


def go_through_faults(cluster: Cluster, kafka: EmbeddedKafka) -> None:
    """Two workers, a and b: SIGKILL, a pause longer than the session, a broker crash, SIGKILL."""
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
