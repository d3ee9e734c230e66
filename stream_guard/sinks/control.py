"""Sends an operator's word to the stream, and waits until Kafka has it."""

from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream_guard.errors import BrokerUnavailable
from stream_guard.records import Control, pack_json

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
