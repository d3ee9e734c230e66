"""Sending an operator's word to the stream, and reading back what was said."""

import time
from pathlib import Path
from typing import Any

from stream_guard.cli.output import show_json, show_table
from stream_guard.records import Control
from stream_guard.settings import Settings


def now() -> float:
    """The operator's clock, Unix seconds."""
    return time.time()


def send(settings: Settings, *words: Control) -> None:
    """Send words, once all of them make sense; ConfigurationError or BrokerUnavailable."""
    from stream_guard.sinks.control import speak

    speak(settings.kafka.bootstrap, *words)


def spoken(settings: Settings) -> list[Control]:
    """All that operators said and Kafka still keeps, in order."""
    from stream_guard.sinks.control import CONTROL_TOPIC, words_in
    from stream_guard.sinks.decision_log import DecisionLog

    log = DecisionLog(settings.kafka.bootstrap, CONTROL_TOPIC)
    return sorted(words_in(value for value, _ in log.everything()), key=lambda word: word.spoken_at)


def lines_of(path: Path) -> list[Any]:
    """The raw lines of a JSON-lines file, plain or compressed."""
    from stream_guard.wire.files import EventFile

    return list(EventFile(str(path)))


def show(held: list[Control], *, endless: str, is_json: bool) -> None:
    """List words that hold; ``endless`` says until when one holds that has no end."""
    from stream_guard.decisions.explain import at

    if is_json:
        show_json(held)
        return
    rows = []
    for word in held:
        until = endless if word.expires_at is None else at(word.expires_at)
        rows.append((word.subject, at(word.spoken_at), until, word.author, word.note))
    show_table(("subject", "since", "until", "author", "note"), rows)
