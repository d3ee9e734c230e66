"""The decisions topic as the source of truth of Redis, on a real broker."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from redis import Redis

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.errors import BrokerUnavailable, StoreUnavailable
from stream_guard.records import Control, Decision, pack_json
from stream_guard.settings import RedisSettings
from stream_guard.sinks.control import ControlWriter
from stream_guard.sinks.decision_log import DecisionLog, rebuild
from stream_guard.sinks.decision_store import RedisDecisionStore
from stream_guard.sinks.redis_projection import ProjectionConfig, RedisProjection
from stream_guard.sinks.topic_follower import follow_decisions
from tests.support.decisions import decision
from tests.support.polling import until
from tests.support.redis_servers import Servers

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
PARTITIONS = 3


@pytest.fixture
def broker(kafka: EmbeddedKafka) -> str:
    return kafka.bootstrap


@pytest.fixture
def decisions(broker: str, request: pytest.FixtureRequest) -> DecisionLog:
    """A decisions topic of this test's own."""
    create_topic(broker, request.node.name, PARTITIONS)
    return DecisionLog(broker, request.node.name)


def create_topic(broker: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": broker})
    created = admin.create_topics([NewTopic(topic, partitions, config={"cleanup.policy": "compact"})])
    created[topic].result(30)


@contextmanager
def transaction(log: DecisionLog) -> Iterator[Callable[[Decision], None]]:
    """Writes decisions in one transaction; aborted if the block raises; over when it returns."""
    producer = producer_of(log)
    producer.begin_transaction()

    def write(each: Decision) -> None:
        partition = sum(each.account_id.encode()) % PARTITIONS
        producer.produce(log.topic, pack_json(each), each.account_id.encode(), partition)

    try:
        yield write
    except BaseException:
        producer.flush(30)
        producer.abort_transaction(30)
        producer_of(log)
        raise
    producer.commit_transaction(30)
    producer_of(log)


def producer_of(log: DecisionLog) -> Producer:
    """A transactional producer; its id is given when the broker is done with the last one's transaction.

    A commit is answered before its markers are written, and until then a reader sees a part of it.
    """
    producer = Producer({"bootstrap.servers": log.bootstrap, "transactional.id": log.topic})
    producer.init_transactions(30)
    return producer


def eventually(is_true: Callable[[], bool]) -> None:
    until(is_true, 60, "Redis did not get there")


class Aborted(Exception):
    """Ends a transaction on purpose."""


def test_an_empty_topic_holds_nothing(decisions: DecisionLog) -> None:
    assert list(decisions.everything()) == []


def test_everything_is_what_was_committed_and_nothing_else(decisions: DecisionLog) -> None:
    with transaction(decisions) as write:
        for i in range(1_000):
            write(decision(f"a{i}"))
    with suppress(Aborted), transaction(decisions) as write:
        write(decision("aborted"))
        raise Aborted
    found = [msgspec.json.decode(value)["account_id"] for value, _ in decisions.everything()]
    assert sorted(found) == sorted(f"a{i}" for i in range(1_000))


def test_a_lost_redis_is_rebuilt_from_the_topic(decisions: DecisionLog, redis_servers: Servers) -> None:
    url = redis_servers("valkey")
    with transaction(decisions) as write:
        for at in (1_700_000_000.0, 1_700_000_001.0):
            for i in range(600):
                write(decision(f"a{i}", "throttle" if at % 2 else "block", decided_at=at))
    seen: list[int] = []
    counts = rebuild(decisions, RedisSettings(url=url), seen.append)
    assert counts == (600, 0, 0)
    assert seen == [500, 600]
    store = RedisDecisionStore(url)
    try:
        assert store.tally() == {"throttle": 600}
        assert sum(rebuild(decisions, RedisSettings(url=url))) == 600, "doing it again changes nothing"
        assert store.tally() == {"throttle": 600}
    finally:
        store.close()


@contextmanager
def following(decisions: DecisionLog, url: str) -> Iterator[RedisDecisionStore]:
    """A follower and its projection at work, and what they wrote."""
    quick = ProjectionConfig(probe_s=0.02, backoff_s=(0.01, 0.05))
    projection, store = RedisProjection(url, decisions.everything, quick), RedisDecisionStore(url)
    follower = follow_decisions(decisions, projection)
    follower.start()
    projection.start()
    try:
        yield store
    finally:
        follower.close(30)
        projection.close(30)
        store.close()


def test_the_follower_brings_old_and_new_decisions_and_heals_a_lost_redis(
    decisions: DecisionLog, redis_servers: Servers
) -> None:
    url = redis_servers("valkey")
    with transaction(decisions) as write:
        write(decision("old"))
    with following(decisions, url) as store:
        eventually(lambda: store.get("old") is not None)
        with transaction(decisions) as write:
            write(decision("new"))
        eventually(lambda: store.get("new") is not None)
        with Redis.from_url(url) as client:
            client.flushall()
        eventually(lambda: store.tally() == {"block": 2})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # kafka-python, once per refusal
def test_the_follower_goes_on_when_the_broker_comes_back(
    own_kafka: EmbeddedKafka, redis_servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "kafka")  # captured records would keep its sockets alive
    create_topic(own_kafka.bootstrap, "decisions", PARTITIONS)
    decisions = DecisionLog(own_kafka.bootstrap, "decisions")
    with following(decisions, redis_servers("valkey")) as store:
        with transaction(decisions) as write:
            write(decision("before"))
        eventually(lambda: store.get("before") is not None)
        own_kafka.restart()
        with transaction(decisions) as write:
            write(decision("after"))
        eventually(lambda: store.get("after") is not None)
    gc.collect()  # here, where the filter above holds


def test_what_can_not_be_reached_is_named(broker: str, decisions: DecisionLog) -> None:
    with pytest.raises(BrokerUnavailable, match="no topic nowhere: start a worker"):
        list(DecisionLog(broker, "nowhere").everything())
    with pytest.raises(StoreUnavailable, match=r"127.0.0.1:1/0 does not answer"):
        rebuild(decisions, RedisSettings(url="redis://127.0.0.1:1/0"))


def test_an_operators_word_is_in_the_topic_when_send_returns(broker: str) -> None:
    topic = "control-test"
    create_topic(broker, topic, 1)
    word = Control(verb="revoke", subject="a1", spoken_at=1_700_000_000.0, author="ann", note="known good")
    with ControlWriter(broker, topic) as writer:
        assert writer.send(word) == (0, 0)
        assert writer.send(word) == (0, 1)
    reader = Consumer(
        {"bootstrap.servers": broker, "group.id": "test", "auto.offset.reset": "earliest"},
    )
    reader.subscribe([topic])
    try:
        message = reader.poll(30)
        assert message is not None
        assert message.key() == b"a1"
        assert msgspec.json.decode(message.value() or b"", type=Control) == word
    finally:
        reader.close()
