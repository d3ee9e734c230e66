"""Who is told: examples that Alertmanager accepts, and an alert on its whole way to a webhook and back."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from stream_guard.embedded.process import HOST, Server
from stream_guard.records import CampaignState, pack_json
from stream_guard.settings import TelemetrySettings
from stream_guard.telemetry.observing import Telemetry
from stream_guard.telemetry.server import MetricsServer
from tests.deploy.files import DEPLOY, read_yaml
from tests.support.neighbours import need_binary
from tests.support.polling import until
from tests.support.prometheus import QuickPrometheus, ask

pytestmark = pytest.mark.prometheus
SHIPPED, EXAMPLES = DEPLOY / "alertmanager" / "alertmanager.yml", DEPLOY / "alertmanager" / "examples.yml"
ALERT = "StreamGuardNewCampaign"


def amtool(*arguments: object) -> str:
    program = need_binary("amtool", "prometheus-alertmanager")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alertmanager_accepts_the_examples() -> None:
    assert "3 receivers" in amtool("check-config", EXAMPLES)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"alertname": "StreamGuardWorkerDead", "severity": "critical"}, "pagerduty,slack"),
        ({"alertname": "StreamGuardBlocksOverCap", "severity": "critical"}, "pagerduty,webhook,slack"),
        ({"alertname": ALERT, "severity": "warning"}, "webhook,slack"),
        ({"alertname": "StreamGuardNoEvents", "severity": "warning"}, "slack"),
    ],
    ids=lambda value: value["alertname"] if isinstance(value, dict) else None,
)
def test_the_examples_tell_whom_they_say(labels: dict[str, str], told: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    assert amtool("config", "routes", "test", f"--config.file={EXAMPLES}", *pairs).strip() == told


class EmbeddedAlertmanager(Server):
    """The shipped configuration, quick, with one receiver: a webhook."""

    name = "alertmanager"

    def __init__(self, directory: Path, webhook: str) -> None:
        super().__init__(directory)
        self._webhook = webhook

    def prepare(self) -> None:
        config = read_yaml(SHIPPED)
        config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        (receiver,) = config["receivers"]
        receiver["webhook_configs"] = [{"url": self._webhook, "send_resolved": True}]
        (self.directory / "alertmanager.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def command(self) -> Sequence[str | Path]:
        return [
            need_binary("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={self.directory / 'alertmanager.yml'}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",  # alone
        ]


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and the alerts that it was told of."""
    told: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.extend(json.loads(body)["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is there
            pass

    server = HTTPServer((HOST, 0), Hook)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def campaign_of(accounts: int) -> CampaignState:
    return CampaignState(
        campaign_id="c1", kind="distillation", status="active", founded_at=1.0, changed_at=2.0,
        members=tuple(f"a{i}" for i in range(accounts)), indicators=(), evidence=(), harvested=100,
    )  # fmt: skip


def test_a_campaign_starts_and_its_alert_reaches_a_webhook_and_resolves(tmp_path: Path) -> None:
    """The shipped rules and routes; only a quarter of an hour is a quarter of a minute here."""
    rules = tmp_path / "alerts.yml"
    text = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    assert "[15m]" in text
    rules.write_text(text.replace("[15m]", "[15s]"), encoding="utf-8")
    telemetry = Telemetry()
    with (
        webhook() as (url, told),
        MetricsServer(telemetry.registry, TelemetrySettings(metrics_port=0)) as metrics,
        EmbeddedAlertmanager(tmp_path / "alertmanager", url) as alertmanager,
        QuickPrometheus(
            tmp_path / "prometheus", metrics.port, rules, [f"{HOST}:{alertmanager.port}"]
        ) as prometheus,
    ):
        until(lambda: ask(prometheus.url, "stream_guard_campaigns_reached_total"), 30, "a first scrape")
        telemetry.saw("campaigns", [(b"c1", pack_json(campaign_of(25)))])

        def statuses() -> list[str]:
            return [alert["status"] for alert in told if alert["labels"]["alertname"] == ALERT]

        until(lambda: "firing" in statuses(), 60, "the alert reaches the webhook")
        until(lambda: "resolved" in statuses(), 60, "it resolves")
    assert statuses().index("firing") < statuses().index("resolved")
    assert {alert["labels"]["alertname"] for alert in told} == {ALERT}, "nothing else was told"
    assert told[0]["annotations"]["runbook"].endswith(ALERT.lower())
