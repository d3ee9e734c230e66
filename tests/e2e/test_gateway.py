"""A campaign against the whole program: real gateway, real Kafka, the real worker, real Valkey.

The past (the shipped sample, moved so that it ends now) is in Kafka when the worker starts.  What
the sample's campaign would have sent next, it sends through the gateway, until it is refused; an
honest account works beside it.  All times that are printed are of this machine's one clock.
"""

import json
import math
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from stream_guard.cli.shift import Shifter
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import HOST, answers, free_port, tail
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.records import Control
from stream_guard.samples import TRAFFIC, TRUTH
from stream_guard.sinks.control import ControlWriter
from stream_guard.sinks.redis_keys import decision_key
from stream_guard.wire.files import EventFile
from tests.e2e.program import COMMAND, ROOT, good, stream_guard, with_environment
from tests.support.polling import until
from tests.support.processors import kept_waiting_s

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
PAST_S = 127_700.0  # of the sample: its campaign is convicted some minutes later
CAMPAIGN = "distillation-1"
PATIENCE_S = 180
PACE_S = 0.02  # between two requests of the campaign
GOAL = 20  # accounts of the campaign that must be refused
PATH = "/v1/chat/completions"
ASKERS = 4  # threads: more would wait for one another, and for the gateway's one core
WORDS = 25  # accounts that are charged back and let go again
HONEST_EVERY = 10  # requests of the campaign to one of the honest account
ENDED = (0, -signal.SIGTERM)  # uvicorn stops in order and then dies of the signal that it got


@dataclass
class Place:
    redis_url: str
    kafka: str
    gateway: str
    pids: list[int]  # gateway, Valkey
    logs: list[Path]
    future: list[dict[str, Any]]  # what the sample's accounts would have sent next
    labels: dict[str, str] = field(default_factory=dict)  # account: campaign, or empty


@contextmanager
def program(log: Path, *command: Any, environment: dict[str, str]) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=with_environment(environment),
        )
    try:
        yield process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in ENDED, tail(log)
    finally:
        process.kill()
        process.wait(10)


def split(past: Path) -> list[dict[str, Any]]:
    """Write the past, moved to end now; what comes after it."""
    lines = list(EventFile(str(TRAFFIC)))
    events = [json.loads(line) for line in lines]
    cut = events[0]["occurred_at"] + PAST_S
    shifter, step = Shifter(), time.time() - cut
    before = [line for line, event in zip(lines, events, strict=True) if event["occurred_at"] < cut]
    past.write_bytes(b"\n".join(shifter.shift(line, step) for line in before))
    after = events[len(before) :]
    for event in after:
        event["account_created_at"] += step
    return after


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("gateway")
    with EmbeddedKafka(directory / "kafka") as broker, EmbeddedValkey(directory / "valkey") as server:
        environment = {
            "STREAM_GUARD_KAFKA__BOOTSTRAP": broker.bootstrap,
            "STREAM_GUARD_KAFKA__DATA_DIR": str(directory / "data"),
            "STREAM_GUARD_REDIS__URL": server.url,
            "STREAM_GUARD_TELEMETRY__METRICS_PORT": str(free_port()),
            "REDIS_URL": server.url,
            "KAFKA": broker.bootstrap,
        }
        future = split(directory / "past.jsonl")
        good(stream_guard("produce", directory / "past.jsonl", environment=environment))
        labels = {
            row["account_id"]: row["campaign"] or ""
            for row in map(json.loads, TRUTH.read_text().splitlines())
        }
        logs = [directory / "worker.log", directory / "gateway.log"]
        port = free_port()
        uvicorn = [sys.executable, "-m", "uvicorn", "tests.e2e.gateway_app:app", "--port", port]
        with (
            program(logs[0], *COMMAND, "run", environment=environment),
            program(logs[1], *uvicorn, "--no-access-log", environment=environment) as pid,
        ):
            until(lambda: answers(port), 60, "the gateway did not start")
            until(lambda: is_read(environment), PATIENCE_S, "the past was not read")
            metrics = int(environment["STREAM_GUARD_TELEMETRY__METRICS_PORT"])
            until(lambda: is_present(metrics), PATIENCE_S, "event time did not reach the present", 0.5)
            pids = [pid, server.pid or 0]
            yield Place(server.url, broker.bootstrap, f"http://{HOST}:{port}", pids, logs, future, labels)


def is_read(environment: dict[str, str]) -> bool:
    looks = map(json.loads, stream_guard("doctor", "--json", environment=environment).stdout.splitlines())
    return all(look["state"] == "good" for look in looks if look["what"] in ("lag", "topics", "metrics"))


def is_present(port: int) -> bool:
    """Whether every stage of the worker has come to within some seconds of now."""
    text = httpx.get(f"http://{HOST}:{port}/metrics", timeout=30).text
    name = "stream_guard_stream_watermark_timestamp_seconds"
    reached = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels["stage"] != "other" and sample.value
    ]
    return bool(reached) and min(reached) > time.time() - 6


