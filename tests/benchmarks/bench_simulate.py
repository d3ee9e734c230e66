"""The whole program as a user starts it: `stream-guard simulate` to standard output, files and Kafka.

Start, imports, the drawing of accounts, compression and the truth are in the figures.  CPU time of all
threads and the most memory that was held are the operating system's.

python -m tests.benchmarks.bench_simulate [--share 1.0]
"""

import argparse
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stream_guard.embedded.kafka import EmbeddedKafka
from tests.e2e.program import COMMAND, ROOT, with_environment

BACKGROUND = "deepseek+background"  # few events an account: drawing them weighs most
FILES = ("plain.jsonl", "packed.jsonl.zst", "packed.jsonl.gz")


def run(share: float = 0.1) -> dict[str, Any]:
    """`qwen` by so much of the record into every outlet, and a background to standard output."""
    scenario = f"qwen:{share:g}"
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = _told("standard_output", _measured(folder, (scenario, "-o", "-")))
        for file in FILES:
            made |= _told(file, _measured(folder, (scenario, "-o", str(folder / file))))
            made[f"{file}_mb"] = (folder / file).stat().st_size // 1_000_000
            (folder / file).unlink()
        made |= _told("background_to_standard_output", _measured(folder, (BACKGROUND, "-o", "-")))
        broker = EmbeddedKafka(folder / "kafka")
        broker.start()
        try:
            made |= _told("kafka", _measured(folder, (scenario, "--kafka"), broker.bootstrap))
        finally:
            broker.stop()
    return made


def _measured(folder: Path, arguments: Sequence[str], bootstrap: str = "") -> tuple[int, float, int]:
    """Events, CPU seconds and the largest memory in MB of one run."""
    truth, notes = folder / "truth.jsonl", folder / "notes"
    environment = with_environment({"STREAM_GUARD_KAFKA__BOOTSTRAP": bootstrap} if bootstrap else {})
    command = [*COMMAND, "simulate", *arguments, "--truth", str(truth)]
    with notes.open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, cwd=ROOT, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    said = notes.read_text(encoding="utf-8")
    if process.returncode:
        raise SystemExit(said)
    told = next(line for line in said.splitlines() if " events of " in line)
    return int(told.split()[0].replace(",", "")), used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


def _told(name: str, measured: tuple[int, float, int]) -> dict[str, Any]:
    events, cpu_s, most_mb = measured
    return {
        f"{name}_events": events,
        f"{name}_per_cpu_s": round(events / cpu_s),
        f"{name}_cpu_s": round(cpu_s, 1),
        f"{name}_most_mb": most_mb,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.1, help="of the record's qwen")
    for what, figure in run(parser.parse_args().share).items():
        print(f"{what:44} {figure:>14,}")  # noqa: T201  # what a benchmark run by hand is for
