"""Follows a topic from its beginning, in a thread: for whoever shows what the stream says.

After an interruption it goes on where it was; where that is gone (the topic was made anew) it begins
again.  So messages may come more than once, and whoever takes them must not mind.

Glossary: *caught up* has read all that the topic held when it was opened.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import structlog

from stream_guard.errors import BrokerUnavailable
from stream_guard.sinks.decision_log import PAUSE_S, DecisionLog
from stream_guard.sinks.entry import Sequenced

SILENT_POLLS = 20  # some 5 s
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """How far a follower is."""

    is_caught_up: bool = False
    error: str = ""  # empty: the topic can be read


class TopicFollower:
    """A thread that hands each batch of messages to ``take``.

    ``take`` is called from that thread alone.  Memory: one batch, at most 500 messages.
    """

    def __init__(self, topic: DecisionLog, take: Callable[[list[Sequenced]], None]) -> None:
        self._log = topic
        self._take = take
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
                position = self._positions.get(place, 0)
                if 0 < position <= end:
                    consumer.seek(place, position)
                else:
                    consumer.seek_to_beginning(place)
            ends, silent = found, 0
            while not self._closing.is_set():
                messages = self._log.poll(consumer)
                self._take(messages)
                silent = 0 if messages else silent + 1
                if silent >= SILENT_POLLS:
                    # A poll says nothing of a broker that is gone; being asked, the client does.
                    ends, silent = consumer.end_offsets(list(found)), 0
                self._positions = {place: consumer.position(place) for place in ends}
                behind = [place for place, end in ends.items() if self._positions[place] < end]
                self.status = FollowerStatus(is_caught_up=not behind)
