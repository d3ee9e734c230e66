"""A log that lost what a lane had not read yet, and logs and changelogs made anew under an old state."""

from pathlib import Path

import pytest
from confluent_kafka import OFFSET_END, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.runtime.exits import EXIT_CONFIGURATION, EXIT_FAILED
from stream_guard.runtime.topics import changelog_topic, ensure_topics
from tests.support.cluster import running
from tests.support.line import Line, toy_feed
from tests.support.polling import until
from tests.support.traffic import Traffic

pytestmark = pytest.mark.kafka


def test_a_lane_goes_on_behind_a_hole_and_refuses_a_log_made_anew(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "hole", toy_feed(Traffic(number=2_000, span=20_000)))
    admin, topic = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0}), line.topic("requests")
    line.write(line.feed.events[:1_000])
    with running(tmp_path, line.config(), "first") as cluster:
        cluster.wait_until_drained(line.final_watermark)
        assert cluster.stop() == [0]
    line.write(line.feed.events[1_000:])
    (removed,) = admin.delete_records([TopicPartition(topic, 0, OFFSET_END)]).values()
    assert removed.result().low_watermark > 0
    with running(tmp_path, line.config(), "second") as cluster:
        cluster.wait_for(
            lambda: cluster.lanes() and all(lane[0] == 0 for lane in cluster.lanes().values()), "lag 0"
        )
        assert "source_truncated" in cluster.log_tail("second")
        assert cluster.stop() == [0]
        admin.delete_topics([topic])[topic].result()
        until(lambda: topic not in admin.list_topics(timeout=10).topics, 30, "the topic has gone")
        ensure_topics(line.topology, line.settings)
        cluster.spawn("third")
        assert cluster.wait_for_exit("third") == EXIT_CONFIGURATION
        assert "source_shorter_than_state" in cluster.log_tail("third")


def test_a_lane_does_not_begin_anew_when_its_changelog_lacks_what_was_committed(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "emptied", toy_feed(Traffic(number=1_000, span=20_000)))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    line.write(line.feed.events)
    at_beginning = [TopicPartition(line.topic(step.reads), 0, 0) for step in line.topology.steps]
    (preset,) = admin.alter_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(line.settings.app_id, at_beginning)]
    ).values()
    preset.result()
    with running(tmp_path, line.config(), "first") as cluster:
        cluster.wait_until_drained(
            line.final_watermark
        )  # an offset set beforehand is no mark that is missing
        assert cluster.stop() == [0]
        changelog = changelog_topic(line.settings.app_id, line.topology.steps[-1])
        admin.delete_topics([changelog])[changelog].result()
        until(lambda: changelog not in admin.list_topics(timeout=10).topics, 30, "the changelog has gone")
        cluster.spawn("second")
        assert cluster.wait_for_exit("second") == EXIT_FAILED
        assert "changelog_incomplete" in cluster.log_tail("second")
