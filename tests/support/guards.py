"""Guards of both kinds behind one face, and what a projection would have written for them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Protocol

from stream_guard.enforcement import AsyncGuard, Check, Guard
from stream_guard.enforcement.counts import GuardCounts
from stream_guard.records import Decision, pack_json
from stream_guard.sinks.entry import read_entry
from stream_guard.sinks.redis_keys import connect
from stream_guard.sinks.redis_writer import DecisionWriter
from tests.support.polling import until

KINDS = ("sync", "async")


class AnyGuard(Protocol):
    """What both kinds do, seen from a thread of a test."""

    counts: GuardCounts

    @property
    def state(self) -> str: ...

    @property
    def trouble(self) -> str: ...

    @property
    def remembered(self) -> int: ...

    def check(self, account_id: str, *, cost: int = 1) -> Check: ...

    def close(self) -> None: ...


class Looped:
    """An `AsyncGuard` in a loop of its own."""

    def __init__(self, url: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.guard = AsyncGuard.from_url(url, **options)
        self.counts = self.guard.counts

    @property
    def state(self) -> str:
        return self.guard.state

    @property
    def trouble(self) -> str:
        return self.guard.trouble

    @property
    def remembered(self) -> int:
        return self.guard.remembered

    def check(self, account_id: str, *, cost: int = 1) -> Check:
        return asyncio.run_coroutine_threadsafe(self.guard.check(account_id, cost=cost), self._loop).result(
            30
        )

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.guard.close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


@contextmanager
def guarding(kind: str, url: str, **options: Any) -> Iterator[AnyGuard]:
    """A guard that is connected, or has found that it can not be."""
    options = {"deadline_s": 2.0, "probe_s": 0.05, "silence_s": 0.3, "backoff_s": (0.01, 0.05), **options}
    guard: AnyGuard = Guard.from_url(url, **options) if kind == "sync" else Looped(url, **options)
    try:
        guard.check("nobody")
        until(lambda: guard.state != "starting", 30, "the guard did not dial")
        yield guard
    finally:
        guard.close()


def write(url: str, *decisions: Decision, sequence: int = 0) -> None:
    """As the projection writes them."""
    writer = DecisionWriter(connect(url))
    writer.write([read_entry(pack_json(each), sequence) for each in decisions])
    writer.close()


def eventually(is_true: Callable[[], bool], what: str = "the guard did not get there") -> None:
    until(is_true, 30, what, 0.002)
