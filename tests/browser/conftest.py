"""A console with everything behind it: Kafka, Valkey, a worker that has read some traffic; and a browser."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import free_port, tail
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.samples import TRAFFIC
from tests.conftest import start_or_skip
from tests.e2e.program import COMMAND, ROOT, good, stream_guard, with_environment
from tests.support.neighbours import need_binary
from tests.support.polling import until

PATIENCE_S = 240
TOKEN = "the token of these tests"
BLOCKED_AT_LEAST = 20  # accounts of the traffic's campaign, far below what is usually found
SCENARIO = ("simulate", "minimax:0.01@naive+background:200", "--days", "1", "--seed", "1")


@dataclass(frozen=True)
class Place:
    """Where everything is."""

    url: str
    bootstrap: str
    environment: dict[str, str]
    log: Path

    def text(self, path: str) -> str:
        """A page as it stands; empty while nobody answers."""
        try:
            with urlopen(self.url + path, timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except (URLError, OSError):
            return ""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = need_binary("chromium", "chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def place(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Everything, once for all tests of this folder; a missing browser is found out first."""
    directory = tmp_path_factory.mktemp("console")
    broker, server = EmbeddedKafka(directory / "kafka"), EmbeddedValkey(directory / "valkey")
    start_or_skip(broker)
    start_or_skip(server)
    port = free_port()
    environment = {
        "STREAM_GUARD_KAFKA__BOOTSTRAP": broker.bootstrap,
        "STREAM_GUARD_KAFKA__DATA_DIR": str(directory / "data"),
        "STREAM_GUARD_REDIS__URL": server.url,
        "STREAM_GUARD_TELEMETRY__METRICS_PORT": str(free_port()),
        "STREAM_GUARD_CONSOLE__PORT": str(port),
        "STREAM_GUARD_CONSOLE__TOKEN": TOKEN,
    }
    good(stream_guard("produce", traffic(directory), "--shift-to-now", environment=environment))
    found = Place(f"http://127.0.0.1:{port}", broker.bootstrap, environment, directory / "console.log")
    started = [
        _start("run", directory / "worker.log", environment),
        _start("console", found.log, environment),
    ]
    try:
        until(lambda: _held(found) >= BLOCKED_AT_LEAST, PATIENCE_S, "accounts are blocked")
        until(lambda: _is_read(found), PATIENCE_S, "the sample is read")
        yield found
        for process in started:
            process.terminate()
        codes = [process.wait(60) for process in started]
        assert codes == [0, 0], tail(found.log)
    finally:
        for process in started:
            process.kill()
            process.wait(10)
        broker.stop()
        server.stop()


def traffic(directory: Path) -> Path:
    """A small day with a campaign in it; for the documents' pictures the shipped sample."""
    if os.environ.get("STREAM_GUARD_PICTURES"):
        return Path(TRAFFIC)
    day = directory / "day.jsonl"
    good(stream_guard(*SCENARIO, "--output", day, "--truth", directory / "truth.jsonl"))
    return day


def _start(command: str, log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [*COMMAND, command], stdout=out, stderr=out, cwd=ROOT, env=with_environment(environment)
        )


def _held(place: Place) -> int:
    return place.text("/decisions?action=block").count('class="action block"')


def _is_read(place: Place) -> bool:
    """Whether the worker has caught up with the clock: nothing needs a look but what is new."""
    page = place.text("/")
    return 'class="look warn"' not in page and 'class="look bad"' not in page and bool(page)


class Watched:
    """A page, and whatever its browser complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        self.asked: set[str] = set()  # hosts
        page.on("request", lambda request: self.asked.add("/".join(request.url.split("/")[:3])))
        page.on("console", lambda line: self._note(line.type, line.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure or ""))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def _failed(self, url: str, why: str) -> None:
        if why != "net::ERR_ABORTED":  # the page was left before it came
            self.complaints.append(f"failed: {url}: {why}")

    def open(self, path: str) -> Page:
        """Go to a page of the console."""
        self.page.goto(self.url + path, wait_until="load")
        return self.page

    def sign_in(self, author: str = "ann") -> None:
        """Sign in as a person would."""
        self.open("/login")
        self.page.get_by_label("Your name").fill(author)
        self.page.get_by_label("Token").fill(TOKEN)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_text(author, exact=True).wait_for()


@pytest.fixture
def watched(browser: Browser, place: Place) -> Iterator[Watched]:
    """A fresh browser; at the end it must not have complained."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    found = Watched(context.new_page(), place.url)
    yield found
    context.close()
    assert found.complaints == []
