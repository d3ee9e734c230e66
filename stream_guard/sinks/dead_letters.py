"""Counts dead letters by reason and keeps the newest few, for summaries and the terminal.

The letters themselves are in `guard.dead-letters.v1`, or in a file beside a replay's output; what
is shown of a message was redacted where the letter was written (`runtime/lane.py`).
"""

from collections import Counter, deque
from collections.abc import Iterable

import msgspec

from stream_guard.records import DeadLetter

KEPT = 20


class DeadLetterTally:
    """What went wrong so far.  Bound: one count per stream and reason, `KEPT` letters."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.newest: deque[DeadLetter] = deque(maxlen=KEPT)
        self._decode = msgspec.json.Decoder(DeadLetter).decode

    def push(self, messages: Iterable[tuple[bytes | None, bytes]]) -> None:
        """Take dead letters as the stream hands them out."""
        for _, value in messages:
            letter = self._decode(value)
            self.counts[letter.stream, letter.reason] += 1
            self.newest.append(letter)

    @property
    def total(self) -> int:
        """How many were written; more may have been capped (``dead_letters_capped``)."""
        return self.counts.total()
