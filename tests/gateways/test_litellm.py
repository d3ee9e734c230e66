"""The real LiteLLM proxy, with the plugin and without: who is blocked is refused, and all of it is told."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.e2e.program import ROOT
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
    environment,
)
from tests.support.guards import eventually, write

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LiteLLM in an environment of its own, with us in it: its programs' folder."""
    place = tmp_path_factory.mktemp("litellm")
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    python = place / "bin" / "python"
    commands: list[list[str | Path]] = [
        [uv, "venv", "-q", "-p", sys.executable, place],
        [uv, "pip", "install", "-q", "-p", python, "litellm[proxy]>=1.80", ROOT],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            if os.environ.get("CI") == "true":
                pytest.fail(done.stderr.decode())
            pytest.skip(done.stderr.decode())
    return place / "bin"


class LiteLLM(Program):
    """The proxy, with one of our configurations and keys that name their accounts."""

    start_timeout_s = 240.0  # two at once, on whatever else the machine does

    def __init__(self, directory: Path, binaries: Path, config: str, variables: dict[str, str]) -> None:
        for source in ("config.yaml", "config-without-plugin.yaml", "stream_guard_plugin.py"):
            shutil.copy(DEPLOY / "litellm" / source, directory)
        shutil.copy(Path(__file__).with_name("custom_auth.py"), directory)
        own = directory / "own.yaml"
        own.write_text(
            f"include: [{config}]\ngeneral_settings:\n  custom_auth: custom_auth.user_api_key_auth\n"
        )
        command: list[str | Path] = [
            binaries / "litellm",
            "--config",
            own,
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
        ]
        super().__init__(directory, command, variables)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/liveliness", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def variables(upstream: Upstream) -> dict[str, str]:
    return {
        "UPSTREAM_URL": f"{upstream.url}/v1",
        "UPSTREAM_KEY": "none",
        "LITELLM_MASTER_KEY": "sk-9f2d0c31b7e84ad5a6f10e2c47b8d3955e6a",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_DOCS": "True",
    }


@pytest.fixture(scope="module")
def proxies(
    litellm: Path, upstream: Upstream, decisions: str, told: Told, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, httpx.Client]]:
    """Both at once: a start takes LiteLLM half a minute of one core."""
    directories = {name: tmp_path_factory.mktemp(name) for name in ("plugin", "bare")}
    with ExitStack() as stack:
        service = stack.enter_context(GuardService(directories["bare"], decisions, told))
        without = {
            "STREAM_GUARD_URL": service.url,
            "GENERIC_LOGGER_ENDPOINT": f"{service.url}/events",
            "DEFAULT_FLUSH_INTERVAL_SECONDS": "1",
        }
        both = {
            "plugin": ("config.yaml", environment(decisions, told)),
            "bare": ("config-without-plugin.yaml", without),
        }
        started = {
            name: LiteLLM(directories[name], litellm, config, {**variables(upstream), **ours})
            for name, (config, ours) in both.items()
        }
        for proxy in started.values():
            stack.callback(proxy.stop)
        with ThreadPoolExecutor() as pool:
            list(pool.map(LiteLLM.start, started.values()))
        yield {name: stack.enter_context(asking(proxy.url)) for name, proxy in started.items()}


@pytest.fixture
def plugin(proxies: dict[str, httpx.Client]) -> httpx.Client:
    return proxies["plugin"]


@pytest.fixture
def bare(proxies: dict[str, httpx.Client]) -> httpx.Client:
    return proxies["bare"]


def test_an_honest_account_is_answered_and_told_of_with_tokens_and_no_prompt(
    plugin: httpx.Client, told: Told
) -> None:
    response = ask(plugin, "honest")
    assert response.status_code == 200, response.text
    (event,) = told.wait("honest", 1)
    assert (event.status, event.model, event.operation) == (200, "atlas-large-2", "chat")
    assert (event.input_tokens, event.output_tokens, event.max_tokens) == (12, 5, 64)
    assert event.prompt_chars == len(PROMPT)
    assert not any(b"river" in raw for raw in told.raw())


def test_a_blocked_account_is_refused_before_the_model_is_asked(
    plugin: httpx.Client, upstream: Upstream, decisions: str, told: Told
) -> None:
    write(decisions, block := decision("copier"))
    asked = len(upstream.asked)
    response = ask(plugin, "copier")
    assert response.status_code == 403
    assert block.decision_id in response.text
    assert "campaign" not in response.text
    assert len(upstream.asked) == asked
    assert [event.status for event in told.wait("copier", 1)] == [403]


def test_a_throttled_account_learns_when_to_come_again(
    plugin: httpx.Client, decisions: str, told: Told
) -> None:
    write(decisions, decision("hasty", "throttle"))
    responses = [ask(plugin, "hasty") for _ in range(5)]
    assert [response.status_code for response in responses][:3] == [200, 200, 200]
    refused = responses[-1]
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["ratelimit-policy"] == '"throttle";q=10;w=60'
    assert sorted({event.status or 0 for event in told.wait("hasty", 5)}) == [200, 429]


def test_a_decision_is_obeyed_while_the_proxy_runs(plugin: httpx.Client, decisions: str) -> None:
    assert ask(plugin, "turncoat").status_code == 200
    write(decisions, decision("turncoat"))
    eventually(lambda: ask(plugin, "turncoat").status_code == 403)


def test_without_a_plugin_a_blocked_account_is_refused_and_all_is_told(
    bare: httpx.Client, upstream: Upstream, decisions: str, told: Told
) -> None:
    assert ask(bare, "honest-2").status_code == 200
    write(decisions, block := decision("copier-2"))
    asked = len(upstream.asked)
    response = ask(bare, "copier-2")
    assert response.status_code == 400, "LiteLLM's own status for whatever a guardrail refuses"
    assert block.decision_id in response.text
    assert len(upstream.asked) == asked
    (answered,), (refused,) = told.wait("honest-2", 1), told.wait("copier-2", 1)
    assert (answered.status, answered.output_tokens) == (200, 5)
    assert refused.status is not None
    assert refused.status >= 400
    assert not any(b"river" in raw for raw in told.raw())
