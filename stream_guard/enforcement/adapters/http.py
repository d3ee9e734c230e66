"""The guard as a small HTTP service, an ASGI application, for gateways that ask before they forward.

    ANY  /check                                 forward auth: 200, or what the client is to be told
    POST /beta/litellm_basic_guardrail_api      LiteLLM's generic guardrail API
    POST /events                                LiteLLM's generic API callback, or events as JSON
    GET  /health                                200 while Redis answers, else 503
    GET  /metrics                               for Prometheus

`/check` takes the account from a header that the gateway has set, from a key that it has verified.
With ``?refuse=403`` each refusal is a 403 and the true status stands in ``x-stream-guard-status``: for
gateways that know no other (nginx' auth_request makes a 500 of a 429).  Events come by `/events` or
by the gateway's access log (`access_log.py`), never by `/check`: it does not know how a request ends.

Where a ``token`` is set, whoever posts must bring it, as ``x-api-key`` or as a bearer.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from hmac import compare_digest
from typing import Any, Final

import msgspec

from stream_guard.enforcement.adapters.bodies import Fault, read_events, read_json
from stream_guard.enforcement.adapters.litellm_event import account_of, event_of
from stream_guard.enforcement.answer import MEDIA_TYPE, Answer, answer, limit_headers
from stream_guard.enforcement.async_guard import AsyncGuard
from stream_guard.enforcement.check import FORBIDDEN, Check
from stream_guard.enforcement.emitter import EventEmitter
from stream_guard.enforcement.keys import text_of
from stream_guard.errors import InvalidEvent

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES: Final = 16 << 20
EVENTS: Final = "/events"
GUARDRAIL: Final = "/beta/litellm_basic_guardrail_api"
STATUS: Final = "x-stream-guard-status"
ACTION: Final = "x-stream-guard-action"
JSON: Final = {"content-type": "application/json"}
MAX_FAULTS: Final = 100  # told one by one; the others are counted
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Door:
    """How the service is to be used."""

    account_header: str = "x-account-id"  # in whatever case
    token: str = ""  # who posts must know it; empty: anyone who reaches us
    help_url: str = ""  # told to clients that are refused

    def __post_init__(self) -> None:
        """Servers name a request's headers in lower case."""
        object.__setattr__(self, "account_header", self.account_header.lower())


class GatewayService:
    """The ASGI application.

    ``counts``: where to count what was posted to `/events` and can not be read (unreadable).
    """

    def __init__(
        self,
        guard: AsyncGuard,
        emitter: EventEmitter | None = None,
        door: Door | None = None,
        metrics: Callable[[], bytes] = bytes,
        counts: Counter[str] | None = None,
    ) -> None:
        self._guard, self._emitter, self._door, self._metrics = guard, emitter, door or Door(), metrics
        self._counts: Counter[str] = Counter() if counts is None else counts

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One connection, as ASGI has it."""
        if scope["type"] != "http":
            return
        status, headers, body = await self._answer(scope, receive)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        path: str = scope["path"]
        headers = {name.decode("latin-1"): text_of(value) for name, value in scope["headers"]}
        if path == "/check":
            return await self._check(headers, scope["query_string"])
        if path in (GUARDRAIL, EVENTS) and scope["method"] == "POST":
            return await self._post(path, headers, receive)
        if path == "/metrics":
            return Answer(200, {"content-type": "text/plain; version=0.0.4"}, self._metrics())
        if path == "/health":
            state = self._guard.state
            return Answer(200 if state == "up" else 503, JSON, _encode({"redis": state}))
        return _problem(404, "Not found", f"{scope['method']} {path}: see docs/gateways.md")

    async def _post(self, path: str, headers: Mapping[str, str], receive: Receive) -> Answer:
        if not self._is_known(headers):
            return _problem(401, "Unauthorized", "x-api-key or a bearer: expected the gateway's token")
        body = await _read(receive)
        if body is None:
            return _problem(413, "Too large", f"expected at most {MAX_BODY_BYTES} bytes")
        try:
            return self._take(body) if path == EVENTS else await self._rail(read_json(body))
        except InvalidEvent as error:
            if path == EVENTS:
                self._counts["unreadable"] += 1
            return _problem(400, "Not JSON", error.detail)

    async def _check(self, headers: Mapping[str, str], query: bytes) -> Answer:
        account_id = headers.get(self._door.account_header)
        check = await self._guard.check(account_id) if account_id else Check()
        if check.allowed:
            return Answer(200, {**limit_headers(check), ACTION: check.action}, b"")
        status, told, body = answer(check, help_url=self._door.help_url)
        told = {**told, ACTION: check.action, STATUS: str(status)}
        return Answer(FORBIDDEN if b"refuse=403" in query else status, told, body)

    async def _rail(self, request: Any) -> Answer:
        """LiteLLM asks before a call, and (if it is configured so) after it."""
        who = request.get("request_data") if isinstance(request, dict) else None
        if not isinstance(who, dict):
            return _problem(400, "No guardrail request", "request_data: expected an object")
        key = who.get("user_api_key_hash")
        account_id = account_of(who.get("user_api_key_user_id"), who.get("user_api_key_team_id"), key)
        if account_id is None or request.get("input_type") == "response":
            return Answer(200, JSON, _encode({"action": "NONE"}))
        check = await self._guard.check(account_id)
        if check.allowed:
            return Answer(200, JSON, _encode({"action": "NONE"}))
        problem = answer(check, help_url=self._door.help_url).body.decode()
        return Answer(200, JSON, _encode({"action": "BLOCKED", "blocked_reason": problem}))

    def _take(self, body: bytes) -> Answer:
        """Events, as one JSON object, an array of them, or one per line."""
        taken = dropped = 0
        faults = []
        for tree in read_events(body):
            if isinstance(tree, Fault):
                faults.append(tree)
            elif self._emit(tree):
                taken += 1
            else:
                dropped += 1
        self._counts["unreadable"] += len(faults)
        if faults and not taken and not dropped:
            return _problem(400, "Not JSON", f"none of {len(faults)} can be read: {faults[0].detail}")
        counts = {"taken": taken, "dropped": dropped, "refused": len(faults)}
        return Answer(200, JSON, _encode({**counts, "faults": faults[:MAX_FAULTS]}))

    def _emit(self, tree: dict[str, Any]) -> bool:
        is_payload = "call_type" in tree or "standard_logging_object" in tree
        source = partial(event_of, tree) if is_payload else tree
        return self._emitter is not None and self._emitter.emit(source)

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        token = self._door.token
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        return not token or compare_digest(given.encode(), token.encode())


async def _read(receive: Receive) -> bytes | None:
    """The request's body; None if it is too long."""
    chunks, size = [], 0
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(chunks)


def _problem(status: int, title: str, detail: str) -> Answer:
    body = _encode({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return Answer(status, {"content-type": MEDIA_TYPE}, body)
