"""A real Prometheus that looks every second, and what it answers."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from stream_guard.embedded.prometheus import EmbeddedPrometheus
from stream_guard.telemetry.dashboards.looks import Board
from tests.support.neighbours import need_binary

EVERY_5_S = "_interval: 5s"


class QuickPrometheus(EmbeddedPrometheus):
    """Scrapes and evaluates each second; tells an Alertmanager where there is one."""

    def __init__(
        self,
        directory: Path,
        metrics_port: int,
        rules: Path = Path("none"),
        alertmanagers: Sequence[str] = (),
    ) -> None:
        need_binary("prometheus", "prometheus")
        super().__init__(directory, metrics_port, rules)
        self.alertmanagers = alertmanagers

    def prepare(self) -> None:
        super().prepare()
        text = self._config.read_text(encoding="utf-8").replace(EVERY_5_S, "_interval: 1s")
        if self.alertmanagers:
            targets = json.dumps(list(self.alertmanagers))
            text += f"alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: {targets} }}] }}] }}\n"
        self._config.write_text(text, encoding="utf-8")

    def is_ready(self) -> bool:
        """It listens before it can be asked."""
        try:
            with urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except OSError:
            return False


def ask(url: str, query: str) -> list[Any]:
    """The series that a query returns now."""
    with urlopen(f"{url}/api/v1/query?query={quote(query)}", timeout=10) as answer:
        found: list[Any] = json.load(answer)["data"]["result"]
    return found


def unanswered(url: str, board: Board) -> list[str]:
    """Queries of a dashboard that return no data, or no number."""
    missing = []
    for where, query in board.queries():
        found = ask(url, query.replace("$__rate_interval", "1m"))
        if not any(series["value"][1] != "NaN" for series in found):
            missing.append(where)
    return missing
