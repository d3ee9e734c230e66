"""The guard in an ASGI application: FastAPI, Starlette, or any other.

    app.add_middleware(
        GuardMiddleware,
        guard=AsyncGuard.from_url("redis://127.0.0.1:6379/0"),
        gate=Gate(account=from_header("x-account-id")),
        emitter=EventEmitter.to_kafka("127.0.0.1:9092"),
    )

A request that may not pass is answered here and never reaches the application.  Of all others the
answer goes through untouched; where the account is throttled it learns what is left of its limit.
With an emitter each request, refused or not, becomes an event: its body (up to a bound) and the end
of the answer are kept until the answer is out, and read in the emitter's thread.

A WebSocket is checked once, when it opens.

Glossary: *gate* what the middleware has to know of the application.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from stream_guard.enforcement.answer import answer, limit_headers
from stream_guard.enforcement.async_guard import AsyncGuard
from stream_guard.enforcement.check import Check
from stream_guard.enforcement.emitter import EventEmitter
from stream_guard.enforcement.exchange import MAX_BODY_BYTES, MAX_TAIL_BYTES, Exchange, describe
from stream_guard.enforcement.keys import text_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Account = Callable[[Scope], str | None]
POLICY_VIOLATION = 1008  # how a WebSocket is refused (RFC 6455)


def from_header(name: str) -> Account:
    """The account as a header names it: for a service behind a proxy that has verified the key and sets it.

    Never take a header that a client can set itself.
    """
    wanted = name.lower().encode("latin-1")

    def account(scope: Scope) -> str | None:
        for header in scope["headers"]:
            if header[0] == wanted:
                return text_of(header[1]) or None
        return None

    return account


def from_user(scope: Scope) -> str | None:
    """The account as an authentication middleware before this one found it (Starlette's ``request.user``)."""
    user = scope.get("user")
    found = getattr(user, "identity", None) or getattr(user, "username", None)
    return found if isinstance(found, str) and found else None


@dataclass(frozen=True, slots=True)
class Gate:
    """What the middleware has to know of the application."""

    account: Account  # whose request it is; None: nobody's, it passes unchecked
    more: Callable[[Scope], dict[str, Any]] | None = (
        None  # further fields of the event; called in the emitter's thread
    )
    help_url: str = ""  # told to clients that are refused
    read_refused_s: float = 0.05  # how long a refused request's body may take to come; it is evidence too


class GuardMiddleware:
    """Asks the guard before the application is asked."""

    def __init__(
        self, app: App, *, guard: AsyncGuard, gate: Gate, emitter: EventEmitter | None = None
    ) -> None:
        self._app, self._guard, self._gate, self._emitter = app, guard, gate, emitter
        self._account, self._look = gate.account, guard.look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, as ASGI has it."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._guard.start()
            await self._app(scope, receive, send)
            return
        account_id = self._account(scope)
        if account_id is None:
            await self._app(scope, receive, send)
            return
        check = self._look(account_id) or await self._guard.check(account_id)
        if self._emitter is None and check.allowed and check.limit_per_min is None:
            await self._app(scope, receive, send)
        elif kind == "http":
            await self._http(check, _Watch(scope, account_id), receive, send)
        else:
            await self._websocket(check, scope, receive, send)

    async def _http(self, check: Check, watch: "_Watch", receive: Receive, send: Send) -> None:
        limits = _limits(check)
        if self._emitter is not None:
            await self._watched(check, watch, receive, send)
        elif not check.allowed:
            await self._refuse(check, send)
        else:
            await self._app(watch.scope, receive, partial(_send_with, send, limits) if limits else send)

    async def _websocket(self, check: Check, scope: Scope, receive: Receive, send: Send) -> None:
        if check.allowed:
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": check.reference})

    async def _watched(self, check: Check, watch: "_Watch", receive: Receive, send: Send) -> None:
        """As without an emitter; what goes by is noted."""
        watch.begin(receive, send, _limits(check))
        try:
            if check.allowed:
                await self._app(watch.scope, watch.receive, watch.send)
            else:
                await watch.read(self._gate.read_refused_s)
                await self._refuse(check, watch.send)
        except Exception:
            watch.fail()
            raise
        finally:
            if self._emitter is not None:
                self._emitter.emit(partial(watch.event, time.perf_counter(), self._gate.more))

    async def _refuse(self, check: Check, send: Send) -> None:
        status, headers, body = answer(check, help_url=self._gate.help_url)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _limits(check: Check) -> list[tuple[bytes, bytes]]:
    """Header fields for the application's own answer; empty for an account without a limit."""
    if not check.allowed or check.limit_per_min is None:
        return []
    return [(name.encode(), value.encode()) for name, value in limit_headers(check).items()]


async def _send_with(send: Send, limits: list[tuple[bytes, bytes]], message: Message) -> None:
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message.get("headers", ()), *limits]}
    await send(message)


class _Watch:
    """One request as it goes by: what the event needs, within bounds."""

    __slots__ = (
        "_body",
        "_limits",
        "_receive",
        "_send",
        "_started",
        "_status",
        "_tail",
        "account_id",
        "scope",
    )

    def __init__(self, scope: Scope, account_id: str) -> None:
        self.scope, self.account_id = scope, account_id
        self._body: list[bytes] | None = []  # None: too long
        self._tail = b""
        self._status = 499  # the client went away before there was an answer
        self._started = time.perf_counter()

    def begin(self, receive: Receive, send: Send, limits: list[tuple[bytes, bytes]]) -> None:
        """What to watch."""
        self._receive, self._send, self._limits = receive, send, limits

    async def receive(self) -> Message:
        """The request, noted."""
        message = await self._receive()
        chunk = message.get("body")
        if chunk and self._body is not None:
            self._body.append(chunk)
            if len(self._body) > 1 and sum(map(len, self._body)) > MAX_BODY_BYTES:
                self._body = None
        return message

    async def send(self, message: Message) -> None:
        """The answer, noted."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if self._limits:
                await _send_with(self._send, self._limits, message)
                return
        elif chunk := message.get("body"):
            self._tail = chunk if len(chunk) >= MAX_TAIL_BYTES else (self._tail + chunk)[-MAX_TAIL_BYTES:]
        await self._send(message)

    def fail(self) -> None:
        """The application raised: whoever stands outside will answer with 500."""
        self._status = 500

    async def read(self, within_s: float) -> None:
        """The body of a request that nobody else will read, as far as it comes in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while (await self.receive()).get("more_body"):
                    pass

    def event(self, ended: float, more: Callable[[Scope], dict[str, Any]] | None) -> dict[str, Any]:
        """The event; called in the emitter's thread."""
        client = self.scope.get("client")
        agents = [value for name, value in self.scope["headers"] if name == b"user-agent"]
        body = b"" if self._body is None else b"".join(self._body)
        return describe(
            Exchange(
                account_id=self.account_id,
                path=self.scope["path"],
                status=self._status,
                latency_ms=round((ended - self._started) * 1000, 3),
                client_ip=client[0] if client else None,
                user_agent=agents[0].decode("latin-1")[:1024] if agents else None,
                request=body if len(body) <= MAX_BODY_BYTES else b"",
                answer=self._tail,
                more=more(self.scope) if more is not None else None,
            )
        )
