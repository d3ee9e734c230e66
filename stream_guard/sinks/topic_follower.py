"""Follows a topic in a thread: for whoever shows, or passes on, what the stream says.

As it comes a follower reads from the beginning; after an interruption it goes on where it was, and where
that is gone (the topic was made anew) it begins again.  So messages may come more than once, and
whoever takes them must not mind.  With a `Tail` it only ever reads what is new.

Glossary: *caught up* has read all that the topic held when it was opened.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import structlog

from stream_guard.errors import BrokerUnavailable
from stream_guard.sinks.decision_log import POLL_MS, DecisionLog
from stream_guard.sinks.entry import Sequenced
from stream_guard.sinks.redis_projection import RedisProjection

PAUSE_S = 1.0  # before a topic is opened again
SILENT_POLLS = 20  # some 5 s
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """How far a follower is."""

    is_caught_up: bool = False
    error: str = ""  # empty: the topic can be read


@dataclass(frozen=True, slots=True)
class Tail:
    """For who has another way to what lies before: each time that the topic is opened, only its end is read.

    ``opened`` is called then, in the follower's thread: what came before must be fetched otherwise.
    """

    opened: Callable[[], None]
    has_room: Callable[[float], bool]  # waits for so many seconds; while False nothing more is read


class TopicFollower:
    """A thread that hands each batch of messages to ``take``.

    ``take`` is called from that thread alone.  Memory: one batch, at most 500 messages.
    """

    def __init__(
        self, topic: DecisionLog, take: Callable[[list[Sequenced]], None], tail: Tail | None = None
    ) -> None:
        self._log = topic
        self._take = take
        self._tail = tail
        self._positions: dict[Any, int] = {}
        self._closing = Event()
        self._thread = Thread(target=self._run, name=f"follower-{topic.topic}", daemon=True)
        self.status = FollowerStatus()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop reading."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 - the outermost loop: a dead thread would show old things as new
                known = str(error) if isinstance(error, BrokerUnavailable) else repr(error)
                if not self.status.error:
                    log.warning("topic_unreadable", topic=self._log.topic, error=known)
                self.status = FollowerStatus(error=known)
                self._closing.wait(PAUSE_S)

    def _follow(self) -> None:
        with self._log.opened() as (consumer, found):
            for place, end in found.items():
                position = end if self._tail else self._positions.get(place, 0)
                if 0 < position <= end:
                    consumer.seek(place, position)
                else:
                    consumer.seek_to_beginning(place)
            if self._tail is not None:
                self._tail.opened()
            ends, silent = found, 0
            while not self._closing.is_set():
                if self._tail is not None and not self._tail.has_room(POLL_MS / 1000):
                    continue
                messages = self._log.poll(consumer)
                self._take(messages)
                silent = 0 if messages else silent + 1
                if silent >= SILENT_POLLS:
                    # A poll says nothing of a broker that is gone; being asked, the client does.
                    ends, silent = consumer.end_offsets(list(found)), 0
                self._positions = {place: consumer.position(place) for place in ends}
                behind = [place for place, end in ends.items() if self._positions[place] < end]
                self.status = FollowerStatus(is_caught_up=not behind)


def follow_decisions(decisions: DecisionLog, projection: RedisProjection) -> TopicFollower:
    """A follower that pushes the decisions topic's tail to a projection, which fetches the rest by a refill.

    Nothing is missed, and no position is kept anywhere.  Bound: the topic is the buffer.  While half of
    what the projection can hold is pending (Redis is down), nothing more is read.
    """
    return TopicFollower(decisions, projection.push, Tail(projection.refill, projection.wait_for_room))
