"""The command line as a user meets it: arguments in; exit code, output and notes out."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from stream_guard.cli.app import app

NOWHERE = {
    "STREAM_GUARD_KAFKA__BOOTSTRAP": "127.0.0.1:1",
    "STREAM_GUARD_REDIS__URL": "redis://:secret@127.0.0.1:1/0",
    "STREAM_GUARD_TELEMETRY__METRICS_PORT": "1",
    "COLUMNS": "200",
}


# kafka-python leaves a socket open per refused connection, until the collector comes by.
REFUSED = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait half a second for a Kafka that is not there, and sweep up behind its client."""
    for module in (
        "stream_guard.sinks.control",
        "stream_guard.sinks.decision_log",
        "stream_guard.cli.checkup",
    ):
        monkeypatch.setattr(f"{module}.ANSWER_MS", 500)
    yield
    gc.collect()


def run(*arguments: Any, **environment: str) -> Result:
    """Run a command; nothing is reachable unless the environment says so."""
    return CliRunner().invoke(app, [str(each) for each in arguments], env={**NOWHERE, **environment})
