"""`check` for programs with threads (WSGI, workers, scripts); the same decisions as `AsyncGuard`."""

from typing import Any, Self

from stream_guard.enforcement.check import Check
from stream_guard.enforcement.config import GuardConfig


class Guard:
    """Answers checks from any thread.

    One thread of its own keeps the connection and the local copy; it is started by the first check
    (again after a fork) and ended by `close`.
    """

    def __init__(self, url: str, config: GuardConfig | None = None) -> None:
        self._url = url
        self._config = config or GuardConfig()

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """A guard on a URL as `place.py` reads it; options as `GuardConfig`."""
        return cls(url, GuardConfig(**options))

    def check(self, account_id: str, *, cost: int = 1) -> Check:
        """May this account's request pass, now?  Answers within the deadline; never raises."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection and end the thread; checks after it fail as configured."""
        raise NotImplementedError
