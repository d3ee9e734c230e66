"""The declarations, and what is shown of them."""

import ast
import re
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_fd_to_metric_families
from prometheus_client.parser import text_string_to_metric_families

from stream_guard.clock import ManualClock
from stream_guard.errors import ConfigurationError
from stream_guard.observer import Commit, LaneStatus
from stream_guard.records import CampaignState, pack_json
from stream_guard.settings import TelemetrySettings
from stream_guard.sinks.redis_projection import RedisProjection
from stream_guard.telemetry import metrics as m
from stream_guard.telemetry.docs import render
from stream_guard.telemetry.instruments import Instruments
from stream_guard.telemetry.labels import COUNTS
from stream_guard.telemetry.metrics import METRICS, UNITS, Metric
from stream_guard.telemetry.observing import (
    BLOCKS_ENDED,
    BLOCKS_OVER_CAP,
    DEAD_LETTERS,
    DOUBT,
    LANE_COUNTS,
    Telemetry,
)
from stream_guard.telemetry.server import MetricsServer
from stream_guard.wire.native import EventDecoder
from tests.support.decisions import decision, message
from tests.support.neighbours import need_binary

ROOT = Path(__file__).parents[3]
PARTS = {"stream", "stage", "decisions", "campaigns", "wire", "projection", "worker"}


