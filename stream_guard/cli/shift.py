"""Moving recorded events to the present.

All times of an event move by the same step, so that ages and gaps stay what they were.
"""

from typing import Any

import msgspec

TIMES = ("occurred_at", "account_created_at")
DAY_S = 86_400.0


def whole_days(newest: float, now: float) -> float:
    """Seconds to add so that ``newest`` comes to lie within the last day before ``now``.

    Whole days, so that hours of the day stay what they are, and the same file always gives the
    same decisions.

    >>> whole_days(10.0, 86_400.0 * 3 + 11)
    259200.0
    """
    return (now - newest) // DAY_S * DAY_S


class Shifter:
    """Adds a step to all times of a line; counts lines whose times it can not find."""

    def __init__(self) -> None:
        self.left_alone = 0
        self._decode = msgspec.json.Decoder(dict[str, Any]).decode
        self._encode = msgspec.json.Encoder().encode

    def shift(self, line: bytes, step: float) -> bytes:
        """``line`` with its times moved by ``step`` seconds."""
        from stream_guard.errors import InvalidEvent
        from stream_guard.wire.times import read_time

        try:
            tree = self._decode(line)
            times = {name: read_time(tree[name], name) for name in TIMES if tree.get(name) is not None}
        except (msgspec.DecodeError, UnicodeDecodeError, InvalidEvent):
            self.left_alone += 1
            return line
        if not all(isinstance(value, int | float) for value in times.values()) or "occurred_at" not in times:
            self.left_alone += 1
            return line
        tree.update({name: value + step for name, value in times.items()})
        return self._encode(tree)
