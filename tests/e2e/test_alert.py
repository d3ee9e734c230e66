"""From traffic to somebody's phone: a campaign is detected, its alert reaches a webhook, and resolves.

All of it is real: Kafka, the worker, Prometheus, Alertmanager; rules and routes are the shipped ones,
only a quarter of an hour is a third of a minute here.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from stream_guard.bootstrap import build_topology
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import HOST, free_port
from stream_guard.settings import Settings
from stream_guard.telemetry.metrics import DECISION_DELAY, EXEMPLAR
from tests.deploy.files import DEPLOY
from tests.e2e.program import COMMAND, ROOT, good, stream_guard, with_environment
from tests.support.alertmanager import EmbeddedAlertmanager, webhook
from tests.support.kafka import read_topics
from tests.support.polling import until
from tests.support.prometheus import QuickPrometheus, ask

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.prometheus]
ALERT = "StreamGuardNewCampaign"
SCENARIO = ("simulate", "minimax:0.01@naive+background:200", "--days", "1", "--seed", "1")
PATIENCE_S = 120
Environment = dict[str, str]


@pytest.fixture
def environment(own_kafka: EmbeddedKafka, tmp_path: Path) -> Environment:
    """Of a worker whose log holds a day of traffic that ends now."""
    found = {
        "STREAM_GUARD_KAFKA__BOOTSTRAP": own_kafka.bootstrap,
        "STREAM_GUARD_KAFKA__DATA_DIR": str(tmp_path / "data"),
        "STREAM_GUARD_REDIS__ENABLED": "false",
        "STREAM_GUARD_TELEMETRY__METRICS_PORT": str(free_port()),
    }
    day = tmp_path / "day.jsonl"
    good(stream_guard(*SCENARIO, "--output", day, "--truth", tmp_path / "truth.jsonl"))
    good(stream_guard("produce", day, "--shift-to-now", environment=found))
    return found


@contextmanager
def worker(environment: Environment, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*COMMAND, "run"], stdout=out, stderr=out, cwd=ROOT, env=with_environment(environment)
        )
    try:
        yield
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait(10)


def exemplars(prometheus: str) -> set[str]:
    """Ids of decisions that Prometheus keeps beside their latencies."""
    asked = urlencode({"query": f"{DECISION_DELAY.name}_bucket", "start": time() - 600, "end": time() + 600})
    with urlopen(f"{prometheus}/api/v1/query_exemplars?{asked}", timeout=10) as answer:
        found: Any = json.load(answer)["data"]
    return {point["labels"][EXEMPLAR] for series in found for point in series["exemplars"]}


def decided(bootstrap: str) -> set[str]:
    """Ids of all decisions that the worker wrote."""
    stream = build_topology(Settings()).stream("decisions")
    logs = read_topics(bootstrap, {stream.topic: stream.partitions}).values()
    return {json.loads(record.value or b"")["decision_id"] for log in logs for record in log}


def test_a_campaign_is_detected_and_its_alert_reaches_a_webhook_and_resolves(
    own_kafka: EmbeddedKafka, environment: Environment, tmp_path: Path
) -> None:
    rules, text = tmp_path / "alerts.yml", (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    assert "[15m]" in text
    rules.write_text(text.replace("[15m]", "[20s]"), encoding="utf-8")
    port = int(environment["STREAM_GUARD_TELEMETRY__METRICS_PORT"])
    with (
        webhook() as (url, told),
        EmbeddedAlertmanager(tmp_path / "alertmanager", url) as alertmanager,
        QuickPrometheus(tmp_path / "prometheus", port, rules, [f"{HOST}:{alertmanager.port}"]) as prometheus,
        worker(environment, tmp_path / "worker.log"),
    ):

        def statuses() -> list[str]:
            return [alert["status"] for alert in told if alert["labels"]["alertname"] == ALERT]

        until(lambda: "firing" in statuses(), PATIENCE_S, "the alert reaches the webhook")
        (largest,) = ask(prometheus.url, "stream_guard_campaigns_largest_accounts")
        assert float(largest["value"][1]) >= 20
        until(lambda: "resolved" in statuses(), PATIENCE_S, "it resolves")
        shown = exemplars(prometheus.url)
    assert statuses().index("firing") < statuses().index("resolved")
    (first, *_) = (alert for alert in told if alert["labels"]["alertname"] == ALERT)
    assert first["annotations"]["runbook"].endswith(ALERT.lower())
    assert first["annotations"]["console"].endswith("/campaigns")
    assert shown
    assert shown <= decided(own_kafka.bootstrap)
