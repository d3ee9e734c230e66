"""What is said on the one connection to Redis, without any I/O: bytes go out by ``write``, come in by `feed`.

RESP3, pipelined: replies come in the order of the questions, so a queue of who waits for the next
reply is all the state there is; pushes may stand between them.  A conversation opens with HELLO,
SELECT, TIME and CLIENT TRACKING; is then asked and probed any number of times; and ends for good when the
connection is lost or Redis says something after which it is of no use (`broken`).

A server that does not know our function (restarted, flushed, new) is taught it, and asked again,
inside the same check.

Glossary: *probe* a TIME, which tells the server's clock, too; *done* what is called with a reply, or with
StoreUnavailable; *question* a check as it is sent: asked once more if the server does not know our function.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import hiredis
import msgspec

from stream_guard.enforcement.counts import GuardCounts
from stream_guard.enforcement.keys import DECISION_PREFIX, library
from stream_guard.enforcement.place import Place
from stream_guard.errors import StoreUnavailable

Done = Callable[[Any], None]
Command = tuple[Any, ...]  # text, numbers, bytes
NOT_FOUND: Final = "ERR Function not found"
# After these the connection leads to the wrong server, or is not ours to use.
MOVED_ON: Final = ("READONLY", "MASTERDOWN", "MOVED", "CLUSTERDOWN", "NOAUTH", "UNBLOCKED")
_PUSH: Final = hiredis.PushNotification
_ERROR: Final = hiredis.ReplyError
_LOAD: Final = ("FUNCTION", "LOAD", "REPLACE", library())


class Asker(Protocol):
    """Who waits for the next reply."""

    question: bytes | None
    """What is sent, if it is one of `question.py`: again to a server that did not know our function."""

    def heard(self, reply: Any) -> None:
        """Called once, in the order of asking, with the reply or StoreUnavailable; must not raise."""


class _Command(msgspec.Struct, eq=False):
    """One of our own."""

    heard: Done
    question: bytes | None = None


class Conversation:
    """One connection's talk.

    Its owner calls `open`, then `ask` and `probe`, `feed` for what comes in, and `end` at last.

    Args:
        write: sends bytes; must neither block nor call back.
        invalidate: called with the keys that changed, None for all.
        broken: called once, with the reason, when the owner should close the connection.
        counts: where functions that had to be loaded are counted.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        invalidate: Callable[[Iterable[bytes] | None], None],
        broken: Callable[[str], None],
        counts: GuardCounts,
    ) -> None:
        self._write, self._invalidate, self._broken = write, invalidate, broken
        self._counts = counts
        self._reader = hiredis.Reader(notEnoughData=Ellipsis)
        self._waiting: deque[Asker] = deque()
        self._is_loading = self._is_over = False

    def open(self, place: Place, done: Done) -> None:
        """Say who we are and ask for pushes; ``done`` with the server's time once all is granted."""
        hello: list[str | int] = ["HELLO", 3]
        if place.password:
            hello += ["AUTH", place.username or "default", place.password]
        steps: list[list[str | int]] = [hello]
        if place.db:
            steps.append(["SELECT", place.db])
        steps += [["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", DECISION_PREFIX], ["TIME"]]

        def granted(reply: Any) -> None:
            steps.pop()
            if isinstance(reply, StoreUnavailable):
                self._break(str(reply))
            elif not steps:
                done(reply)

        for step in steps:
            self._send(tuple(step), granted)

    def ask(self, asker: Asker) -> None:
        """Ask its question; it hears what `lua/check.lua` says."""
        self._waiting.append(asker)
        self._write(asker.question or b"")

    def probe(self, done: Done) -> None:
        """Does the server answer?  After all that was asked before; ``done`` with its time."""
        self._send(("TIME",), done)

    def feed(self, data: bytes) -> None:
        """Bytes came in."""
        gets = self._reader.gets
        try:
            self._reader.feed(data)
            while not self._is_over and (reply := gets()) is not Ellipsis:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self._break(f"not a Redis server: {error}")

    def end(self, reason: str) -> None:
        """The connection is lost: nobody who waits will hear more."""
        self._is_over = True
        waiting, self._waiting = self._waiting, deque()
        for asker in waiting:
            asker.heard(StoreUnavailable(reason))

    def _take(self, reply: Any) -> None:
        kind = type(reply)
        if kind is _PUSH:
            if reply and reply[0] == b"invalidate":
                self._invalidate(reply[1])
            return
        if not self._waiting:
            self._break("a reply that nobody asked for")
            return
        asker = self._waiting.popleft()
        if kind is not _ERROR:
            asker.heard(reply)
            return
        text = str(reply)
        if asker.question is not None and text.startswith(NOT_FOUND):
            self._load()
            again = _Command(asker.heard)  # was it loaded in vain, this is not asked a third time
            self._waiting.append(again)
            self._write(asker.question)
            return
        asker.heard(StoreUnavailable(text))
        if text.startswith(MOVED_ON):
            self._break(text)

    def _load(self) -> None:
        """Teach the server our function, once however many checks miss it."""
        if self._is_loading:
            return
        self._is_loading = True
        self._counts.function_loads += 1

        def loaded(_: Any) -> None:
            self._is_loading = False  # was it refused, whoever waits is told "not found" now

        self._send(_LOAD, loaded)

    def _send(self, command: Command, done: Done) -> None:
        self._waiting.append(_Command(done))
        self._write(hiredis.pack_command(command))

    def _break(self, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._broken(reason)
