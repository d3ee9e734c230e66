"""The one connection that all checks of a process share, in an event loop: kept, watched and made anew.

A check is written down the connection at once and waits for its reply, at most until its deadline;
dialling, and reading in the function, never happen inside a check's time.

What can go wrong, and what a check then costs:
- *away* (refused, reset, no route): the link is down, checks are answered at once as configured;
  it is dialled again and again in the background, soon at first.
- *hung or slow* (a deadline passed): the link is in doubt, and a probe is sent.  While in doubt,
  checks are answered at once as configured; a probe that is answered within the deadline ends it.
  So a hung server costs the deadline only those that asked before the first of them gave up.
- *silent* (a probe unanswered for `silence_s`): the connection is left and dialled again.

Glossary: *ticket* one check that waits; *doubt* the breaker: the server missed a deadline.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Literal, cast

import msgspec

from stream_guard.enforcement.check import Check
from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.conversation import Conversation
from stream_guard.enforcement.copy import LocalCopy
from stream_guard.enforcement.counts import GuardCounts
from stream_guard.enforcement.place import Place, dial
from stream_guard.enforcement.question import check_question, spend_question
from stream_guard.enforcement.reply import Terms, clock_of
from stream_guard.errors import StoreUnavailable

State = Literal["starting", "up", "doubtful", "down"]
CLOSED: Final = "closed by us"


class Ticket(msgspec.Struct, eq=False):
    """One check that waits for Redis; ``done`` is called once."""

    link: "Link"
    account_id: str
    cost: int
    done: Callable[[Check], None]
    asked_at: float
    due: float
    is_done: bool = False
    terms: Terms | None = None  # under which it was asked
    question: bytes | None = None

    def heard(self, reply: Any) -> None:
        """What Redis said, or StoreUnavailable; perhaps too late."""
        self.link.answered(self, reply)

    def finish(self, check: Check) -> None:
        """Give the answer."""
        self.is_done = True
        self.done(check)


class _Line(asyncio.Protocol):
    """One connection, from the dial to its loss."""

    def __init__(self, place: Place, copy: LocalCopy, counts: GuardCounts) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[str] = (
            loop.create_future()
        )  # empty: ready to be asked; else what is wrong
        self.closed: asyncio.Future[str] = loop.create_future()
        self.conversation = Conversation(self._write, copy.invalidate, self.break_off, counts)
        self._place, self._copy, self._reason = place, copy, ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.conversation.open(self._place, self._ready)

    def data_received(self, data: bytes) -> None:
        self.conversation.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        reason = self._reason or (repr(exc) if exc else "the server hung up")
        self.conversation.end(reason)
        _resolve(self.opened, reason)
        _resolve(self.closed, reason)

    def _ready(self, time: Any) -> None:
        self._copy.set_clock(clock_of(time))
        _resolve(self.opened, "")

    def break_off(self, reason: str) -> None:
        """Hang up at once."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _resolve(future: "asyncio.Future[str]", value: str) -> None:
    if not future.done():
        future.set_result(value)