def send(client: httpx.Client, event: dict[str, Any]) -> httpx.Response:
    """One request of the sample's, as its account would make it now."""
    body, headers = request_of(event)
    return client.post(PATH, content=body, headers=headers)


def request_of(event: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    unsent = {"event_id", "occurred_at", "account_id", "model", "status", "latency_ms"}
    known = json.dumps({name: value for name, value in event.items() if name not in unsent})
    headers = {"x-account-id": event["account_id"], "x-known": known, "content-type": "application/json"}
    return json.dumps({"model": event["model"]}).encode(), headers


def busiest(place: Place, campaign: str) -> str:
    counts: Counter[str] = Counter()
    counts.update(e["account_id"] for e in place.future if place.labels[e["account_id"]] == campaign)
    return counts.most_common(1)[0][0]


def of(place: Place, account: str) -> dict[str, Any]:
    return next(event for event in place.future if event["account_id"] == account)


def shown(place: Place, name: str) -> dict[str, float]:
    text = httpx.get(f"{place.gateway}/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return {
        sample.name.removeprefix(name) + "".join(sample.labels.values()): sample.value
        for sample in families[name].samples
    }


class Asker(Thread):
    """Lets an account ask the gateway again as soon as a block on it is written, as one in full flow would.

    So what is measured is the program, and not how long an account happened to pause.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        self._place, self._over, self._from = place, Event(), time.time()
        # The bare client of the library, so that what is timed is the gateway.
        self._connections: SimpleQueue[HTTPConnection] = SimpleQueue()
        for _ in range(ASKERS):
            self._connections.put(HTTPConnection(place.gateway.partition("//")[2], timeout=30))
        self._redis = Redis.from_url(place.redis_url)
        self._redis.config_set("notify-keyspace-events", "Kh")
        self._pushes: Any = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pushes.psubscribe("__keyspace@0__:sg:v1:decision:*")
        self._first = {event["account_id"]: event for event in reversed(place.future)}
        self.since_decided: dict[str, float] = {}
        self.since_written: dict[str, float] = {}
        self.passed_after: dict[str, float] = {}  # 0: none did
        self.sent_after: dict[str, float] = {}  # the request that was refused: how late it was sent,
        self.answered_in: dict[str, float] = {}  # and how long the gateway took for it;
        self.waited: dict[str, float] = {}  # for so much of that, gateway and Valkey had no processor

    def run(self) -> None:
        with ThreadPoolExecutor(ASKERS) as pool:
            while not self._over.is_set():
                message = self._pushes.get_message(timeout=0.1)
                if message is not None:
                    written_at, key = time.time(), message["channel"].decode().partition(":")[2]
                    account = key.partition("{")[2].removesuffix("}")
                    pool.submit(self._ask, key, account, written_at)

    def _ask(self, key: str, account: str, written_at: float) -> None:
        action, decided_ms = self._redis.hmget(key, "action", "decided_ms")
        event = self._first.get(account)
        if action != b"block" or event is None or account in self.since_written:
            return
        body, headers = request_of(event)
        connection, status, passed_at, waited = self._connections.get(), 0, written_at, 0.0
        sent_at = written_at
        while status != 403:
            sent_at, waited = time.time(), kept_waiting_s(self._place.pids)
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            status = answer.status
            answer.read()
            passed_at = sent_at if status == 200 else passed_at
        now = time.time()
        self.waited[account] = min(kept_waiting_s(self._place.pids) - waited, now - sent_at)
        self._connections.put(connection)
        self.sent_after[account], self.answered_in[account] = sent_at - written_at, now - sent_at
        if float(decided_ms or 0) / 1000 > self._from:  # else of the past, which the worker has just read
            self.since_decided[account] = now - float(decided_ms or 0) / 1000
        self.since_written[account] = now - written_at
        self.passed_after[account] = passed_at - written_at

    def close(self) -> None:
        self._over.set()
        self.join(30)
        for _ in range(ASKERS):
            self._connections.get().close()
        self._pushes.close()
        self._redis.close()


def told(what: str, values: list[float]) -> None:
    ordered = sorted(values) or [math.nan]
    middle, high = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    sys.stderr.write(f"\n{what}: median {middle:.3f} s, 99 % {high:.3f} s, n={len(values)}\n")


def test_a_campaign_is_refused_and_an_honest_account_beside_it_never_notices(place: Place) -> None:
    honest = of(place, busiest(place, ""))
    refused: set[str] = set()
    attack = [event for event in place.future if place.labels[event["account_id"]] == CAMPAIGN]
    asker = Asker(place)
    asker.start()
    with httpx.Client(base_url=place.gateway, timeout=30) as client:
        ends = time.monotonic() + PATIENCE_S
        for i, event in enumerate(attack):
            answer = send(client, event)
            if answer.status_code == 403:
                refused.add(event["account_id"])
                assert answer.json()["reference"]
            if i % HONEST_EVERY == 0:
                assert send(client, honest).status_code == 200
            if len(refused) >= GOAL:
                break
            assert time.monotonic() < ends, f"{len(refused)} refused\n{tail(place.logs[0])}"
            time.sleep(PACE_S)
    asker.close()
    assert len(refused) >= GOAL, tail(place.logs[0])
    told("decided (event time) to first refused request", list(asker.since_decided.values()))
    told("written to Redis to first refused request", list(asker.since_written.values()))
    told("of it: until the request was sent", list(asker.sent_after.values()))
    told("of it: until the gateway had answered", list(asker.answered_in.values()))
    told("of that: gateway or Valkey without a processor", list(asker.waited.values()))
    told("written to Redis to last request that passed", list(asker.passed_after.values()))
    assert CAMPAIGN in {place.labels[account] for account in asker.since_written}
    assert shown(place, "stream_guard_gateway_reaction_seconds")["_count"] >= 1
    checks = shown(place, "stream_guard_gateway_checks")
    assert checks["_totalblockrefusedredis"] + checks.get("_totalblockrefusedlocal", 0) >= GOAL
    until(
        lambda: shown(place, "stream_guard_gateway_pending_records")[""] == 0,
        PATIENCE_S,
        "events are pending",
    )
    events = shown(place, "stream_guard_gateway_events")
    assert events["_totaldelivered"] >= len(refused)
    assert events["_totaldropped"] == events["_totalinvalid"] == 0


def test_a_word_from_outside_is_obeyed_by_the_gateway(place: Place) -> None:
    """Billing's chargeback, the hard fact that blocks one account; then the operator takes it back."""
    blocked, freed = list[float](), list[float]()
    accounts = sorted({e["account_id"] for e in place.future if not place.labels[e["account_id"]]})[:WORDS]
    with (
        httpx.Client(base_url=place.gateway, timeout=30) as client,
        ControlWriter(place.kafka) as writer,
    ):

        def obeyed(verb: Any, account: str, status: int) -> float:
            event, spoken_at = of(place, account), time.time()
            writer.send(Control(verb=verb, subject=account, spoken_at=spoken_at, author="billing"))
            until(lambda: send(client, event).status_code == status, PATIENCE_S, f"{verb}: not obeyed", 0.002)
            return time.time() - spoken_at

        for account in accounts:
            assert send(client, of(place, account)).status_code == 200
            blocked.append(obeyed("chargeback", account, 403))
        taken_up(place, accounts, b"block")
        freed.extend(obeyed("revoke", account, 200) for account in accounts)
        taken_up(place, accounts, b"allow")
        assert {send(client, of(place, account)).status_code for account in accounts} == {200}
    told("chargeback spoken to first refused request", blocked)
    told("revocation spoken to first request that passed", freed)


def taken_up(place: Place, accounts: list[str], action: bytes) -> None:
    """Wait until DECISIONS has heard of all, and no word stands alone any more."""
    with Redis.from_url(place.redis_url) as redis:
        keys = [decision_key(account) for account in accounts]

        def is_so() -> bool:
            return all(redis.hmget(key, "action", "interim") == [action, None] for key in keys)

        until(is_so, PATIENCE_S, f"no decision {action!r} came")


def test_the_service_of_the_documents_is_protected_as_they_say(place: Place, tmp_path: Path) -> None:
    """docs/gateways.md, step by step."""
    page = (ROOT / "docs" / "gateways.md").read_text(encoding="utf-8")
    code = next(block for block in page.split("```python\n") if block.startswith("from starlette.app"))
    code = code.partition("```")[0]
    code = code.replace("redis://127.0.0.1:6379/0", place.redis_url).replace("127.0.0.1:9092", place.kafka)
    (tmp_path / "shop.py").write_text(code)
    port = free_port()
    uvicorn = [sys.executable, "-m", "uvicorn", "--app-dir", tmp_path, "shop:app", "--port", port]
    environment = {"STREAM_GUARD_KAFKA__BOOTSTRAP": place.kafka, "STREAM_GUARD_REDIS__URL": place.redis_url}
    with program(tmp_path / "shop.log", *uvicorn, environment=environment):
        until(lambda: answers(port), 60, "the service did not start")

        def ask() -> int:
            address, account = f"http://{HOST}:{port}/v1/chat/completions", {"x-account-id": "acct-7"}
            return httpx.post(address, json={"model": "m", "messages": []}, headers=account).status_code

        assert ask() == 200
        said = ("decisions", "chargeback", "acct-7", "--author", "billing")
        good(stream_guard(*said, environment=environment))
        until(lambda: ask() == 403, PATIENCE_S, "not blocked")
        good(stream_guard("decisions", "revoke", "acct-7", "--author", "me", environment=environment))
        until(lambda: ask() == 200, PATIENCE_S, "not let go")
