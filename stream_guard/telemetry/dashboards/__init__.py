"""Dashboards as code: what on-call looks at, drawn from the declared metrics.

`looks.py` says what a dashboard is; `operations.py`, `detection.py` and `gateway.py` declare one each;
``python -m stream_guard.telemetry.dashboards`` writes them to deploy/grafana/dashboards, where Grafana
finds them.  Needs `grafana-foundation-sdk`, which only development installs; no worker imports this.

Glossary: *look* one panel: a question, and the queries that answer it.
"""
