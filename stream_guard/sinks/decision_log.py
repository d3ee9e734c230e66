"""Reads the decisions topic, the source of truth, and what operators said: all of it, and what comes.

``guard.decisions.v1`` is compacted: it holds at least the newest decision of every account.  Only
committed transactions are read.  A decision's offset is its sequence (`entry.py`): one account's
decisions all lie in one partition, in order.

`topic_follower.py` follows a topic; `rebuild` fills Redis once, from both topics.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from stream_guard.errors import BrokerUnavailable, StoreUnavailable
from stream_guard.settings import RedisSettings
from stream_guard.sinks.entry import Sequenced, newest_entries
from stream_guard.sinks.redis_keys import connect, without_password
from stream_guard.sinks.redis_projection import Standing, projection_config
from stream_guard.sinks.redis_writer import DecisionWriter, Written

DECISIONS_TOPIC = "guard.decisions.v1"
POLL_MS = 250
ANSWER_MS = 10_000  # a broker that is silent for longer is down


class DecisionLog:
    """The decisions topic on one cluster."""

    def __init__(self, bootstrap: str, topic: str = DECISIONS_TOPIC) -> None:
        self.bootstrap = bootstrap
        self.topic = topic

    def everything(self) -> Iterator[Sequenced]:
        """All that the topic holds now (`redis_projection.Everything`).

        Raises BrokerUnavailable if it can not be read to its end.
        """
        with self.opened() as (consumer, ends):
            consumer.seek_to_beginning()
            known, idle = [-1], 0
            while idle * POLL_MS < ANSWER_MS:
                positions = [consumer.position(place) for place in ends]
                if all(position >= end for position, end in zip(positions, ends.values(), strict=True)):
                    return
                idle = idle + 1 if positions == known else 0
                known = positions
                yield from self.poll(consumer)
            message = f"{self.bootstrap}: {self.topic} stopped short of its end: at {known}, want {ends}"
            raise BrokerUnavailable(message)

    @contextmanager
    def opened(self) -> Iterator[tuple[Any, dict[Any, int]]]:
        """A consumer of all partitions, and where they end now; foreign errors become BrokerUnavailable."""
        consumer = None
        try:
            consumer = KafkaConsumer(
                bootstrap_servers=self.bootstrap,
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                bootstrap_timeout_ms=ANSWER_MS,
                request_timeout_ms=ANSWER_MS,
                fetch_max_wait_ms=POLL_MS,
                reconnect_backoff_max_ms=1_000,
            )
            partitions = consumer.partitions_for_topic(self.topic)
            if not partitions:
                message = f"{self.bootstrap}: no topic {self.topic}: start a worker, it creates its topics"
                raise BrokerUnavailable(message)
            places = [TopicPartition(self.topic, partition) for partition in sorted(partitions)]
            consumer.assign(places)
            yield consumer, consumer.end_offsets(places)
        except KafkaError as error:
            message = f"{self.bootstrap}: reading {self.topic} failed: {error!r}"
            raise BrokerUnavailable(message) from error
        finally:
            if consumer is not None:
                consumer.close()

    def poll(self, consumer: Any) -> list[Sequenced]:
        """What came, waiting for a moment; a tombstone is no decision."""
        fetched = consumer.poll(timeout_ms=POLL_MS)
        return [
            (record.value, record.offset)
            for records in fetched.values()
            for record in records
            if record.value is not None
        ]


def rebuild(
    decisions: DecisionLog,
    redis: RedisSettings,
    progress: Callable[[int], None] | None = None,
    words: Standing = tuple,
) -> Written:
    """Write everything that the topic holds to Redis, once; ``progress`` gets the accounts done so far.

    ``words``: interims that stand (`words.standing_words`), written last.  Raises BrokerUnavailable or
    StoreUnavailable.  A running projection may go on meanwhile.
    """
    config = projection_config(redis)
    writer = DecisionWriter(connect(redis.url), config.keeping)
    done = Written(0, 0, 0)
    try:
        run_id, _ = writer.server()
        for group in newest_entries(decisions.everything(), config.max_pending):
            for start in range(0, len(group), config.batch):
                counts = writer.write(group[start : start + config.batch])
                done = Written(*map(sum, zip(done, counts, strict=True)))
                if progress is not None:
                    progress(sum(done))
        writer.write_words(list(words()))
        writer.mark(run_id)
    except RedisError as error:
        message = f"{without_password(redis.url)} does not answer: {error}"
        raise StoreUnavailable(message) from error
    finally:
        writer.close()
    return done
