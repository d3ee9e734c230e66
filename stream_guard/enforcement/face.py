"""What `Guard` and `AsyncGuard` have in common: how they are made, what they hold, how they are watched.

They differ only in how a caller waits for the link: a thread on a lock, a task on a future.
"""

from typing import Any, Self

from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.copy import LocalCopy
from stream_guard.enforcement.counts import GuardCounts
from stream_guard.enforcement.link import Link, State
from stream_guard.enforcement.place import read_place


class GuardFace:
    """One guard, seen from outside."""

    def __init__(self, url: str, config: GuardConfig | None = None) -> None:
        self._place = read_place(url)
        self._config = config or GuardConfig()
        self.counts = GuardCounts()
        self._copy = LocalCopy(self._config, self.counts)
        self._link: Link | None = None
        self._is_closed = False

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """A guard on a URL as `place.py` reads it; options as `GuardConfig`."""
        return cls(url, GuardConfig(**options))

    @property
    def state(self) -> State:
        """Whether Redis answers: "starting", "up", "doubtful" (it missed a deadline) or "down"."""
        return "down" if self._link is None else self._link.state

    @property
    def trouble(self) -> str:
        """What went wrong last, for people; empty while all is well."""
        return "" if self._link is None else self._link.trouble

    @property
    def remembered(self) -> int:
        """How many accounts the local copy holds."""
        return len(self._copy)

    def _new_link(self) -> Link:
        return Link(self._place, self._config, self._copy, self.counts)