def shown(telemetry: Telemetry) -> dict[str, float]:
    """What a scrape shows, by ``name{labels}``, without zeros."""
    text = generate_latest(telemetry.registry).decode()
    return {
        sample.name.removeprefix("stream_guard_")
        + ("{" + ",".join(sample.labels.values()) + "}" if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("stream_guard_") and sample.value
    }


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_named_by_the_convention_and_tells_what_to_do(metric: Metric) -> None:
    match = re.fullmatch(r"stream_guard_([a-z]+)_[a-z_]+_([a-z]+)", metric.name)
    assert match is not None
    assert match[1] in PARTS
    assert match[2] in UNITS
    assert (match[2] == "total") == (metric.kind == "counter")
    assert metric.help.endswith(".")
    assert metric.action.endswith(".")
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(metric.buckets)


def test_names_are_unique() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_labels_are_bounded_and_never_an_account() -> None:
    for metric in METRICS:
        assert metric.max_series <= 250, metric.name
        assert not {"account", "account_id", "campaign_id", "org_id", "model"} & set(metric.labels)
    assert sum(metric.max_series * (len(metric.buckets) + 2 or 1) for metric in METRICS) < 1_500


def test_unknown_label_values_share_one_series() -> None:
    telemetry = Telemetry()
    before = shown(telemetry)
    for i in range(1_000):
        telemetry.instruments.add(m.COUNTED, 1, f"stage-{i}", f"what-{i}")
    assert shown(telemetry) == {**before, "stage_counted_total{other,other}": 1_000}


def test_whatever_lanes_and_stages_count_is_declared() -> None:
    """Else it would be shown as "other"."""
    counted = set()
    for package in ("runtime", "accounts", "groups", "campaigns", "decisions", "bootstrap.py"):
        path = ROOT / "stream_guard" / package
        for file in [path] if path.is_file() else path.rglob("*.py"):
            counted |= set(_counted(ast.parse(file.read_text())))
    declared = {*COUNTS, *LANE_COUNTS, DEAD_LETTERS, BLOCKS_OVER_CAP, BLOCKS_ENDED, DOUBT}
    undeclared = {
        what
        for what in counted
        if what not in declared and not (what.endswith(".") and any(of.startswith(what) for of in declared))
    }
    assert undeclared == set(), "name these in stream_guard/telemetry/labels.py: COUNTS"


def _counted(tree: ast.AST) -> Iterator[str]:
    """String literals in the first argument of ``count`` and ``_tally``; of an f-string its beginning."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in {"count", "_tally"}:
            first = node.args[0]
            literals = first.values[:1] if isinstance(first, ast.JoinedStr) else ast.walk(first)
            yield from (
                literal.value
                for literal in literals
                if isinstance(literal, ast.Constant) and isinstance(literal.value, str)
            )


def test_the_committed_page_is_the_generated_one() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == render(), "run: python -m stream_guard.telemetry.docs > docs/metrics.md"


def test_counts_of_lanes_are_added_once_however_often_they_are_measured() -> None:
    telemetry = Telemetry()
    counts = {"events": 10, "late": 1, "dead_letters.not_json": 2, "samples_learnt": 4}
    status = LaneStatus(("accounts", 0), 5, 1_700_000_000_000, 7, 0, counts)
    telemetry.owned([("accounts", 0)])
    telemetry.measured([status])
    telemetry.measured([status])
    counts["events"] = 12
    telemetry.measured([status])
    seen = shown(telemetry)
    assert seen["stream_events_total{accounts}"] == 12
    assert seen["stream_late_total{accounts}"] == 1
    assert seen["stream_dead_letters_total{not_json,accounts}"] == 2
    assert seen["stage_counted_total{accounts,samples_learnt}"] == 4


def test_counters_do_not_fall_when_lanes_change_hands() -> None:
    telemetry = Telemetry()
    for events in (10, 3, 3):
        telemetry.owned([("accounts", 0)])
        telemetry.measured([LaneStatus(("accounts", 0), 0, 1_000, 1, 0, {"events": events})])
    assert shown(telemetry)["stream_events_total{accounts}"] == 16


def test_sums_over_workers_count_nothing_twice_when_a_lane_moves() -> None:
    def status(partition: int, events: int, rows: int) -> LaneStatus:
        return LaneStatus(("accounts", partition), 3, 1_000, rows, 0, {"events": events}, 100 * rows)

    here, there = Telemetry(), Telemetry()
    here.owned([("accounts", 0), ("accounts", 1)])
    here.measured([status(0, 10, 4), status(1, 20, 6)])
    here.owned([("accounts", 0)])
    there.owned([("accounts", 1)])  # whoever owns a lane anew has its rows, and counts from 0
    here.measured([status(0, 2, 4)])
    there.measured([status(1, 5, 7)])
    workers = [shown(here), shown(there)]

    def total(name: str) -> float:
        return sum(seen[f"{name}{{accounts}}"] for seen in workers)

    assert total("stream_events_total") == 10 + 20 + 2 + 5
    assert (total("stream_kept_rows"), total("stream_kept_bytes")) == (11, 1_100)
    assert (total("stream_owned_lanes"), total("stream_lag_messages")) == (2, 6)


def test_blocks_over_the_cap_have_a_metric_of_their_own() -> None:
    telemetry = Telemetry()
    telemetry.measured([LaneStatus(("decisions", 0), 0, 1_000, 1, 0, {"blocks_over_cap": 3})])
    assert shown(telemetry)["decisions_over_cap_total"] == 3


def test_what_the_operator_grants_and_what_is_spent_of_it_are_counted_in_accounts() -> None:
    telemetry = Telemetry()
    telemetry.watch_budget(2.0)  # per 100,000 account-days
    counts = {
        "accounts": {"account_days": 150_000},
        "campaigns": {"doubt_millionths": 250_000},
        "decisions": {"blocks_ended.revoked": 1, "blocks_ended.withdrawn": 2},
    }
    for _ in range(2):
        telemetry.measured(
            [LaneStatus((stage, 0), 0, 1_000, 1, 0, counted) for stage, counted in counts.items()]
        )
    seen = shown(telemetry)
    assert seen["decisions_false_blocks_granted_total"] == pytest.approx(3)
    assert seen["decisions_false_blocks_expected_total"] == 0.25
    assert seen["decisions_blocks_ended_total{revoked}"] == 1
    assert seen["decisions_blocks_ended_total{withdrawn}"] == 2
    assert seen["stage_counted_total{accounts,account_days}"] == 150_000
    assert not any("other" in name for name in seen)


def test_a_stage_is_as_far_as_its_slowest_lane() -> None:
    telemetry = Telemetry()
    telemetry.owned([("groups", 0), ("groups", 1), ("accounts", 0)])
    telemetry.measured(
        [
            LaneStatus(("groups", 0), 3, 50_000, 10, 2, {}, 1_000),
            LaneStatus(("groups", 1), 4, 40_000, 20, 5, {}, 500),
            LaneStatus(("accounts", 0), 0, -(1 << 62), 0, 0, {}),
        ]
    )
    seen = shown(telemetry)
    assert seen["stream_watermark_timestamp_seconds{groups}"] == 40
    assert seen["stream_lag_messages{groups}"] == 7
    assert seen["stream_kept_rows{groups}"] == 30
    assert seen["stream_kept_bytes{groups}"] == 1_500
    assert seen["stream_open_records{groups}"] == 7
    assert seen["stream_owned_lanes{groups}"] == 2
    assert "stream_watermark_timestamp_seconds{accounts}" not in seen
    telemetry.owned([])
    assert not any(name.startswith(("stream_owned_lanes", "stream_lag")) for name in shown(telemetry))


def test_a_flush_tells_of_its_decisions_and_campaigns() -> None:
    telemetry = Telemetry(ManualClock(1_700_000_002_500))
    campaign = CampaignState(
        campaign_id="c1", kind="resale", status="active", founded_at=1, changed_at=2,
        members=(), indicators=(), evidence=(), harvested=0,
    )  # fmt: skip
    outputs: dict[tuple[str, int], list[tuple[bytes | None, bytes]]] = {
        ("decisions", 0): [message(decision("a1")), message(decision("a2", "throttle"))],
        ("campaigns", 0): [(b"c1", pack_json(campaign))],
        ("profiles", 0): [(None, b"\x00")],
    }
    telemetry.flushed(Commit(("decisions", 0), 10, 3, outputs, 0.02, 0.001))
    seen = shown(telemetry)
    assert seen["decisions_made_total{block,false}"] == 1
    assert seen["decisions_made_total{throttle,false}"] == 1
    assert seen["decisions_reasons_total{campaign_member,false}"] == 2
    assert seen["decisions_newest_timestamp_seconds"] == 1_700_000_000
    assert seen["decisions_delay_seconds_sum"] == 5
    assert seen["campaigns_changed_total{resale,active}"] == 1
    assert seen["stream_flush_seconds_count{decisions}"] == 1
    assert seen["stream_flushed_rows_total{decisions}"] == 3
    assert seen["stream_cpu_seconds_total{decisions}"] == 0.001


def test_a_latency_shows_the_newest_decision_behind_it_to_whoever_asks_for_openmetrics() -> None:
    telemetry = Telemetry(ManualClock(1_700_000_002_500))
    newest = replace(decision("a3"), decision_id="d" * 200)
    telemetry.saw("decisions", map(message, (decision("a1"), decision("a2"), newest)))
    text = openmetrics(telemetry.registry).decode()  # type: ignore[no-untyped-call]  # prometheus_client's
    exemplars = [
        sample.exemplar
        for family in text_fd_to_metric_families(StringIO(text))  # type: ignore[no-untyped-call]  # likewise
        for sample in family.samples
        if sample.exemplar
    ]
    assert [exemplar.labels for exemplar in exemplars] == [{m.EXEMPLAR: "d" * 64}]
    assert exemplars[0].value == 2.5
    assert shown(telemetry)["decisions_delay_seconds_count"] == 3, "the plain format is as it was"


def test_recovery_feeding_and_fencing_are_counted() -> None:
    telemetry = Telemetry()
    telemetry.recovered(1_000, 2.5)
    telemetry.fed(("accounts", 1), 50, 0.25)
    telemetry.fenced(("accounts", 1), "ProducerFenced()")
    seen = shown(telemetry)
    assert seen["stream_recovered_rows_total"] == 1_000
    assert seen["stream_recovery_seconds"] == 2.5
    assert seen["stream_fed_messages_total{accounts}"] == 50
    assert seen["stream_cpu_seconds_total{accounts}"] == 0.25
    assert seen["stream_fenced_total{accounts}"] == 1


def test_decoder_and_projection_are_asked_at_each_scrape() -> None:
    telemetry = Telemetry()
    decoder = EventDecoder()
    projection = RedisProjection("redis://127.0.0.1:1", list)
    telemetry.watch_decoder(decoder)
    telemetry.watch_projection(projection)
    decoder.decode(
        b'{"event_id":"e","account_id":"a","occurred_at":1.0,"model":"m","colour":"red","prompt":"hello","temperature":true}'
    )
    projection.push([(message(decision())[1], 0), (b"{", 1)])
    for _ in range(2):
        seen = shown(telemetry)
        assert seen["wire_decoded_total{native}"] == 1
        assert seen["wire_unknown_fields_total"] == 1
        assert seen["wire_mended_fields_total{temperature}"] == 1
        assert seen["wire_prompts_total{dropped}"] == 1
        assert seen["projection_pending_accounts"] == 1
        assert seen["projection_refused_total"] == 1
    projection.close()


@pytest.mark.prometheus
def test_the_exposition_passes_promtool() -> None:
    promtool = need_binary("promtool", "prometheus")
    telemetry = Telemetry()
    telemetry.flushed(Commit(("decisions", 0), 1, 1, {("decisions", 0): [message(decision())]}, 0.02, 0.0))
    telemetry.measured([LaneStatus(("accounts", 0), 1, 1_000, 1, 1, {"events": 1})])
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=generate_latest(telemetry.registry),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_the_endpoint_serves_the_metrics_on_a_free_port() -> None:
    with MetricsServer(Telemetry().registry, TelemetrySettings(metrics_port=0)) as server:
        with urlopen(server.url, timeout=10) as answer:
            assert b"stream_guard_worker_build_info" in answer.read()
        with pytest.raises(ConfigurationError, match=rf"metrics_port.*127\.0\.0\.1:{server.port}: Address"):
            MetricsServer(Telemetry().registry, TelemetrySettings(metrics_port=server.port))


def test_every_declared_metric_is_shown() -> None:
    telemetry = Telemetry()
    for metric in METRICS:
        labels = [values[0] for values in metric.labels.values()]
        if metric.kind == "histogram":
            telemetry.instruments.observe(metric, 1, *labels)
        elif metric.kind == "gauge":
            telemetry.instruments.set(metric, 1, *labels)
        else:
            telemetry.instruments.add(metric, 1, *labels)
    names = {name.partition("{")[0] for name in shown(telemetry)}
    for metric in METRICS:
        suffix = "_count" if metric.kind == "histogram" else ""
        assert metric.name.removeprefix("stream_guard_") + suffix in names
    assert isinstance(telemetry.instruments, Instruments)
