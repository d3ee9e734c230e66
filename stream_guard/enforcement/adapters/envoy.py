"""Envoy's gRPC services: may the request pass (ext_authz, or rate limit), and what became of it (access log).

    envoy.service.auth.v3.Authorization/Check               block, challenge and throttle, with our answer
    envoy.service.ratelimit.v3.RateLimitService/...         for who has a rate limit filter already
    envoy.service.accesslog.v3.AccessLogService/...         each request as an event, refused ones too

Use one of the first two: each check counts against a throttled account's limit.  The account is a
request header that Envoy has set (ext_authz, access log: ``additional_request_headers_to_log``) or a
descriptor's entry `account_id` (rate limit).

Where ext_authz sees the request's body (``with_request_body``), it is kept, within bounds, until the
access log tells how the request ended; then both make one event, in the emitter's thread.

Glossary: *note* what is kept of a request until its entry in the access log comes.
"""

from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

import grpc
import grpc.aio

from stream_guard.enforcement.adapters.envoy_messages import MESSAGES
from stream_guard.enforcement.answer import answer, limit_headers
from stream_guard.enforcement.async_guard import AsyncGuard
from stream_guard.enforcement.check import Check
from stream_guard.enforcement.emitter import EventEmitter
from stream_guard.enforcement.exchange import MAX_BODY_BYTES, Exchange, describe

PERMISSION_DENIED: Final = 7
OVERWRITE: Final = 2  # HeaderValueOption: what we say of the limit replaces what the upstream says
PASS, OVER_LIMIT = 1, 2  # of RateLimitResponse
ENTRY: Final = "account_id"
NOTES_BYTES: Final = 64 << 20
TEXT: Final = "latin-1"


class EnvoyServices:
    """The three services; `handlers` is what a gRPC server takes.

    Args:
        guard: who is asked.
        emitter: who is told; None: nobody.
        account_header: the request header that holds the account.
        help_url: told to clients that are refused.
        counts: where to count what the access log says: events, others (nobody's requests), dropped.
    """

    def __init__(
        self,
        guard: AsyncGuard,
        emitter: EventEmitter | None,
        account_header: str,
        help_url: str = "",
        counts: Counter[str] | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._guard, self._emitter = guard, emitter
        self._header, self._help_url = account_header.lower(), help_url  # Envoy names them in lower case
        self._notes = Notes(NOTES_BYTES)

    def handlers(self) -> tuple[Any, ...]:
        """Generic handlers for `grpc.aio.Server.add_generic_rpc_handlers`."""
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_unary_rpc_method_handler
        services = (
            ("auth.v3.Authorization", "Check", unary, self._authorize, "CheckRequest"),
            ("ratelimit.v3.RateLimitService", "ShouldRateLimit", unary, self._limit, "RateLimitRequest"),
            (
                "accesslog.v3.AccessLogService",
                "StreamAccessLogs",
                stream,
                self._log,
                "StreamAccessLogsMessage",
            ),
        )
        return tuple(
            grpc.method_handlers_generic_handler(
                f"envoy.service.{service}",
                {method: kind(call, MESSAGES[request].FromString, _serialize)},
            )
            for service, method, kind, call, request in services
        )

    async def _authorize(self, request: Any, _context: Any) -> Any:
        http = request.attributes.request.http
        account_id = http.headers.get(self._header)
        if not account_id:
            return _granted(Check())
        body = http.raw_body or http.body.encode(TEXT, "replace")
        if body and self._emitter is not None:
            self._notes.keep(http.headers.get("x-request-id", ""), body)
        check = await self._guard.check(account_id)
        return _granted(check) if check.allowed else _denied(check, self._help_url)

    async def _limit(self, request: Any, _context: Any) -> Any:
        """The first account among the descriptors counts."""
        entries = [entry for descriptor in request.descriptors for entry in descriptor.entries]
        account_id = next((entry.value for entry in entries if entry.key == ENTRY and entry.value), None)
        if account_id is None:
            return MESSAGES["RateLimitResponse"](overall_code=PASS)
        check = await self._guard.check(account_id, cost=max(1, request.hits_addend))
        _, headers, body = answer(check, help_url=self._help_url)
        told = [MESSAGES["HeaderValue"](key=name, value=value) for name, value in headers.items()]
        return MESSAGES["RateLimitResponse"](
            overall_code=PASS if check.allowed else OVER_LIMIT, response_headers_to_add=told, raw_body=body
        )

    async def _log(self, messages: AsyncIterator[Any], _context: Any) -> Any:
        async for message in messages:
            for entry in message.http_logs.log_entry:
                self._tell(entry)
        return MESSAGES["StreamAccessLogsResponse"]()

    def _tell(self, entry: Any) -> None:
        body = self._notes.take(entry.request.request_id)
        account_id = entry.request.request_headers.get(self._header)
        if not account_id:
            self.counts["others"] += 1
        elif self._emitter is not None and self._emitter.emit(partial(event_of, account_id, entry, body)):
            self.counts["events"] += 1
        else:
            self.counts["dropped"] += 1


class Notes:
    """Bodies by request id.  Bound: ``max_bytes``; the oldest goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._max_bytes, self._bytes = max_bytes, 0

    def keep(self, request_id: str, body: bytes) -> None:
        """Until it is taken, or gives way to newer ones."""
        if not request_id or len(body) > MAX_BODY_BYTES:
            return
        self.take(request_id)
        self._bodies[request_id] = body
        self._bytes += len(body)
        while self._bytes > self._max_bytes:
            _, oldest = self._bodies.popitem(last=False)
            self._bytes -= len(oldest)

    def take(self, request_id: str) -> bytes:
        """The body of that request; empty if it was not kept."""
        body = self._bodies.pop(request_id, b"")
        self._bytes -= len(body)
        return body


def event_of(account_id: str, entry: Any, body: bytes) -> dict[str, Any]:
    """The event of an entry in the access log, with what the request's body says; in the emitter's thread."""
    common, request = entry.common_properties, entry.request
    lasted = common.time_to_last_downstream_tx_byte
    more: dict[str, Any] = {
        "event_id": request.request_id or None,
        "occurred_at": _seconds(common.start_time) + _seconds(lasted) or None,
        "tls_fingerprint": common.tls_properties.ja3_fingerprint or None,
    }
    return describe(
        Exchange(
            account_id=account_id,
            path=request.path.partition("?")[0],
            status=entry.response.response_code.value,
            latency_ms=round(_seconds(lasted) * 1000, 3),
            client_ip=common.downstream_remote_address.socket_address.address or None,
            user_agent=request.user_agent[:1024] or None,
            request=body,
            more={name: value for name, value in more.items() if value is not None},
        )
    )


def _granted(check: Check) -> Any:
    response = MESSAGES["CheckResponse"]()
    response.ok_response.response_headers_to_add.extend(_options(limit_headers(check)))
    response.status.code = 0
    return response


def _denied(check: Check, help_url: str) -> Any:
    status, headers, body = answer(check, help_url=help_url)
    response = MESSAGES["CheckResponse"]()
    response.status.code = PERMISSION_DENIED
    response.denied_response.status.code = status
    response.denied_response.headers.extend(_options(headers))
    response.denied_response.body = body.decode()
    return response


def _options(headers: Any) -> list[Any]:
    header, option = MESSAGES["HeaderValue"], MESSAGES["HeaderValueOption"]
    return [
        option(header=header(key=name, value=value), append_action=OVERWRITE)
        for name, value in headers.items()
    ]


def _seconds(duration: Any) -> float:
    return float(duration.seconds + duration.nanos / 1e9)


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
