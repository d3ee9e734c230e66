"""A real Prometheus from PATH that scrapes the worker on this machine."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from stream_guard.embedded.process import HOST, Server, ServerFailed

CONFIG = """\
global:
  scrape_interval: 5s
  evaluation_interval: 5s
{rules}scrape_configs:
  - job_name: stream-guard
    static_configs:
      - targets: ["{host}:{metrics_port}"]
"""


class EmbeddedPrometheus(Server):
    """Prometheus in ``directory``, on ``port`` of 127.0.0.1; with alert rules where the file is there."""

    name = "prometheus"

    def __init__(self, directory: Path, metrics_port: int, rules: Path, port: int = 0) -> None:
        super().__init__(directory, port)
        self.metrics_port, self.rules = metrics_port, rules

    @staticmethod
    def is_there() -> bool:
        """Whether this machine has one (Debian: apt-get install prometheus)."""
        return shutil.which("prometheus") is not None

    @property
    def url(self) -> str:
        """For browsers."""
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> None:
        """Write its configuration."""
        rules = f'rule_files: ["{self.rules.absolute()}"]\n' if self.rules.exists() else ""
        text = CONFIG.format(rules=rules, host=HOST, metrics_port=self.metrics_port)
        self._config.write_text(text, encoding="utf-8")

    def command(self) -> Sequence[str | Path]:
        """The server in the foreground."""
        found = shutil.which("prometheus")
        if found is None:
            message = "prometheus: not on PATH (Debian: apt-get install prometheus)"
            raise ServerFailed(message)
        return [
            found,
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--enable-feature=exemplar-storage",  # from a histogram to the decision behind it
        ]

    @property
    def _config(self) -> Path:
        return self.directory / "prometheus.yml"
