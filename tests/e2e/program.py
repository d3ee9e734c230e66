"""The program as a user starts it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from stream_guard.cli import main; main()"]


def stream_guard(
    *arguments: Any, stdin: bytes | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=240,
        check=False,
        cwd=ROOT,
        env=with_environment(environment or {}),
    )


def with_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Ours, whatever the user's own settings are."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_GUARD_")}
    return {**own, "COLUMNS": "200", **environment}


def good(done: subprocess.CompletedProcess[bytes]) -> str:
    """Its output, if it ended well."""
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
