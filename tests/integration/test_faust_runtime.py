"""The Faust runtime on a real Kafka against the local runtime on the same log."""

from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM

import msgspec
import pytest

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.records import DeadLetter
from stream_guard.runtime.lane import HEARTBEAT
from stream_guard.topology import DEAD_LETTERS
from tests.support.cluster import running
from tests.support.comparison import dump_logs
from tests.support.kafka import read_topics, write_all
from tests.support.line import Feed, Line, PacedWriter, go_through_faults, real_feed, toy_feed
from tests.support.runs import Outcome, assert_same
from tests.support.traffic import Traffic

pytestmark = pytest.mark.kafka


def decisions_of(outcome: Outcome) -> int:
    return sum(len(messages) for (stream, _), messages in outcome.sinks.items() if stream == "decisions")


def test_one_worker_gives_the_local_runtimes_bytes_also_after_sigkill(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "drain", toy_feed(Traffic(number=20_000, span=120_000)))
    line.write(line.feed.events[:10_000])
    with running(tmp_path, line.config(), "first") as cluster:
        cluster.wait_for(lambda: cluster.figures("first").get("sent", {}).get("decisions"), "first decisions")
        cluster.kill("first")
        line.write(line.feed.events[10_000:])
        cluster.spawn("second")
        cluster.wait_until_drained(line.final_watermark)
        assert cluster.figures("second")["recovered"]["rows"] > 0
        assert cluster.stop() == [0]
        assert cluster.self_exits == []
    found, wanted = line.outcomes()
    assert decisions_of(found) > 100
    assert_same(found, wanted)


def test_bad_records_are_buried_the_far_future_is_bounded_and_the_rest_goes_on(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "bad", toy_feed(Traffic(number=400, span=10_000)))
    far = b'{"account":"far","at":%d,"value":1,"indicators":["x"]}' % (line.feed.start + 10**12)
    unlucky = b'{"account":"u","at":%d,"value":13000000,"indicators":[]}' % line.feed.start
    topic = line.topic("requests")
    bad: list[bytes | None] = [b"not json", None, unlucky]
    write_all(kafka.bootstrap, [(topic, 0, b"k", value) for value in bad])
    line.write(line.feed.events)
    write_all(kafka.bootstrap, [(topic, 0, b"far", far)])
    with running(tmp_path, line.config(), "only") as cluster:
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
    line = Line(kafka, tmp_path, "silent", toy_feed(Traffic(number=1_000, span=20_000, silent=(0.0, 1.0))))
    line.write(line.feed.events)
    with running(tmp_path, line.config(), "only") as cluster:
        cluster.wait_until_drained(line.final_watermark)
        assert cluster.stop() == [0]
    logs = dump_logs(kafka.bootstrap, line.topology)
    assert {record.key for record in logs["requests", 3]} == {HEARTBEAT}
    assert {record.key for record in logs["control", 0]} == {HEARTBEAT}
    assert_same(*line.outcomes())


def toy_through_faults() -> tuple[Feed, float]:
    """The toy, whose numbers show every loss, and event time four times as fast as the clock."""
    traffic = Traffic(number=40_000, accounts=1_000, span=160_000, silent=(0.4, 0.6), sharers_percent=20)
    return toy_feed(traffic), 4.0


def real_through_faults() -> tuple[Feed, float]:
    """The real line: models, evidence, policy, an operator's words."""
    return real_feed(number=20_000, accounts=500), 15.0


@pytest.mark.slow
@pytest.mark.parametrize("made", [toy_through_faults, real_through_faults], ids=["toy", "real"])
def test_two_workers_through_kills_a_pause_and_a_broker_crash_give_the_local_runtimes_bytes(
    own_kafka: EmbeddedKafka, tmp_path: Path, made: Callable[[], tuple[Feed, float]]
) -> None:
    feed, speed = made()
    line = Line(own_kafka, tmp_path, "faults", feed)
    config = line.config(speed)
    assert config.clock is not None
    with running(tmp_path, config, "a", "b") as cluster:
        writer = PacedWriter(line, config.clock)
        writer.start()
        go_through_faults(cluster, own_kafka)
        writer.finish()
        cluster.wait_until_drained(line.final_watermark)
        # One that was started again a moment ago may not have its handler yet; what is durable is the same.
        assert set(cluster.stop()) <= {0, -SIGTERM}
    found, wanted = line.outcomes()
    assert decisions_of(wanted) > 100
    assert sum(map(len, wanted.rows.values())) > 1_000
    assert_same(found, wanted)
