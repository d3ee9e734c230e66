"""A gateway as a team would write one: Starlette, the middleware, an emitter, and /metrics.

Run as ``uvicorn tests.e2e.gateway_app:app``; ``REDIS_URL`` and ``KAFKA`` say where its neighbours are.
What an API knows of its customers beside the request (card, sign-up, network) comes in the header
``x-known`` as JSON; a real one reads it from its own tables.
"""

import json
import os
from typing import Any

from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stream_guard.enforcement import AsyncGuard, EventEmitter
from stream_guard.enforcement.asgi import Gate, GuardMiddleware, from_header
from stream_guard.enforcement.metrics import expose


def known(scope: Any) -> dict[str, Any]:
    for name, value in scope["headers"]:
        if name == b"x-known":
            found: dict[str, Any] = json.loads(value)
            return found
    return {}


async def chat(request: Request) -> Response:
    await request.body()
    return JSONResponse({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 5}})


async def metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type="text/plain")


guard = AsyncGuard.from_url(os.environ["REDIS_URL"])
emitter = EventEmitter.to_kafka(os.environ["KAFKA"])
expose(guard, emitter)
app = Starlette(
    routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/metrics", metrics)],
    middleware=[
        Middleware(
            GuardMiddleware,
            guard=guard,
            gate=Gate(account=from_header("x-account-id"), more=known),
            emitter=emitter,
        )
    ],
)
