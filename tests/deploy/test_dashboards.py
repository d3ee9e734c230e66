"""The committed dashboards are those that the code writes, and ask only for what exists."""

import json
import re
import time
from http.client import OK
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry

from stream_guard.embedded.process import HOST, free_port
from stream_guard.enforcement import Guard
from stream_guard.enforcement.emitter import EventEmitter
from stream_guard.enforcement.metrics import GATEWAY_METRICS, expose
from stream_guard.settings import TelemetrySettings
from stream_guard.telemetry.dashboards.__main__ import BOARDS, write
from stream_guard.telemetry.dashboards.gateway import GATEWAY
from stream_guard.telemetry.dashboards.looks import CONSOLE_URL, Board
from stream_guard.telemetry.dashboards.operations import OPERATIONS, STAGES
from stream_guard.telemetry.labels import BY_STAGE, OTHER
from stream_guard.telemetry.metrics import EXEMPLAR, METRICS
from stream_guard.telemetry.server import MetricsServer
from tests.deploy.files import DEPLOY, ROOT, read_yaml
from tests.support.polling import until
from tests.support.prometheus import QuickPrometheus, unanswered
from tests.unit.console.desks import ConsoleDesk, blocked

MADE = DEPLOY / "grafana" / "dashboards"
KNOWN = {
    **{metric.name: metric.labels for metric in METRICS},
    **{metric.name: metric.labels for metric in GATEWAY_METRICS},
}
KEPT = {
    rule["record"]
    for group in read_yaml(DEPLOY / "prometheus" / "alerts.yml")["groups"]
    for rule in group["rules"]
    if "record" in rule
}
KNOWN_VALUES = ("block", "campaign_member", "other")
each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)


def test_the_committed_dashboards_are_the_generated_ones(tmp_path: Path) -> None:
    write(tmp_path)
    generated = {path.name: path.read_text() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text() for path in MADE.iterdir()}
    assert committed == generated, "run: python -m stream_guard.telemetry.dashboards"


@each_board
def test_the_committed_dashboards_keep_to_the_schema(board: Board) -> None:
    """Read back as Grafana's own types read them, nothing is lost or unknown."""
    text = (MADE / f"{board.uid}.json").read_text()
    register_default_plugins()
    read = Dashboard.from_json(json.loads(text))
    assert JSONEncoder(sort_keys=True, indent=2).encode(read) + "\n" == text


@each_board
def test_dashboards_ask_only_for_metrics_and_labels_that_exist(board: Board) -> None:
    for where, query in board.queries():
        for name, matchers in re.findall(r"(stream_guard_\w+)(?:\{([^}]*)\})?", query):
            labels = KNOWN[name.removesuffix("_bucket")]
            for label, value in re.findall(r'(\w+)="([^"]*)"', matchers):
                assert value in labels[label], where
        for by in re.findall(r"by \(([\w, ]+)\)", query):
            (metric,) = set(re.findall(r"stream_guard_\w+", query))
            assert set(by.split(", ")) <= {*KNOWN[metric.removesuffix("_bucket")], "le"}, where
        assert set(re.findall(r"stream_guard:[\w:]+", query)) <= KEPT, where


@each_board
def test_every_link_leads_to_a_page_of_the_console_by_labels_that_its_queries_have(board: Board) -> None:
    client = ConsoleDesk().client
    for look in (look for row in board.rows for look in row.looks if look.link):
        labels = {name for query in look.queries.values() for name in re.findall(r"by \(([\w, ]+)\)", query)}
        asked = re.findall(r"\$\{__field\.labels\.(\w+)\}", look.link)
        assert set(asked) <= set(", ".join(labels).split(", ")), look.title
        for value in KNOWN_VALUES:
            assert client.get(re.sub(r"\$\{[^}]+\}", value, look.link)).status_code == OK


def test_a_point_of_a_latency_leads_to_its_decision() -> None:
    (source,) = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (place,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert place["name"] == EXEMPLAR
    desk = ConsoleDesk()
    desk.memory.take_decision(blocked(), 1)
    path = place["url"].removeprefix(CONSOLE_URL).replace("$${__value.raw}", blocked().decision_id)
    assert blocked().account_id in desk.client.get(path).text
    panels = json.loads((MADE / f"{OPERATIONS.uid}.json").read_text())["panels"]
    shown = [panel for panel in panels for target in panel.get("targets", ()) if target.get("exemplar")]
    assert [panel["title"] for panel in shown] == ["Decision latency"]
    command = read_yaml(ROOT / "docker-compose.yml")["services"]["prometheus"]["command"]
    assert "--enable-feature=exemplar-storage" in command


@each_board
def test_panels_have_numbers_of_their_own_and_do_not_overlap(board: Board) -> None:
    panels = json.loads((MADE / f"{board.uid}.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_operations_has_one_row_per_stage_in_stream_order() -> None:
    rows = [row.title for row in OPERATIONS.rows]
    assert tuple(rows[1:-1]) == STAGES
    assert (*STAGES, OTHER) == BY_STAGE["stage"]


def test_grafana_finds_them_where_compose_puts_them() -> None:
    (provider,) = read_yaml(DEPLOY / "grafana/provisioning/dashboards/stream_guard.yml")["providers"]
    volumes = read_yaml(ROOT / "docker-compose.yml")["services"]["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in volumes
    (source,) = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert f'"uid": "{source["uid"]}"' in (MADE / f"{OPERATIONS.uid}.json").read_text()


@pytest.mark.prometheus
def test_every_query_of_the_gateways_dashboard_returns_data_of_a_live_one(tmp_path: Path) -> None:
    """A guard whose Redis is away; what it does then is shown as well as anything else."""
    guard, registry = Guard.from_url(f"redis://{HOST}:{free_port()}/0"), CollectorRegistry()
    emitter = EventEmitter.to_kafka(f"{HOST}:{free_port()}")
    expose(guard, emitter, registry)
    try:
        with (
            MetricsServer(registry, TelemetrySettings(metrics_port=0)) as metrics,
            QuickPrometheus(tmp_path / "prometheus", metrics.port) as prometheus,
        ):

            def all_answered() -> bool:
                guard.check(f"a{time.monotonic_ns()}")
                guard.counts.asked.add(0.001)
                guard.counts.reactions.add(2.5)
                return not unanswered(prometheus.url, GATEWAY)

            until(all_answered, 60, "data for every query", pause_s=0.5)
    finally:
        emitter.close()
        guard.close()
