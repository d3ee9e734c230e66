"""Sends an operator's word to the stream, and waits until Kafka has it.

`speak` is what the command line and the console call; `words_in` reads back what was said.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream_guard.decisions.control import fault_in_control
from stream_guard.errors import BrokerUnavailable, ConfigurationError, InvalidEvent
from stream_guard.records import Control, pack_json
from stream_guard.wire.controls import decode_control

CONTROL_TOPIC = "guard.control.v1"
ANSWER_MS = 10_000


class ControlWriter:
    """Writes `Control` records, acknowledged by all replicas; used by the command line and the console.

    Every method raises BrokerUnavailable when Kafka does not answer: nothing may be taken as said
    then, and saying it again is harmless.
    """

    def __init__(self, bootstrap: str, topic: str = CONTROL_TOPIC) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        try:
            self._producer: Any = KafkaProducer(
                bootstrap_servers=bootstrap,
                acks="all",
                enable_idempotence=True,
                bootstrap_timeout_ms=ANSWER_MS,
                max_block_ms=ANSWER_MS,
                request_timeout_ms=ANSWER_MS,
                delivery_timeout_ms=2 * ANSWER_MS,
            )
        except KafkaError as error:
            raise self._unavailable(error) from error

    def send(self, control: Control) -> tuple[int, int]:
        """Send one record, keyed by its subject; returns partition and offset once it is safe."""
        try:
            sent = self._producer.send(self._topic, key=control.subject.encode(), value=pack_json(control))
            place = sent.get(timeout=2 * ANSWER_MS / 1000)
        except KafkaError as error:
            raise self._unavailable(error) from error
        return place.partition, place.offset

    def close(self) -> None:
        """Close the connections."""
        self._producer.close(timeout=1)

    def _unavailable(self, error: KafkaError) -> BrokerUnavailable:
        return BrokerUnavailable(f"{self._bootstrap}: writing to {self._topic} failed: {error!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def speak(bootstrap: str, *words: Control) -> None:
    """Send words, once all of them make sense; ConfigurationError or BrokerUnavailable."""
    for word in words:
        if fault := fault_in_control(word):
            raise ConfigurationError(fault)
    with ControlWriter(bootstrap) as writer:
        for word in words:
            writer.send(word)


def words_in(values: Iterable[bytes]) -> list[Control]:
    """The words among messages of the control topic; heartbeats and what became a dead letter are none."""
    words = []
    for value in values:
        try:
            words.append(decode_control(value))
        except InvalidEvent:
            continue
    return words


def exemptions_at(said: Iterable[Control], now: float) -> list[Control]:
    """Exemptions that hold at ``now``, by subject: of each subject the newest word counts."""
    return [
        word for word in _newest(said, ("exempt", "unexempt")) if word.verb == "exempt" and _lasts(word, now)
    ]


def shadows_at(said: Iterable[Control], now: float) -> list[Control]:
    """What is in shadow at ``now`` by an operator's word."""
    return [word for word in _newest(said, ("shadow",)) if word.value == "on" and _lasts(word, now)]


def _newest(said: Iterable[Control], verbs: tuple[str, ...]) -> list[Control]:
    """Of each subject the word that was spoken last, by subject."""
    newest: dict[str, Control] = {}
    for word in said:
        known = newest.get(word.subject)
        if word.verb in verbs and (known is None or known.spoken_at <= word.spoken_at):
            newest[word.subject] = word
    return [word for _, word in sorted(newest.items())]


def _lasts(word: Control, now: float) -> bool:
    return word.expires_at is None or word.expires_at > now
