"""Writes the dashboards: ``python -m stream_guard.telemetry.dashboards deploy/grafana/dashboards``."""

import sys
from pathlib import Path
from typing import Final

from stream_guard.telemetry.dashboards.detection import DETECTION
from stream_guard.telemetry.dashboards.gateway import GATEWAY
from stream_guard.telemetry.dashboards.looks import to_json
from stream_guard.telemetry.dashboards.operations import OPERATIONS

BOARDS: Final = (OPERATIONS, DETECTION, GATEWAY)


def write(directory: Path) -> None:
    """One file per dashboard."""
    directory.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        (directory / f"{board.uid}.json").write_text(to_json(board), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "deploy/grafana/dashboards"))
