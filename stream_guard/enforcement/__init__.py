"""The request path's side: may this account's request pass, now?

A small program of its own inside every gateway.  It carries no detector and needs none of its
libraries: no River, Faust or numpy.  It asks Redis at most once per request (one function call: block and
rate limit together), mostly not at all: a local copy, kept fresh by the server's invalidation push,
answers in about a microsecond.  Every check has a deadline; when nobody could be asked, it fails
open or closed as configured, and says so.

    guard = Guard.from_url("redis://127.0.0.1:6379/0", deadline_s=0.05, on_failure="open")
    check = guard.check(account_id)
    if not check.allowed:
        status, headers, body = answer(check)

    guard = AsyncGuard.from_url(...)         # the same decisions, awaited
    check = await guard.check(account_id)

    emitter = EventEmitter.to_kafka("127.0.0.1:9092")
    emitter.emit({"account_id": ..., "model": ..., "status": check.status, ...})  # never blocks

The adapters are built on these: `asgi.py` (FastAPI, Starlette), and one module per gateway.

Glossary: *check* one answer; *link* the one connection to Redis that all checks of a process share;
*local copy* what this process remembers; *reference* the decision id that a client may quote.
"""

from stream_guard.enforcement.answer import Answer, answer, limit_headers
from stream_guard.enforcement.async_guard import AsyncGuard
from stream_guard.enforcement.check import Check
from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.emitter import EventEmitter
from stream_guard.enforcement.guard import Guard

__all__ = [
    "Answer",
    "AsyncGuard",
    "Check",
    "EventEmitter",
    "Guard",
    "GuardConfig",
    "answer",
    "limit_headers",
]
