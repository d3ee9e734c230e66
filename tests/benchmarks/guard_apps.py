"""What `bench_guard` serves, with and without the guard: nothing, an empty Starlette, a gateway of JSON."""

import os
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from stream_guard.enforcement import AsyncGuard
from stream_guard.enforcement.asgi import App, Gate, GuardMiddleware, from_header

PATH = "/v1/chat/completions"
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "word " * 200}}],
    "usage": {"prompt_tokens": 11},
}


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The least that ASGI allows."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def nothing(_: Request) -> Response:
    return PlainTextResponse("ok")


async def chat(request: Request) -> Response:
    await request.body()
    return JSONResponse(ANSWER)


def guarded(app: App) -> GuardMiddleware:
    guard = AsyncGuard.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    return GuardMiddleware(app, guard=guard, gate=Gate(account=from_header("x-account-id")))


empty = Starlette(routes=[Route(PATH, nothing)])
gateway = Starlette(routes=[Route(PATH, chat)])
guarded_bare, guarded_empty, guarded_gateway = guarded(bare), guarded(empty), guarded(gateway)