class Link:
    """Keeps the connection; every method but the constructor belongs to the loop."""

    def __init__(self, place: Place, config: GuardConfig, copy: LocalCopy, counts: GuardCounts) -> None:
        self._place, self._config, self._copy, self._counts = place, config, copy, counts
        self.state: State = "starting"
        self.trouble = ""  # the last one, for people
        self._line: _Line | None = None
        self._tickets: deque[Ticket] = deque()  # in the order of their deadlines; bound: a deadline's checks
        self._timer: asyncio.TimerHandle | None = None
        self._early: list[Ticket] = []  # asked before the first dial was over
        self._task: asyncio.Task[None] | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._probed_at: float | None = None

    def start(self) -> None:
        """Begin to dial; in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._task = self._loop.create_task(self._keep())

    async def close(self) -> None:
        """Hang up, for good."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def ask(
        self, account_id: str, cost: int, done: Callable[[Check], None], due: float | None = None
    ) -> None:
        """``done`` is called with the answer of Redis, or, at the deadline at last, with what we hold.

        ``due``: the deadline, by the loop's clock; None: a whole deadline from now.
        """
        now = self._now()
        ticket = Ticket(
            self, account_id, cost, done, now, now + self._config.deadline_s if due is None else due
        )
        if self.state in ("down", "doubtful"):
            self._fail(ticket, "unreachable")
            return
        self._tickets.append(ticket)
        if self._timer is None:
            self._timer = self._loop.call_at(ticket.due, self._expire)
        if self._line is not None:
            self._put(ticket, self._line.conversation)
        else:
            self._early.append(ticket)  # the first dial is not over

    def _put(self, ticket: Ticket, to: Conversation) -> None:
        """Ask for all of it, or for the count alone where we know the rest."""
        terms = ticket.terms = self._copy.terms_of(ticket.account_id)
        if terms is None:
            ticket.question = check_question(ticket.account_id, ticket.cost)
        elif ticket.cost == 1:
            ticket.question = terms.question
        else:
            ticket.question = spend_question(ticket.account_id, ticket.cost, terms.burst, terms.gap_ms)
        to.ask(ticket)

    def answered(self, ticket: Ticket, reply: Any) -> None:
        """Redis has spoken; called by the ticket."""
        try:
            if ticket.terms is None:
                check: Check | None = self._copy.settle(ticket.account_id, ticket.cost, reply)
            else:
                check = self._copy.spent(ticket.account_id, ticket.cost, ticket.terms, reply)
        except StoreUnavailable as error:
            self.trouble, check = str(error), None
            if not ticket.is_done:
                self._fail(ticket, "refused")
        if not ticket.is_done:
            if check is not None:
                self._counts.asked.add(self._now() - ticket.asked_at)
                ticket.finish(check)
            elif self._line is not None:
                self._put(ticket, self._line.conversation)
        tickets = self._tickets
        while tickets and tickets[0].is_done:
            tickets.popleft()

    def _fail(self, ticket: Ticket, why: str) -> None:
        self._counts.failures[why] += 1
        ticket.finish(self._copy.failed(ticket.account_id))

    def _expire(self) -> None:
        """The deadline of the oldest ticket passed; one timer serves all, since they come due in order."""
        self._timer, now, missed = None, self._loop.time(), False
        while self._tickets and (self._tickets[0].is_done or self._tickets[0].due <= now):
            ticket = self._tickets.popleft()
            if not ticket.is_done:
                missed = True
                self._fail(ticket, "timeout")
        if self._tickets:
            self._timer = self._loop.call_at(self._tickets[0].due, self._expire)
        if missed and self.state == "up":
            self.state, self.trouble = "doubtful", "no answer within the deadline"
            self._probe()

    # ---- watching

    def _probe(self) -> None:
        sent_at, line = self._loop.time(), self._line
        if line is None:
            return
        if self._probed_at is None:
            self._probed_at = sent_at

        def heard(reply: Any) -> None:
            if self._line is line and not isinstance(reply, StoreUnavailable):
                self._probed_at = None
                if self._loop.time() - sent_at <= self._config.deadline_s:
                    self._copy.set_clock(clock_of(reply))  # a late answer tells a time that is long past
                    self.state = "up"

        line.conversation.probe(heard)

    def _tick(self) -> None:
        """Every `probe_s`: is the server still there?"""
        waited = 0.0 if self._probed_at is None else self._loop.time() - self._probed_at
        if waited >= self._config.silence_s:
            if self._line is not None:
                self._line.break_off(f"silent for {waited:.1f} s")
            return
        if self._probed_at is None:
            self._probe()
        self._copy.age()
        self._ticker = self._loop.call_later(self._config.probe_s, self._tick)

    # ---- dialling

    async def _keep(self) -> None:
        """Dial, stay until the connection is lost, dial again."""
        shortest, longest = self._config.backoff_s
        pause = shortest
        while True:
            line = _Line(self._place, self._copy, self._counts)
            try:
                await self._reach(line)
                pause = shortest
                self.trouble = await line.closed
            except (OSError, StoreUnavailable) as error:  # a TimeoutError is an OSError
                self.trouble = str(error) or "no answer to the dial in time"
                pause = min(longest, 2 * pause)
            finally:
                line.break_off(CLOSED)
                self._lost(line)
            await asyncio.sleep(pause)

    async def _reach(self, line: _Line) -> None:
        async with asyncio.timeout(self._config.connect_s):
            await dial(self._place, line)
            if trouble := await line.opened:
                raise StoreUnavailable(trouble)
        self._line, self._probed_at, self.state, self.trouble = line, None, "up", ""
        self._counts.dials += 1
        self._copy.renew()
        early, self._early = self._early, []
        for ticket in early:
            if not ticket.is_done:
                self._put(ticket, line.conversation)
        self._ticker = self._loop.call_later(self._config.probe_s, self._tick)

    def _lost(self, line: _Line) -> None:
        """The connection is gone, or was never made."""
        if self._line is line:
            self._copy.lose()
        self._line, self.state = None, "down"
        if self._ticker is not None:
            self._ticker.cancel()
        early, self._early = self._early, []
        for ticket in early:
            if not ticket.is_done:
                self._fail(ticket, "unreachable")
