"""What the request path costs: checks, the middleware, a gateway's tail, and how soon a decision is obeyed.

Every target is a ratio within one run, and beside it stands what the same thing twice comes to.  HTTP
load comes from `wrk` (Debian), on one core, the server on the other; with and without the guard in turn,
medians over the rounds.  CPU time per request says more than requests per second on a machine that is
shared.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from redis.asyncio import Redis as AsyncRedis

from stream_guard.embedded.process import HOST, answers, free_port
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.enforcement import AsyncGuard, Guard
from stream_guard.enforcement.keys import decision_key
from stream_guard.records import pack_json
from stream_guard.sinks.entry import read_entry
from stream_guard.sinks.redis_keys import connect
from stream_guard.sinks.redis_projection import RedisProjection
from stream_guard.sinks.redis_writer import DecisionWriter
from tests.benchmarks.bench_middleware import measure as middleware
from tests.support.decisions import decision
from tests.support.guards import write
from tests.support.polling import until
from tests.support.processors import kept_waiting_s

ROOT = Path(__file__).parents[2]
ACCOUNTS = 1_000
LOCAL, ASKED, OBEYED = 200_000, 3_000, 200
ROUNDS, SECONDS = 25, 1
SCRIPT = f"""
local n = 0
request = function()
  n = n + 1
  wrk.headers["x-account-id"] = "acct-" .. (n % {ACCOUNTS})
  return wrk.format(nil, "/v1/chat/completions")
end
"""


def local_check_us(url: str) -> float:
    """CPU time of a check that the local copy answers, over a thousand accounts in turn."""
    guard = Guard.from_url(url)
    names = [f"acct-{i}" for i in range(ACCOUNTS)]
    for name in names:
        guard.check(name)
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(LOCAL // ACCOUNTS):
            for name in names:
                guard.check(name)
        best = min(best, time.process_time() - start)
    guard.close()
    return best / LOCAL * 1e6


async def redis_checks(url: str) -> dict[str, float]:
    """A check that asks Redis against a plain GET, one after the other on the guard's own connection."""
    guard = AsyncGuard.from_url(url, deadline_s=5.0)
    await guard.check("nobody")
    link, loop = guard._link, asyncio.get_running_loop()
    assert link is not None
    assert link._line is not None
    talk = link._line.conversation

    async def get(name: str) -> None:
        waiter = loop.create_future()
        talk._send(("GET", f"sg:v1:rate:{{{name}}}"), waiter.set_result)
        await waiter

    async def ask(name: str) -> None:
        waiter = loop.create_future()
        link.ask(name, 1, waiter.set_result)
        await waiter

    async def ask_anew(name: str) -> None:
        """As before anything was known of the account."""
        guard._copy._terms.clear()
        await ask(name)

    async def time_of(what: Callable[[str], Coroutine[Any, Any, None]], name: str) -> float:
        start = time.perf_counter()
        await what(name)
        return time.perf_counter() - start

    ways = {
        "get": (get, "much"),
        "no decision": (ask, "nobody"),
        "block": (ask, "bad"),
        "throttle": (ask, "much"),
        "throttle, first": (ask_anew, "much"),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ASKED):
        for name, (what, account) in ways.items():
            taken[name].append(await time_of(what, account))
    await guard.close()
    async with AsyncRedis.from_url(url) as client:
        start = time.perf_counter()
        for _ in range(ASKED):
            await client.get("sg:v1:rate:{much}")
        client_us = (time.perf_counter() - start) / ASKED * 1e6
    middle = {name: median(each) * 1e6 for name, each in taken.items()}
    return {
        "plain get us": round(middle["get"], 1),
        "get by redis-py's own asyncio client us": round(client_us, 1),
        **{f"{name} us": round(middle[name], 1) for name in ways if name != "get"},
        **{f"{name} ratio": round(middle[name] / middle["get"], 2) for name in ways if name != "get"},
    }


def obeyed(url: str, pids: list[int]) -> dict[str, float]:
    """From the stream's push to the first refusal, of an account that asks without a pause."""
    projection = RedisProjection(url, list)
    projection.start()
    assert projection.flush(30)
    guard = Guard.from_url(url, deadline_s=5.0)
    pushed: list[tuple[float, float]] = []
    written: list[tuple[float, float]] = []

    def until_refused(name: str, since: float, waited: float) -> tuple[float, float]:
        while guard.check(name).allowed:
            time.sleep(0.0001)  # a caller that spins would take the lock from the guard's own thread
        return time.perf_counter() - since, kept_waiting_s(pids) - waited

    for i in range(OBEYED):
        name = f"obeyed-{i}"
        assert guard.check(name).allowed
        waited, start = kept_waiting_s(pids), time.perf_counter()
        projection.push([(pack_json(decision(name)), i)])
        pushed.append(until_refused(name, start, waited))
    writer = DecisionWriter(connect(url))
    for i in range(OBEYED):
        name = f"written-{i}"
        assert guard.check(name).allowed
        entry = read_entry(pack_json(decision(name)), i)
        waited = kept_waiting_s(pids)
        writer.write([entry])
        written.append(until_refused(name, time.perf_counter(), waited))
    writer.close()
    guard.close()
    projection.close()
    return {
        f"{what} to refused, {name} ms": round(sorted(values)[int(len(values) * share)] * 1000, 2)
        for what, values in (
            ("pushed", [each[0] for each in pushed]),
            ("written", [each[0] for each in written]),
            ("pushed, less the time without a processor,", [max(0.0, a - b) for a, b in pushed]),
            ("written, less the time without a processor,", [max(0.0, a - b) for a, b in written]),
        )
        for name, share in (("median", 0.5), ("99 %", 0.99))
    }


