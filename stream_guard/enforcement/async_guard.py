"""`check` for asyncio programs (ASGI, LiteLLM, gRPC servers); the same decisions as `Guard`."""

import asyncio
from functools import partial

from stream_guard.enforcement.check import Check
from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.counts import kind_of
from stream_guard.enforcement.face import GuardFace
from stream_guard.enforcement.link import Link


class AsyncGuard(GuardFace):
    """Answers checks in one event loop: that of its `start`, or of its first check.

    Used in another loop later (the first one being gone), it starts anew there.
    """

    def __init__(self, url: str, config: GuardConfig | None = None) -> None:
        super().__init__(url, config)
        self.look = self._copy.look
        """The answer if the local copy knows it, else None: for those who want to await nothing then."""
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Connect in the background now, not at the first check; for start-up hooks."""
        self._begin(asyncio.get_running_loop())

    async def check(self, account_id: str, *, cost: int = 1) -> Check:
        """May this account's request pass, now?  Answers within the deadline; never raises."""
        found = self._copy.look(account_id)
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        link = self._link if loop is self._loop else self._begin(loop)
        if link is None:
            check = self._copy.failed(account_id)
        else:
            waiter: asyncio.Future[Check] = loop.create_future()
            link.ask(account_id, cost, partial(_give, waiter))
            check = await waiter
        self.counts.checks[kind_of(check)] += 1
        return check

    async def close(self) -> None:
        """Close the connection; checks after it fail as configured."""
        self._is_closed = True
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> Link | None:
        if self._is_closed:
            return None
        if self._link is None or self._loop is not loop:
            self._copy.renew()
            self._loop, self._link = loop, self._new_link()
            self._link.start()
        return self._link


def _give(waiter: "asyncio.Future[Check]", check: Check) -> None:
    if not waiter.done():  # else the request was cancelled meanwhile
        waiter.set_result(check)
