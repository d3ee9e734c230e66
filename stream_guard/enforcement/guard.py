"""`check` for programs with threads (WSGI, workers, scripts); the same decisions as `AsyncGuard`.

One thread of its own runs the link in an event loop; callers hand their question over and wait on
a lock, at most until the deadline.  What the local copy knows is answered in the caller's thread.
"""

import asyncio
import os
from contextlib import suppress
from threading import Lock, Thread
from weakref import WeakSet

from stream_guard.enforcement.check import Check
from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.copy import LocalCopy
from stream_guard.enforcement.counts import kind_of
from stream_guard.enforcement.face import GuardFace

JOIN_S = 5.0
SLACK_S = (
    0.005  # by which the caller outwaits the loop, so that it is the loop that notices a missed deadline
)


class Guard(GuardFace):
    """Answers checks from any thread.

    Its thread is started by the first check (again after a fork) and ended by `close`.
    """

    def __init__(self, url: str, config: GuardConfig | None = None) -> None:
        super().__init__(url, config)
        self._reset()
        _guards.add(self)

    def _reset(self) -> None:
        """As new: in a forked child the thread is gone, and no push would come."""
        self._copy = LocalCopy(self._config, self.counts)
        self._starting = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._link = None
        self._thread: Thread | None = None

    def start(self) -> None:
        """Connect in the background now, not at the first check."""
        with self._starting:
            if self._link is not None or self._is_closed:
                return
            loop = self._loop = asyncio.new_event_loop()
            link = self._new_link()
            loop.call_soon(link.start)
            self._thread = Thread(target=_run, args=(loop,), name="stream-guard", daemon=True)
            self._thread.start()
            self._link = link

    def check(self, account_id: str, *, cost: int = 1) -> Check:
        """May this account's request pass, now?  Answers within the deadline; never raises."""
        found = self._copy.look(account_id)
        if found is not None:
            return found
        if self._link is None:
            self.start()
        check = self._ask(account_id, cost) or self._copy.failed(account_id)
        self.counts.checks[kind_of(check)] += 1
        return check

    def close(self) -> None:
        """Close the connection and end the thread; checks after it fail as configured."""
        with self._starting:
            self._is_closed = True
            link, self._link = self._link, None
        if link is not None and self._loop is not None and self._thread is not None:
            asyncio.run_coroutine_threadsafe(link.close(), self._loop).result(JOIN_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(JOIN_S)

    def _ask(self, account_id: str, cost: int) -> Check | None:
        """The link's answer; None if there was none in time."""
        link, loop = self._link, self._loop
        if link is None or loop is None:
            return None
        if link.state in ("down", "doubtful"):
            self.counts.failures["unreachable"] += 1
            return None
        waiter = _Waiter()
        with suppress(RuntimeError):  # closed meanwhile: nobody will answer
            due = loop.time() + self._config.deadline_s
            loop.call_soon_threadsafe(link.ask, account_id, cost, waiter.give, due)
            waiter.ready.acquire(timeout=self._config.deadline_s + SLACK_S)
        return waiter.check


class _Waiter:
    """Where a caller's thread waits."""

    __slots__ = ("check", "ready")

    def __init__(self) -> None:
        self.check: Check | None = None
        self.ready = Lock()
        self.ready.acquire()

    def give(self, check: Check) -> None:
        self.check = check
        self.ready.release()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


_guards: "WeakSet[Guard]" = WeakSet()


def _after_fork() -> None:
    for guard in _guards:
        guard._reset()


os.register_at_fork(after_in_child=_after_fork)
