"""Event lines, as far as evaluation looks at them: whose, when, answered or not.

Every format that the stages read is read.  A repeated ``event_id`` is the same request and counts
once; the last `REMEMBERED` ids are known.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from stream_guard.errors import InvalidEvent
from stream_guard.wire.native import EventDecoder

REMEMBERED = 1_000_000
YEAR_3000 = 32_503_680_000.0


class Seen(Struct, gc=False):
    """One request."""

    event_id: str
    account_id: str
    occurred_at: float
    status: int | None = None

    @property
    def is_answered(self) -> bool:
        """Whether it was an exchange; a request without a status is taken to have been answered."""
        return self.status is None or self.status < 400


class Reader:
    """Lines to requests.  Bound: `REMEMBERED` ids."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self.unreadable = 0
        self.repeated = 0
        self._decode: Callable[[bytes], Seen] = msgspec.json.Decoder(Seen).decode
        self._lenient = EventDecoder().decode
        self._newer: set[str] = set()
        self._older: set[str] = set()
        self._half = max(1, remembered // 2)

    def read(self, line: bytes) -> Seen | None:
        """The request, or None if it can not be read or was seen before."""
        try:
            seen = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_leniently(line)
        if not 0 < seen.occurred_at < YEAR_3000:
            self.unreadable += 1
            return None
        return None if self._is_repeated(seen.event_id) else seen

    def _read_leniently(self, line: bytes) -> Seen | None:
        try:
            event = self._lenient(line)
        except InvalidEvent:
            self.unreadable += 1
            return None
        if self._is_repeated(event.event_id):
            return None
        return Seen(event.event_id, event.account_id, event.occurred_at, event.status)

    def _is_repeated(self, event_id: str) -> bool:
        if event_id in self._newer or event_id in self._older:
            self.repeated += 1
            return True
        self._newer.add(event_id)
        if len(self._newer) >= self._half:
            self._older, self._newer = self._newer, set()
        return False
