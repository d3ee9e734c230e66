"""Waiting for something without guessing how long it takes."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], deadline_s: float, what: str, pause_s: float = 0.05) -> None:
    """Return as soon as ``condition()`` holds; fail after ``deadline_s``."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s:.0f} s: {what}"
        time.sleep(pause_s)
