"""Times and durations on the command line."""

from stream_guard.decisions.durations import EXPECTED, FOREVER, to_duration_ms
from stream_guard.errors import ConfigurationError


def expiry(now: float, duration: str) -> float | None:
    """When something that lasts ``duration`` from ``now`` ends, Unix seconds; None: never.

    Empty text is never, too.
    """
    if not duration:
        return None
    ms = to_duration_ms(duration)
    if ms is None:
        message = f"--for: expected {EXPECTED}; got {duration!r}"
        raise ConfigurationError(message)
    return None if ms >= FOREVER else now + ms / 1000
