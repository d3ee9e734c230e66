"""`check` for asyncio programs (ASGI, LiteLLM, gRPC servers); the same decisions as `Guard`."""

from typing import Any, Self

from stream_guard.enforcement.check import Check
from stream_guard.enforcement.config import GuardConfig


class AsyncGuard:
    """Answers checks in one event loop: that of its `start`, or of its first check."""

    def __init__(self, url: str, config: GuardConfig | None = None) -> None:
        self._url = url
        self._config = config or GuardConfig()

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """A guard on a URL as `place.py` reads it; options as `GuardConfig`."""
        return cls(url, GuardConfig(**options))

    async def start(self) -> None:
        """Connect in the background now, not at the first check; for start-up hooks."""
        raise NotImplementedError

    async def check(self, account_id: str, *, cost: int = 1) -> Check:
        """May this account's request pass, now?  Answers within the deadline; never raises."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close the connection; checks after it fail as configured."""
        raise NotImplementedError
