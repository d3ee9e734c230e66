"""Sending an operator's word to the stream, and reading back what was said."""

import time
from pathlib import Path
from typing import Any

from stream_guard.errors import ConfigurationError
from stream_guard.records import Control
from stream_guard.settings import Settings


def now() -> float:
    """The operator's clock, Unix seconds."""
    return time.time()


def send(settings: Settings, *words: Control) -> None:
    """Send words, once all of them make sense; ConfigurationError or BrokerUnavailable."""
    from stream_guard.decisions.control import fault_in_control
    from stream_guard.sinks.control import ControlWriter

    for word in words:
        if fault := fault_in_control(word):
            raise ConfigurationError(fault)
    with ControlWriter(settings.kafka.bootstrap) as writer:
        for word in words:
            writer.send(word)


def spoken(settings: Settings) -> list[Control]:
    """All that operators said and Kafka still keeps, in order."""
    from stream_guard.errors import InvalidEvent
    from stream_guard.sinks.control import CONTROL_TOPIC
    from stream_guard.sinks.decision_log import DecisionLog
    from stream_guard.wire.controls import decode_control

    words = []
    for value, _ in DecisionLog(settings.kafka.bootstrap, CONTROL_TOPIC).everything():
        try:
            words.append(decode_control(value))
        except InvalidEvent:
            continue  # a heartbeat, or what became a dead letter
    return sorted(words, key=lambda word: word.spoken_at)


def lines_of(path: Path) -> list[Any]:
    """The raw lines of a JSON-lines file, plain or compressed."""
    from stream_guard.wire.files import EventFile

    return list(EventFile(str(path)))
