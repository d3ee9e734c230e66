"""The middleware in a Starlette application, on a real server."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from stream_guard.enforcement import AsyncGuard, EventEmitter
from stream_guard.enforcement.asgi import Gate, GuardMiddleware, from_header
from tests.support.decisions import decision
from tests.support.guards import eventually, write
from tests.support.producers import Kept
from tests.support.serving import served

pytestmark = pytest.mark.redis
PROMPT = "Name a river that is longer than the Elbe."
CHAT = {"model": "atlas-2", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 64}


async def chat(request: Request) -> Response:
    await request.json()
    return JSONResponse({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 5}})


async def stream(request: Request) -> Response:
    await request.json()

    async def parts() -> AsyncIterator[str]:
        for i in range(100):
            yield f'data: {{"choices": [{{"delta": "{i:>600}"}}]}}\n\n'
        yield 'data: {"usage": {"prompt_tokens": 11, "completion_tokens": 100}}\n\n'

    return StreamingResponse(parts(), media_type="text/event-stream")


async def crash(request: Request) -> Response:
    await request.json()
    message = "a bug of the service"
    raise RuntimeError(message)


def service() -> Starlette:
    routes = [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/stream/chat/completions", stream, methods=["POST"]),
        Route("/crash", crash, methods=["POST"]),
    ]
    return Starlette(routes=routes)


@contextmanager
def serving(url: str, emitter: EventEmitter | None = None, **gate: Any) -> Iterator[httpx.Client]:
    guard = AsyncGuard.from_url(url, deadline_s=5.0)
    doors = Gate(account=from_header("X-Account-Id"), **gate)
    app = GuardMiddleware(service(), guard=guard, gate=doors, emitter=emitter)
    with served(app) as place, httpx.Client(base_url=place, timeout=30) as client:
        yield client


def ask(client: httpx.Client, account: str | None, path: str = "/v1/chat/completions") -> httpx.Response:
    headers = {} if account is None else {"x-account-id": account}
    return client.post(path, json=CHAT, headers={"user-agent": "sdk/1", **headers})


def test_whoever_may_pass_gets_the_services_own_answer(redis_url: str) -> None:
    with serving(redis_url) as client:
        for account in ("a1", None):
            answer = ask(client, account)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers
            assert answer.json()["usage"]["prompt_tokens"] == 11


def test_a_blocked_account_never_reaches_the_service(redis_url: str) -> None:
    write(redis_url, decision("bad"))
    with serving(redis_url, help_url="https://help.example") as client:
        answer = ask(client, "bad", "/crash")
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["reference"] == decision("bad").decision_id
        assert answer.json()["help"] == "https://help.example"
        assert ask(client, "good").status_code == 200


@pytest.mark.parametrize("has_emitter", [False, True])
def test_a_throttled_account_learns_what_is_left_of_its_limit(redis_url: str, *, has_emitter: bool) -> None:
    write(redis_url, decision("much", "throttle"))
    emitter = EventEmitter(Kept()) if has_emitter else None
    with serving(redis_url, emitter) as client:
        answers = [ask(client, "much") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit"][:14] for answer in answers] == [
            f'"throttle";r={left}' for left in (2, 1, 0, 0)
        ]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[0].json()["usage"]
    if emitter is not None:
        emitter.close(30)


def test_a_websocket_is_refused_before_it_opens(redis_url: str) -> None:
    """At the seam itself: what the application and the server are told."""
    write(redis_url, decision("bad"))
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])

    async def connect(account: str) -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": account, "headers": [(b"x-account-id", account.encode())]}
        await gate(scope, never, send)
        return sent

    async def never() -> Any:
        raise AssertionError

    async def both() -> tuple[list[Any], list[Any]]:
        try:
            return await connect("bad"), await connect("good")
        finally:
            await guard.close()

    guard = AsyncGuard.from_url(redis_url, deadline_s=5.0)
    gate = GuardMiddleware(app, guard=guard, gate=Gate(account=from_header("x-account-id")))
    refused, passed = asyncio.run(both())
    assert reached == ["good"]
    assert passed == []
    assert [(each["type"], each["code"]) for each in refused] == [("websocket.close", 1008)]


def test_each_request_becomes_an_event_refused_ones_too(redis_url: str) -> None:
    write(redis_url, decision("bad"))
    kept = Kept()
    emitter = EventEmitter(kept)
    with serving(redis_url, emitter, more=lambda scope: {"tier": "free", "path": scope["path"]}) as client:
        ask(client, "good")
        ask(client, "good", "/v1/stream/chat/completions")
        ask(client, "bad")
        ask(client, None)
        ask(client, "good", "/crash")  # the last one: uvicorn hangs up after it
    assert emitter.close(30)
    told = [
        (each["account_id"], each["status"], each["model"], each.get("output_tokens"), each.get("operation"))
        for each in kept.sent
    ]
    assert Counter(told) == {  # in any order: an answer is out a moment before its event
        ("good", 200, "atlas-2", 5, "chat"): 1,
        ("good", 200, "atlas-2", 100, "chat"): 1,
        ("good", 500, "atlas-2", None, None): 1,
        ("bad", 403, "atlas-2", None, "chat"): 1,
    }
    first = next(each for each in kept.sent if each.get("output_tokens") == 5)
    assert (first["tier"], first["user_agent"], first["client_ip"]) == ("free", "sdk/1", "127.0.0.1")
    assert first["prompt_chars"] == len(PROMPT)
    assert first["latency_ms"] > 0
    assert not [raw for raw in kept.raw if b"river" in raw or b"path" in raw]


def test_a_decision_reaches_an_account_that_is_in_full_flow(redis_url: str) -> None:
    with serving(redis_url) as client:
        assert ask(client, "a1").status_code == 200
        write(redis_url, decision("a1"))
        eventually(lambda: ask(client, "a1").status_code == 403)
        assert json.loads(ask(client, "a1").content)["status"] == 403
