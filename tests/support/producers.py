"""A producer at the seam of `EventEmitter` and kafka-python: acknowledges at once, keeps what was sent."""

import json
from collections.abc import Callable
from typing import Any


class Acknowledged:
    def add_callback(self, call: Callable[[Any], None]) -> "Acknowledged":
        call(None)
        return self

    def add_errback(self, call: Callable[[Any], None]) -> "Acknowledged":
        return self


class Kept:
    """What was sent, as JSON."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.raw: list[bytes] = []

    def __call__(self) -> "Kept":
        return self

    def send(self, topic: str, value: bytes, key: bytes) -> Acknowledged:
        event = json.loads(value)
        assert key == event["account_id"].encode()
        self.sent.append(event)
        self.raw.append(value)
        return Acknowledged()

    def close(self, timeout: float) -> None:
        del timeout
