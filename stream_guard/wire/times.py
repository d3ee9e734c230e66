"""Times as senders write them: Unix seconds, or RFC 3339 with an offset.

A local time without an offset is refused: guessing the zone would shift a customer's whole night.
"""

from datetime import datetime
from typing import Any

import msgspec

from stream_guard.errors import InvalidEvent
from stream_guard.wire.invalid import shown


def read_time(value: Any, field: str) -> Any:
    """Text as float Unix seconds; anything else unchanged, for the record's own type to judge.

    >>> read_time("2026-11-22T10:00:00.5+01:00", "occurred_at")
    1795338000.5
    """
    if not isinstance(value, str):
        return value
    try:
        moment = msgspec.convert(value, datetime)
    except msgspec.ValidationError as error:
        detail = f"{field}: expected Unix seconds or RFC 3339 with an offset; got {shown(value)}"
        raise InvalidEvent("bad_time", detail) from error
    if moment.tzinfo is None:
        detail = f"{field}: expected an offset such as Z or +01:00 at the end; got {shown(value)}"
        raise InvalidEvent("bad_time", detail)
    return moment.timestamp()


def read_nanoseconds(value: Any) -> Any:
    """OTLP's Unix nanoseconds (in JSON a string of digits) as Unix seconds, to the microsecond."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 32:
        value = int(value)
    return value // 1000 / 1_000_000 if isinstance(value, int) else value


def elapsed_ms(start: Any, end: Any) -> float | None:
    """Milliseconds between two times in seconds; None unless both are numbers in this order."""
    if isinstance(start, int | float) and isinstance(end, int | float) and start <= end:
        return round((end - start) * 1000, 3)
    return None
