"""Durations as people write them in a policy: "15m", "12h", "7d", or "until revoked".

Inside they are milliseconds; `FOREVER` stands for no end.  What expires does so on a whole minute,
because that is when ticks are sure to run (`runtime/lane.py`): an expiry is rounded up.
"""

import re
from functools import lru_cache

from stream_guard.clock import DAY_MS, HOUR_MS, MINUTE_MS

FOREVER = 1 << 62
UNTIL_REVOKED = "until revoked"
EXPECTED = f'a whole number and s, m, h or d, such as "15m" or "7d", or "{UNTIL_REVOKED}"'

_UNITS = {"s": 1000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])")


@lru_cache(maxsize=256)
def to_duration_ms(text: str) -> int | None:
    """Milliseconds of a duration; None if ``text`` is none.

    >>> to_duration_ms("15m"), to_duration_ms("7d"), to_duration_ms("a week")
    (900000, 604800000, None)
    """
    if text == UNTIL_REVOKED:
        return FOREVER
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None


def up_to_minute(at: int) -> int:
    """The first whole minute at or after ``at``; `FOREVER` stays."""
    return FOREVER if at >= FOREVER else -(-at // MINUTE_MS) * MINUTE_MS