def cpu_s(pid: int) -> float:
    """Time of a process' main thread on a processor so far, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def served(kind: str, url: str) -> Iterator[tuple[int, int]]:
    """Process and port of uvicorn with one of the applications of `guard_apps`."""
    port = free_port()
    command = ["taskset", "-c", "0", sys.executable, "-m", "uvicorn", f"tests.benchmarks.guard_apps:{kind}"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--no-access-log", "--log-level", "error"],
        env={**os.environ, "REDIS_URL": url},
        cwd=ROOT,
    )
    try:
        until(lambda: answers(port), 60, f"{kind} did not start")
        yield process.pid, port
    finally:
        process.kill()
        process.wait(10)


def load(port: int, script: Path, connections: int) -> tuple[int, float]:
    """Requests answered and their 99th percentile in ms."""
    wrk = shutil.which("wrk")
    assert wrk is not None, "wrk is not on PATH (Debian: apt-get install wrk)"
    command = [
        "taskset",
        "-c",
        "1",
        wrk,
        "-t1",
        f"-c{connections}",
        f"-d{SECONDS}",
        "--latency",
        "-s",
        str(script),
    ]
    out = subprocess.run(
        [*command, f"http://{HOST}:{port}"], check=True, capture_output=True, text=True
    ).stdout
    assert "Non-2xx" not in out, out
    count, (number, unit) = (
        re.search(r"(\d+) requests in", out),
        re.findall(r"99%\s+([\d.]+)(us|ms|s)\b", out)[0],
    )
    assert count is not None
    return int(count[1]), float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def pair(without: str, within: str, url: str, script: Path, connections: int) -> dict[str, float]:
    """One application without and with the guard, in turn; without it twice, which tells the noise."""
    with served(without, url) as plain, served(without, url) as again, served(within, url) as guarded:
        apps, figures = (plain, again, guarded), [[], [], []]  # type: tuple[Any, ...], list[list[Any]]
        for turn in range(ROUNDS):
            for which in (turn % 3, (turn + 1) % 3, (turn + 2) % 3):  # nobody always comes first
                pid, port = apps[which]
                before = cpu_s(pid)
                count, high = load(port, script, connections)
                figures[which].append((count / SECONDS, (cpu_s(pid) - before) / count * 1e6, high))
    first, second, third = (each[1:] for each in figures)  # the first round warms all

    def ratio(which: int, to: list[Any]) -> float:
        return round(median(float(b[which] / a[which]) for a, b in zip(first, to, strict=True)), 3)

    return {
        "requests per s without": round(median(each[0] for each in first)),
        "cpu us per request without": round(median(each[1] for each in first), 1),
        "cpu us per request with": round(median(each[1] for each in third), 1),
        "throughput ratio": ratio(0, third),
        "cpu ratio": ratio(1, third),
        "cpu ratio of the same application twice": ratio(1, second),
        "p99 ratio": ratio(2, third),
        "p99 ratio of the same application twice": ratio(2, second),
    }


def run() -> dict[str, Any]:
    """All figures."""
    with TemporaryDirectory() as folder, EmbeddedValkey(Path(folder) / "server") as server:
        write(server.url, decision("bad"), decision("much", "throttle"))
        assert decision_key("bad")
        script = Path(folder) / "load.lua"
        script.write_text(SCRIPT)
        return {
            "local check us": round(local_check_us(server.url), 3),
            "redis check": asyncio.run(redis_checks(server.url)),
            "obeyed": obeyed(server.url, [os.getpid(), server.pid or 0]),
            "middleware, without kernel and load generator": asyncio.run(middleware(server.url)),
            "bare ASGI": pair("bare", "guarded_bare", server.url, script, 16),
            "empty Starlette": pair("empty", "guarded_empty", server.url, script, 16),
            "gateway": pair("gateway", "guarded_gateway", server.url, script, 8),
        }


if __name__ == "__main__":
    for name, value in run().items():
        sys.stdout.write(f"{name}: {value}\n")
