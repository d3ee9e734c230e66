"""The demo runs on any machine, ends by itself, and says honestly what it found."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.program import COMMAND, ROOT, good, stream_guard, with_environment
from tests.support.polling import until

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.slow]
PATIENCE_S = 240
SOME = r"[1-9][\d,]*"


def assert_a_summary(output: str) -> None:
    """What went in, what was found, what Valkey holds, and how that compares with the truth."""
    assert "140,410 requests of 3,078 accounts" in output
    assert re.search(rf"^found   c-\w+: {SOME} accounts that act as one", output, re.MULTILINE)
    (count,) = re.findall(rf"accounts held now: ({SOME}) blocked$", output, re.MULTILINE)
    equal, decided = re.findall(rf"({SOME}) of ({SOME}) accounts as decided", output)[0]
    assert equal == decided, "read back from Valkey"
    assert int(decided) >= int(count), "who was let go again is held there too"
    told, truth = output.split("Evaluation only", 1)
    assert "distillation-1" not in told
    blocked = re.findall(r"-1 found: (\d+) of \d+ accounts blocked; harvested [\d.]+%", truth)
    assert len(blocked) == 2, "both campaigns are found"
    assert sum(map(int, blocked)) >= int(count), "and nobody else is held"
    assert re.search(r"resale-1 (NOT )?found: \d+ of 48 accounts blocked; harvested [\d.]+%", truth)
    assert "honest accounts touched: 0 of 2,796; blocked: 0" in truth


def test_the_demo_ends_by_itself_with_a_summary() -> None:
    output = good(stream_guard("demo", "--seconds", "0"))
    assert re.search(r"^ *\d+%  [\d,]+ requests", output, re.MULTILINE), "lines while it goes on"
    assert "\x1b" not in output, "no control characters where no terminal is"
    assert_a_summary(output)


def test_a_demo_that_stays_answers_commands_until_it_is_interrupted(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    with seen.open("wb") as out:
        process = subprocess.Popen(
            [*COMMAND, "demo", "--seconds", "0", "--stay"],
            stdout=out, stderr=out, cwd=ROOT, env=with_environment({}),
        )  # fmt: skip
    try:
        until(lambda: "Ctrl-C" in seen.read_text(), PATIENCE_S, "the demo is done and stays")
        (url,) = re.findall(r"export (STREAM_GUARD_REDIS__URL)=(\S+)", seen.read_text())
        listed = good(stream_guard("decisions", "list", "--json", "-n", "1000", environment=dict([url])))
        blocked = [json.loads(line)["action"] for line in listed.splitlines()].count("block")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait(10)
    output = seen.read_text()
    assert f"accounts held now: {blocked:,} blocked" in output
    assert_a_summary(output)
