"""Sends the events of a gateway to Kafka, without a request ever waiting for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

Event = Mapping[str, Any]
Sketch = Callable[[str], bytes]


@dataclass(slots=True)
class EmitterStatus:
    """What became of the events; counters only grow."""

    emitted: int = 0  # taken into the buffer
    delivered: int = 0  # acknowledged by Kafka
    dropped: int = 0  # the buffer was full, or Kafka refused for good
    invalid: int = 0  # no account, or what can not be written as JSON
    pending: int = 0  # emitted and neither delivered nor dropped


class EventEmitter:
    """Events in, acknowledged Kafka messages out, from a thread of its own."""

    @classmethod
    def to_kafka(
        cls, bootstrap: str, *, topic: str = "api.requests.v1", sketch: Sketch | None = None
    ) -> Self:
        """An emitter to a Kafka; ``sketch`` turns a prompt to 64 int8 (None: prompts are dropped)."""
        raise NotImplementedError

    def emit(self, event: Event | Callable[[], Event | None]) -> bool:
        """Take one event as in docs/events.md; False if it was dropped.  Never blocks, never raises.

        A callable is called later, in the emitter's thread, and gives the event (None: none): for
        what is dear to read off a request or an answer.  ``event_id`` and ``occurred_at`` are filled
        in (with the time of this call) where they are missing.  ``prompt`` (raw text) is reduced to
        ``prompt_sketch`` and ``prompt_chars`` in the emitter's thread and never leaves the process.
        """
        raise NotImplementedError

    def status(self) -> EmitterStatus:
        """A snapshot."""
        raise NotImplementedError

    def flush(self, timeout_s: float) -> bool:
        """Whether all that was emitted so far was delivered or dropped within ``timeout_s``."""
        raise NotImplementedError

    def close(self, timeout_s: float = 5.0) -> bool:
        """Send what is pending, for at most ``timeout_s``, then stop; whether all was sent."""
        raise NotImplementedError
