"""Where everything comes from: threads that follow topics, Redis while Kafka is away, workers' metrics.

| source | for |
| --- | --- |
| `guard.decisions.v1` | what holds, and what held as far as compaction left it |
| `guard.campaigns.v1` | campaigns |
| `guard.control.v1` | what operators said |
| `guard.profiles.v1` | what an account's models measure; kept for a day by Kafka |
| Redis | the newest decisions while Kafka can not be read, and accounts that left our memory |
| workers' metrics | events per second, lag, delay |
"""

from threading import Event, Thread
from types import TracebackType
from typing import NamedTuple, Self

import structlog

from stream_guard.console.memory import Memory
from stream_guard.console.meters import Meters
from stream_guard.errors import InvalidEvent, StoreUnavailable
from stream_guard.records import Decision
from stream_guard.settings import Settings
from stream_guard.sinks.control import CONTROL_TOPIC, words_in
from stream_guard.sinks.decision_log import DECISIONS_TOPIC, DecisionLog
from stream_guard.sinks.decision_store import RedisDecisionStore
from stream_guard.sinks.topic_follower import TopicFollower

CAMPAIGNS_TOPIC = "guard.campaigns.v1"
PROFILES_TOPIC = "guard.profiles.v1"
FALLBACK_EVERY_S = 5.0
FALLBACK_DECISIONS = 1_000
log = structlog.get_logger(__name__)


class State(NamedTuple):
    """Whether what is shown can be trusted to be all."""

    is_complete: bool  # all topics were read to their end, and are being followed
    errors: tuple[str, ...]  # topics that can not be read, and why
    is_from_redis: bool  # decisions come from Redis


class Sources:
    """Fills a `Memory` and `Meters` from threads of their own; a context manager."""

    def __init__(self, settings: Settings, *, has_profiles: bool = True) -> None:
        bootstrap, telemetry = settings.kafka.bootstrap, settings.telemetry
        self.memory = Memory(settings.console.keep_accounts)
        self.false_blocks_per_100k = settings.budget.false_blocks_per_100k_account_days
        usual = f"http://{telemetry.metrics_host}:{telemetry.metrics_port}/metrics"
        self.meters = Meters(settings.console.metrics or (usual,))
        takers = {
            DECISIONS_TOPIC: self.memory.take_decisions,
            CAMPAIGNS_TOPIC: self.memory.take_campaigns,
            CONTROL_TOPIC: lambda messages: self.memory.take_words(words_in(value for value, _ in messages)),
        }
        if has_profiles:
            takers[PROFILES_TOPIC] = self.memory.take_frames
        self._followers = {
            topic: TopicFollower(DecisionLog(bootstrap, topic), take) for topic, take in takers.items()
        }
        self._store = RedisDecisionStore(settings.redis.url)
        self._closing = Event()
        self._fallback = Thread(target=self._fall_back, name="console-fallback", daemon=True)
        self._is_from_redis = False

    def state(self) -> State:
        """How far the followers are."""
        statuses = {topic: follower.status for topic, follower in self._followers.items()}
        return State(
            all(status.is_caught_up for status in statuses.values()),
            tuple(status.error for status in statuses.values() if status.error),
            self._is_from_redis,
        )

    def decision(self, account_id: str) -> Decision | None:
        """The newest decision on an account: from memory, else from Redis; None if neither has one."""
        known = self.memory.decision(account_id)
        if known is not None:
            return known
        try:
            return self._store.get(account_id)
        except (StoreUnavailable, InvalidEvent) as error:
            log.warning("redis_unreadable", error=str(error))
            return None

    def _fall_back(self) -> None:
        while not self._closing.wait(FALLBACK_EVERY_S):
            status = self._followers[DECISIONS_TOPIC].status
            if not status.error:
                self._is_from_redis = False
                continue
            try:
                for decision in self._store.newest(FALLBACK_DECISIONS):
                    self.memory.take_decision(decision, 0)
            except (StoreUnavailable, InvalidEvent) as error:
                log.warning("redis_unreadable", error=str(error))
            else:
                self._is_from_redis = True

    def __enter__(self) -> Self:
        for follower in self._followers.values():
            follower.start()
        self.meters.start()
        self._fallback.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.meters.close()
        for follower in self._followers.values():
            follower.close()
        self._fallback.join(5.0)
        self._store.close()
