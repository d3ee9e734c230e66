"""Writes docs/metrics.md from the declarations: ``python -m stream_guard.telemetry.docs`` prints it."""

import sys
from typing import Final

from stream_guard.enforcement.metrics import GATEWAY_METRICS
from stream_guard.telemetry.metrics import EXEMPLAR, METRICS, Metric

HEAD: Final = """\
# Metrics

Generated from `stream_guard/telemetry/metrics.py` (the worker's) and `stream_guard/enforcement/metrics.py` (a
gateway's, `stream_guard_gateway_*`) by `python -m stream_guard.telemetry.docs`; do not edit.

Every label comes from a closed set; what is in none counts as `other`. No account, campaign or
other value that a client chooses is ever a label. Times are Unix seconds of event time unless a
metric says otherwise. `process_*` and `python_*` are those of every Python client of Prometheus.
Of several workers each shows what its own lanes do, and a lane has one owner, so sums over workers count
nothing twice; campaigns are shown by one worker at a time. A gateway of several processes behind one port
(gunicorn, `uvicorn --workers`) sets PROMETHEUS_MULTIPROC_DIR as `prometheus_client` asks for it: then
`expose` puts each process's counts there, and whichever is scraped shows the sum.

Alerts on these metrics: `deploy/prometheus/alerts.yml`; what to do about them: `deploy/runbook.md`.
"""


def render() -> str:
    """The page."""
    gateway = [Metric(*each) for each in GATEWAY_METRICS]  # type: ignore[arg-type] # kinds are plain there
    return HEAD + "".join(_section(metric) for metric in (*METRICS, *gateway))


def _section(metric: Metric) -> str:
    lines = [f"\n## {metric.name}\n", f"{metric.help}\n", f"- kind: {metric.kind}, unit: {metric.unit}"]
    lines += [f"- label `{name}`: {', '.join(values)}" for name, values in metric.labels.items()]
    if metric.buckets:
        lines.append(f"- buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}")
    if metric.has_exemplars:
        lines.append(f"- exemplars: `{EXEMPLAR}`, where OpenMetrics is asked for, as Prometheus does")
    lines.append(f"- what to do: {metric.action}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
