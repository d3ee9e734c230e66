"""`make up SAMPLE=1`: the README's way to a real Kafka with decisions to look at."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.telemetry.dashboards.detection import DETECTION
from stream_guard.telemetry.dashboards.operations import OPERATIONS
from tests.conftest import start_or_skip
from tests.e2e.program import ROOT, good, stream_guard, with_environment
from tests.support.neighbours import need_binary
from tests.support.polling import until
from tests.support.prometheus import unanswered

pytestmark = pytest.mark.e2e
UP = [sys.executable, "-m", "stream_guard.embedded", "--sample", "--data"]
PATIENCE_S = 120


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.slow
def test_one_command_ends_with_decisions_to_look_at(tmp_path: Path) -> None:
    need_binary("prometheus", "prometheus")
    start_or_skip(broker := EmbeddedKafka(tmp_path / "probe"))
    broker.stop()
    seen = tmp_path / "seen"
    with seen.open("wb") as out:
        process = subprocess.Popen(
            [*UP, str(tmp_path / "var")], stdout=out, stderr=out, cwd=ROOT, env=with_environment({})
        )
    try:
        until(lambda: "worker is up" in seen.read_text(), PATIENCE_S, "the worker is up")
        (url,) = re.findall(r"^valkey +(\S+)$", seen.read_text(), re.MULTILINE)

        def blocked() -> str:
            redis = {"STREAM_GUARD_REDIS__URL": url}
            return good(stream_guard("decisions", "list", "-a", "block", "--json", environment=redis))

        until(blocked, PATIENCE_S, "accounts are blocked")
        (console,) = re.findall(r"^console +(\S+)$", seen.read_text(), re.MULTILINE)
        until(lambda: shows_a_block(console), PATIENCE_S, "the console shows them")
        (prometheus,) = re.findall(r"^prometheus +(\S+)$", seen.read_text(), re.MULTILINE)
        until(lambda: has_data(prometheus), PATIENCE_S, "every query of the dashboards returns data", 1.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, seen.read_text()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def has_data(prometheus: str) -> bool:
    """Whether each query of the worker's dashboards does, of a real worker under load."""
    missing = [where for board in (OPERATIONS, DETECTION) for where in unanswered(prometheus, board)]
    sys.stdout.write(f"without data: {missing}\n")  # shown if this fails
    return not missing


def shows_a_block(console: str) -> bool:
    try:
        with urlopen(f"{console}/decisions", timeout=10) as answer:
            return 'class="action block"' in answer.read().decode()
    except OSError:
        return False


def test_the_sample_is_not_sent_into_a_log_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    done = subprocess.run(
        [*UP, str(tmp_path)], capture_output=True, check=False, timeout=60, cwd=ROOT, env=with_environment({})
    )
    assert done.returncode == 1
    assert f"first remove {tmp_path}".encode() in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kafka"], "nothing was started"
