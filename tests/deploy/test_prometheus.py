"""Scraping, alerts and their runbook hold together; promtool and amtool read them as the servers do."""

import re
import subprocess
from collections.abc import Mapping
from http.client import OK
from typing import Any

import pytest

from stream_guard.enforcement.metrics import GATEWAY_METRICS
from stream_guard.telemetry.dashboards.looks import CONSOLE_URL
from stream_guard.telemetry.metrics import METRICS
from tests.deploy.files import DEPLOY, ROOT, read_yaml
from tests.support.neighbours import need_binary
from tests.unit.console.desks import ConsoleDesk

RULES = DEPLOY / "prometheus" / "alerts.yml"
UNIT_TESTS = sorted((ROOT / "tests" / "deploy" / "prometheus").glob("*_test.yml"))
FOUND: list[dict[str, Any]] = [rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in FOUND if "alert" in rule]
RECORDS = {rule["record"]: rule for rule in FOUND if "record" in rule}
KNOWN: dict[str, Mapping[str, tuple[str, ...]]] = {
    **{metric.name: metric.labels for metric in METRICS},
    **{metric.name: metric.labels for metric in GATEWAY_METRICS},
}
NAMES = [alert["alert"] for alert in ALERTS]


def run(program: str, package: str, *arguments: object) -> None:
    """Fails with what the program says."""
    done = subprocess.run(
        [need_binary(program, package), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_prometheus_accepts_its_configuration_and_rules() -> None:
    run("promtool", "prometheus", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")


@pytest.mark.prometheus
def test_alertmanager_accepts_its_configuration() -> None:
    run("amtool", "prometheus-alertmanager", "check-config", DEPLOY / "alertmanager" / "alertmanager.yml")


@pytest.mark.prometheus
def test_alerts_fire_and_keep_silent_as_they_should() -> None:
    run("promtool", "prometheus", "test", "rules", *UNIT_TESTS)


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_tested_for_firing_and_for_silence(name: str) -> None:
    expected = [
        bool(case["exp_alerts"])
        for path in UNIT_TESTS
        for group in read_yaml(path)["tests"]
        for case in group["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert set(expected) == {True, False}


def test_every_alert_has_its_heading_in_the_runbook_and_no_heading_is_left_over() -> None:
    text = (DEPLOY / "runbook.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == NAMES


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_every_alert_says_what_where_and_how_bad(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"].endswith(".")
    assert alert["annotations"]["runbook"] == f"deploy/runbook.md#{alert['alert'].lower()}"


def test_every_alert_leads_to_a_page_of_the_console() -> None:
    client = ConsoleDesk().client
    for alert in ALERTS:
        assert client.get(alert["annotations"]["console"].removeprefix(CONSOLE_URL)).status_code == OK


@pytest.mark.parametrize("rule", FOUND, ids=[*NAMES, *RECORDS])
def test_rules_ask_only_for_metrics_labels_and_records_that_exist(rule: dict[str, Any]) -> None:
    asked = re.findall(r"(stream_guard_\w+)(?:\{([^}]*)\})?", rule["expr"])
    kept = set(re.findall(r"stream_guard:[\w:]+", rule["expr"]))
    assert asked or kept or "up{" in rule["expr"]
    assert kept <= set(RECORDS)
    for name, matchers in asked:
        labels = KNOWN[name]
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
            assert set(values.split("|")) <= set(labels[label])


def test_docs_and_runbook_name_only_metrics_that_exist() -> None:
    for path in (DEPLOY / "runbook.md", ROOT / "docs" / "operations.md"):
        named = set(re.findall(r"\bstream_guard_[a-z_]+", path.read_text(encoding="utf-8")))
        assert named <= set(KNOWN), path


def test_silenced_alerts_exist() -> None:
    rules = read_yaml(DEPLOY / "alertmanager" / "alertmanager.yml")["inhibit_rules"]
    named = set(re.findall(r"StreamGuard\w+", str(rules)))
    assert named
    assert named <= set(NAMES)
