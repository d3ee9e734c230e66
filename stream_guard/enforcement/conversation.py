"""What is said on the one connection to Redis, without any I/O: bytes go out by ``write``, come in by `feed`.

RESP3, pipelined: replies come in the order of the questions, so a queue of who waits for the next
reply is all the state there is; pushes may stand between them.  A conversation opens with HELLO,
SELECT and CLIENT TRACKING; is then asked and probed any number of times; and ends for good when the
connection is lost or Redis says something after which it is of no use (`broken`).

A server that does not know our function (restarted, flushed, new) is taught it, and asked again,
inside the same check.

Glossary: *probe* a PING; *done* what is called with a reply, or with StoreUnavailable; *question* a
check as it is sent: asked once more if the server does not know our function.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import hiredis

from stream_guard.enforcement.counts import GuardCounts
from stream_guard.enforcement.keys import DECISION_PREFIX, FUNCTION, RATE_PREFIX, library, tag_of
from stream_guard.enforcement.place import Place
from stream_guard.errors import StoreUnavailable

Done = Callable[[Any], None]
Command = tuple[Any, ...]  # text, numbers, bytes
NOT_FOUND: Final = "ERR Function not found"
# After these the connection leads to the wrong server, or is not ours to use.
MOVED_ON: Final = ("READONLY", "MASTERDOWN", "MOVED", "CLUSTERDOWN", "NOAUTH", "UNBLOCKED")
# The one question that is asked often, as bytes: three times as fast as packing it part by part.
_ASK: Final = b"*6\r\n$5\r\nFCALL\r\n$%d\r\n%b\r\n$1\r\n2\r\n$" % (len(FUNCTION), FUNCTION.encode())
_DECISION: Final = DECISION_PREFIX.encode()
_RATE: Final = RATE_PREFIX.encode()
_DECISION_BYTES: Final = len(_DECISION) + 1
_RATE_BYTES: Final = len(_RATE) + 1
_COST_OF_ONE: Final = b"$1\r\n1\r\n"
_LOAD: Final = ("FUNCTION", "LOAD", "REPLACE", library())


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
        self._waiting: deque[tuple[Done, bytes | None]] = deque()
        self._is_loading = self._is_over = False

    def open(self, place: Place, done: Done) -> None:
        """Say who we are and ask for pushes; ``done`` once all is granted."""
        hello: list[str | int] = ["HELLO", 3]
        if place.password:
            hello += ["AUTH", place.username or "default", place.password]
        steps: list[list[str | int]] = [hello]
        if place.db:
            steps.append(["SELECT", place.db])
        steps.append(["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", DECISION_PREFIX])

        def granted(reply: Any) -> None:
            steps.pop()
            if isinstance(reply, StoreUnavailable):
                self._break(str(reply))
            elif not steps:
                done(reply)

        for step in steps:
            self._send(tuple(step), granted)

    def ask(self, account_id: str, cost: int, done: Done) -> None:
        """May this account's request pass?  ``done`` is called with what `lua/check.lua` says."""
        name = tag_of(account_id).encode("utf-8", "surrogatepass")  # any string is a name
        length = len(name)
        question = b"%b%d\r\n%b%b}\r\n$%d\r\n%b%b}\r\n%b" % (
            _ASK, length + _DECISION_BYTES, _DECISION, name, length + _RATE_BYTES, _RATE, name,
            _COST_OF_ONE if cost == 1 else b"$%d\r\n%d\r\n" % (len(str(cost)), cost),
        )  # fmt: skip
        self._waiting.append((done, question))
        self._write(question)

    def probe(self, done: Done) -> None:
        """Does the server answer?  After all that was asked before."""
        self._send(("PING",), done)

    def feed(self, data: bytes) -> None:
        """Bytes came in."""
        self._reader.feed(data)
        while not self._is_over:
            try:
                reply = self._reader.gets()
            except hiredis.ProtocolError as error:
                self._break(f"not a Redis server: {error}")
                return
            if reply is Ellipsis:
                return
            self._take(reply)

    def end(self, reason: str) -> None:
        """The connection is lost: nobody who waits will hear more."""
        self._is_over = True
        waiting, self._waiting = self._waiting, deque()
        for done, _ in waiting:
            done(StoreUnavailable(reason))

    def _take(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            if reply and reply[0] == b"invalidate":
                self._invalidate(reply[1])
            return
        if not self._waiting:
            self._break("a reply that nobody asked for")
            return
        done, question = self._waiting.popleft()
        if type(reply) is not hiredis.ReplyError:
            done(reply)
            return
        text = str(reply)
        if question is not None and text.startswith(NOT_FOUND):
            self._load()
            self._waiting.append((done, None))
            self._write(question)
            return
        done(StoreUnavailable(text))
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
        self._waiting.append((done, None))
        self._write(hiredis.pack_command(command))

    def _break(self, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._broken(reason)
