"""The request path runs where River, Faust, numpy and rich are not installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"river", "faust", "mode", "numpy", "rich", "structlog", "typer"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import stream_guard.enforcement as e
import stream_guard.enforcement.asgi
import stream_guard.enforcement.metrics

with_detector = [name for name in sys.modules if name.startswith("stream_guard.")]
guard = e.Guard.from_url("redis://127.0.0.1:1/0")
print(guard.check("a1").source, *sorted(with_detector))
guard.close()
"""


def test_the_request_path_runs_without_the_detectors_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    source, *modules = done.stdout.split()
    assert source == "fail_open"
    parts = {module.split(".")[1] for module in modules}
    assert parts == {"enforcement", "errors", "wire"}
    assert [module for module in modules if ".wire" in module] == [
        "stream_guard.wire",
        "stream_guard.wire.usage",
    ]
