"""Operators' words on their way to Redis, ahead of the decisions that will follow from them.

`InterimWords` hears the control topic from its beginning (an exemption of last year still holds),
says what each word comes to until DECISIONS has heard it (`decisions/interim.py`), and keeps what is
not over, so that a Redis that was lost is told again.

An interim's version is (when it was spoken, place in the topic).  Heard twice, or written twice, or
after the decision that took it up, it changes nothing: see `lua/interim.lua`.
"""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from stream_guard.clock import Clock, SystemClock
from stream_guard.decisions.interim import Interim, InterimDesk
from stream_guard.decisions.policy import Policy
from stream_guard.errors import InvalidEvent
from stream_guard.sinks.entry import Sequenced
from stream_guard.wire.controls import decode_control

Spoken = tuple[Interim, int]
"""An interim, and the place of its word in the topic."""

FUTURE_MS = 1_000  # an operator's clock may be ahead by so much; else his word waits for the decision


class InterimWords:
    """Takes messages of the control topic, in order; hands on what must be known at once.

    Bound: accounts spoken of within `interim.HOLD_MS`, and what the desk keeps.
    """

    def __init__(self, policy: Policy, clock: Clock | None = None) -> None:
        self._policy, self._clock = policy, clock or SystemClock()
        self._desk, self._heard = InterimDesk(policy), -1
        self._tell: Callable[[list[Spoken]], Any] = len
        self._standing: dict[str, Spoken] = {}
        self._lock = Lock()

    def tell(self, listener: Callable[[list[Spoken]], None]) -> None:
        """``listener`` is called with what must be known at once, in the thread that calls `take`."""
        self._tell = listener

    def take(self, messages: Iterable[Sequenced]) -> None:
        """Hear words, each once; what is none (heartbeats, dead letters) is passed over.

        A topic that was made anew, or is read from its beginning, begins again.
        """
        now, news = self._clock.now_ms(), list[Spoken]()
        for value, sequence in messages:
            if sequence == 0:
                self._desk, self._heard = InterimDesk(self._policy), -1
            if sequence <= self._heard:
                continue
            self._heard = sequence
            try:
                control = decode_control(value)
            except InvalidEvent:
                continue
            news += [
                (interim, sequence)
                for interim in self._desk.hear(control)
                if interim.until > now and interim.at <= now + FUTURE_MS
            ]
        if news:
            self._keep(news, now)
            self._tell(news)

    def standing(self) -> list[Spoken]:
        """What is not over; from any thread."""
        with self._lock:
            now = self._clock.now_ms()
            return [spoken for spoken in self._standing.values() if spoken[0].until > now]

    def _keep(self, news: list[Spoken], now: int) -> None:
        with self._lock:
            self._standing = {name: each for name, each in self._standing.items() if each[0].until > now}
            for interim, sequence in news:
                known = self._standing.get(interim.account_id)
                if known is None or (known[0].at, known[1]) <= (interim.at, sequence):
                    self._standing[interim.account_id] = interim, sequence


def standing_words(policy: Policy, said: Iterable[Sequenced], clock: Clock | None = None) -> list[Spoken]:
    """What all that was said comes to now, as far as it is not over."""
    words = InterimWords(policy, clock)
    words.take(said)
    return words.standing()
