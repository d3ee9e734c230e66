"""What the middleware adds to uvicorn's own work for a request, in one process and without a kernel between.

Requests go as bytes into uvicorn's protocol, answers into a transport that drops them: parsing, the
application and writing are all there, system calls and a load generator are not.  So what is left
is nearly free of noise: the same application twice differs by 1 %, where HTTP load differs by 5.  A
thousand accounts in turn, all answered from the local copy; rounds in turn, medians.
"""

import asyncio
import time
from statistics import median
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from stream_guard.enforcement import AsyncGuard
from stream_guard.enforcement.asgi import Gate, GuardMiddleware, from_header
from tests.benchmarks.guard_apps import bare, empty

ACCOUNTS, ROUNDS = 1_000, 120
REQUESTS = [
    b"GET /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-account-id: acct-%d\r\n\r\n" % i
    for i in range(ACCOUNTS)
]


class Nowhere(asyncio.Transport):
    """Takes what is written; counts the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = 0

    def write(self, data: Any) -> None:
        self.answers += bytes(data).startswith(b"HTTP/1.1 200")

    def close(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default


def protocol(app: Any) -> tuple[Any, Nowhere]:
    config = uvicorn.Config(
        app, log_level="error", access_log=False, interface="asgi3", timeout_keep_alive=600
    )
    config.load()
    found, transport = HttpToolsProtocol(config, ServerState(), {}), Nowhere()
    found.connection_made(transport)
    return found, transport


async def request_us(to: tuple[Any, Nowhere]) -> float:
    found, transport = to
    before, start = transport.answers, time.thread_time()
    for each in REQUESTS:
        found.data_received(each)
        while not found.cycle.response_complete:  # noqa: ASYNC110 - a turn of the loop is what the task needs
            await asyncio.sleep(0)
    taken = time.thread_time() - start
    assert transport.answers - before == ACCOUNTS, "all were answered"
    return taken / ACCOUNTS * 1e6


async def measure(url: str) -> dict[str, Any]:
    """CPU us of a request and ratios, of the least that ASGI allows and of an empty Starlette."""
    guard = AsyncGuard.from_url(url, deadline_s=5.0)
    for i in range(ACCOUNTS):
        assert (await guard.check(f"acct-{i}")).allowed
    figures: dict[str, Any] = {}
    for name, app in (("bare ASGI", bare), ("empty Starlette", empty)):
        guarded = GuardMiddleware(app, guard=guard, gate=Gate(account=from_header("x-account-id")))
        ways = [protocol(app), protocol(app), protocol(guarded)]
        taken: list[list[float]] = [[], [], []]
        for turn in range(ROUNDS):
            for which in (turn % 3, (turn + 1) % 3, (turn + 2) % 3):
                taken[which].append(await request_us(ways[which]))
        first, again, third = taken
        figures[name] = {
            "us without": round(median(first), 2),
            "us with": round(median(third), 2),
            "ratio": round(median(b / a for a, b in zip(first, third, strict=True)), 3),
            "ratio of the same application twice": round(
                median(b / a for a, b in zip(first, again, strict=True)), 3
            ),
        }
    await guard.close()
    return figures
