"""Where the console gets what it shows: followed, lost, found again; on a real Kafka and a real Valkey."""

import gc
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_guard.bootstrap import build_topology
from stream_guard.cli.top_view import snapshot
from stream_guard.console.sources import Sources
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import free_port
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.records import Control, Decision, pack_json
from stream_guard.runtime.topics import ensure_topics
from stream_guard.settings import ConsoleSettings, KafkaSettings, RedisSettings, Settings
from stream_guard.sinks import decision_log
from stream_guard.sinks.control import speak
from stream_guard.sinks.entry import read_entry
from stream_guard.sinks.redis_keys import connect
from stream_guard.sinks.redis_writer import DecisionWriter
from tests.conftest import start_or_skip
from tests.support.decisions import FAR, decision
from tests.support.kafka import write_all
from tests.support.polling import until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # kafka-python, once per refusal
]
PATIENCE_S = 60


@pytest.fixture
def settings(
    own_kafka: EmbeddedKafka,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Settings]:
    """A Kafka with our topics, a Valkey, and no worker."""
    caplog.set_level(logging.CRITICAL, "kafka")  # captured records would keep its sockets alive
    monkeypatch.setattr(decision_log, "ANSWER_MS", 1_000)  # patience with a broker that was killed
    server = EmbeddedValkey(tmp_path / "valkey")
    start_or_skip(server)
    made = Settings(
        kafka=KafkaSettings(bootstrap=own_kafka.bootstrap),
        redis=RedisSettings(url=server.url),
        console=ConsoleSettings(metrics=(f"http://127.0.0.1:{free_port()}/metrics",)),
    )
    ensure_topics(build_topology(made), made.kafka)
    yield made
    server.stop()
    gc.collect()  # here, where the filter above holds


def publish(settings: Settings, *decisions: Decision) -> None:
    """As the worker's outlet: keyed, in one partition per account."""
    topic = "guard.decisions.v1"
    write_all(settings.kafka.bootstrap, ((topic, 0, d.account_id.encode(), pack_json(d)) for d in decisions))


@pytest.mark.slow
def test_a_console_follows_says_what_is_lost_falls_back_and_goes_on(
    settings: Settings, own_kafka: EmbeddedKafka
) -> None:
    publish(settings, decision("old"), decision("old", "throttle", 1_700_000_001.0))
    speak(settings.kafka.bootstrap, Control(verb="exempt", subject="a", spoken_at=1.0, author="ann"))
    with Sources(settings) as sources:
        until(lambda: sources.state().is_complete, PATIENCE_S, "all topics are read")
        assert [each.action for each in sources.memory.history("old")] == ["throttle", "block"]
        assert [word.author for word in sources.memory.words()] == ["ann"]

        own_kafka.kill()
        until(lambda: sources.state().errors, PATIENCE_S, "the loss is noticed")
        put_into_redis(settings, decision("only in redis"))
        assert sources.decision("only in redis") is not None
        until(lambda: sources.state().is_from_redis, PATIENCE_S, "decisions come from Redis")
        assert sources.memory.decision("only in redis") is not None

        own_kafka.restart()
        publish(settings, decision("new"))
        until(lambda: sources.memory.decision("new"), PATIENCE_S, "new decisions come again")
        assert len(sources.memory.history("old")) == 2, "nothing is counted twice"
        until(lambda: sources.state().is_complete, PATIENCE_S, "all is followed again")


def test_a_snapshot_says_what_is_held_and_that_no_worker_answers(settings: Settings) -> None:
    now = time.time()
    publish(settings, decision("a1", decided_at=now - 5), decision("a2", "throttle", now - 4, FAR))
    with Sources(settings, has_profiles=False) as sources:
        until(lambda: sources.state().is_complete and sources.meters.looked, PATIENCE_S, "all is read")
        seen = snapshot(sources, now)
    assert seen.is_complete
    assert seen.holding["block"] == {"force": 1, "shadow": 0}
    assert [each.account_id for each in seen.decisions] == ["a2", "a1"]
    assert [look.level for look in seen.looks] == ["bad"]
    assert "No worker answers" in seen.looks[0].text


def put_into_redis(settings: Settings, each: Decision) -> None:
    writer = DecisionWriter(connect(settings.redis.url))
    assert writer.write([read_entry(pack_json(each), 0)]).written == 1
    writer.close()
