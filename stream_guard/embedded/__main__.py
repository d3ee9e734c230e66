"""`make up`: Kafka, Valkey, a supervised worker and console and, where it is installed, Prometheus.

Everything runs on 127.0.0.1; data and logs are under ``var/`` and are used again by the next start.
Ctrl-C stops all, the worker first, so that its last flush still finds a broker.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import HOST, POLL_S, ServerFailed, answers, free_port
from stream_guard.embedded.prometheus import EmbeddedPrometheus
from stream_guard.embedded.supervisor import Backoff, Supervisor
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.samples import TRAFFIC

KAFKA_PORT, VALKEY_PORT, METRICS_PORT, PROMETHEUS_PORT, CONSOLE_PORT = 9092, 6379, 9464, 9090, 8080
RULES = Path("deploy/prometheus/alerts.yml")


class Stopped(Exception):
    """Ctrl-C or SIGTERM."""


def main() -> int:
    """Start all, tend the worker, stop all."""
    parser = argparse.ArgumentParser(prog="python -m stream_guard.embedded", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("var"), help="folder for data and logs (var)")
    parser.add_argument("--config", type=Path, help="settings of the worker, as for `stream-guard run`")
    parser.add_argument(
        "--sample", action="store_true", help="send the shipped sample before the worker starts"
    )
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        with ExitStack() as stack:
            return _run(stack, chosen)
    except ServerFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Stopped:
        return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # stopping in order takes some seconds: once is enough
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Stopped


def _run(stack: ExitStack, chosen: argparse.Namespace) -> int:
    data: Path = chosen.data
    if chosen.sample and (data / "kafka").exists():
        # A worker whose event time has reached today takes a recording for late.
        sys.stderr.write(f"the sample is sent into an empty log only: first remove {data} (make clean)\n")
        return 1
    claim(stack, data)
    _say("starting Kafka (the first time its jars are fetched: about 50 MB)")
    kafka = stack.enter_context(EmbeddedKafka(data / "kafka", _preferred(KAFKA_PORT)))
    valkey = stack.enter_context(
        EmbeddedValkey(data / "valkey", _preferred(VALKEY_PORT) or free_port(), is_durable=True)
    )
    metrics = _preferred(METRICS_PORT) or free_port()
    worker = _worker(data, chosen.config, kafka, valkey, metrics)
    if chosen.sample and not _send_sample(worker.environment):
        return 1
    stack.callback(worker.stop)
    console = _console(data, worker)
    stack.callback(console.stop)
    if EmbeddedPrometheus.is_there():
        port = _preferred(PROMETHEUS_PORT)
        prometheus = stack.enter_context(EmbeddedPrometheus(data / "prometheus", metrics, RULES, port))
        _say(f"prometheus  {prometheus.url}")
    _say(f"kafka       {kafka.bootstrap}")
    _say(f"valkey      {valkey.url}")
    if not kafka.bootstrap.endswith(f":{KAFKA_PORT}"):
        _say(f"            export STREAM_GUARD_KAFKA__BOOTSTRAP={kafka.bootstrap}   (for other commands)")
    if f":{VALKEY_PORT}/" not in valkey.url:
        _say(f"            export STREAM_GUARD_REDIS__URL={valkey.url}   (for other commands)")
    _say(f"metrics     http://{HOST}:{metrics}/metrics")
    _say(f"console     http://{HOST}:{console.environment['STREAM_GUARD_CONSOLE__PORT']}")
    _say(f"worker log  {worker.log_file}")
    return _tend(worker, console, metrics)


def claim(stack: ExitStack, data: Path) -> None:
    """Two brokers on one folder corrupt it: whoever comes second is sent away before anything is touched."""
    data.mkdir(parents=True, exist_ok=True)
    lock = stack.enter_context((data / "lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = f"{data} is in use by another `make up`: stop that one first, or choose another --data"
        raise ServerFailed(message) from None


def _send_sample(environment: Mapping[str, str]) -> bool:
    """Whether the log holds the sample now."""
    _say("sending the sample")
    program = Path(sys.executable).with_name("stream-guard")
    command: list[str | Path] = [program, "produce", TRAFFIC, "--shift-to-now"]
    sent = subprocess.run(command, env={**os.environ, **environment}, check=False)  # noqa: S603 - our own
    return sent.returncode == 0


def _preferred(port: int) -> int:
    """The usual port, or 0 (any) if somebody has it."""
    return 0 if answers(port) else port


def _worker(
    data: Path, config: Path | None, kafka: EmbeddedKafka, valkey: EmbeddedValkey, metrics: int
) -> Supervisor:
    program = Path(sys.executable).with_name("stream-guard")
    command: list[str | Path] = [program, "run"]
    if config is not None:
        command += ["--config", config]
    environment = {
        "STREAM_GUARD_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "STREAM_GUARD_KAFKA__DATA_DIR": str(data / "worker"),
        "STREAM_GUARD_REDIS__URL": valkey.url,
        "STREAM_GUARD_TELEMETRY__METRICS_PORT": str(metrics),
    }
    return Supervisor(command, data / "worker.log", environment, Backoff())


def _console(data: Path, worker: Supervisor) -> Supervisor:
    """Beside the worker, with its settings; it can only be read unless STREAM_GUARD_CONSOLE__TOKEN is set."""
    command = ["console" if part == "run" else part for part in worker.command]
    port = str(_preferred(CONSOLE_PORT) or free_port())
    environment = {**worker.environment, "STREAM_GUARD_CONSOLE__PORT": port}
    return Supervisor(command, data / "console.log", environment, Backoff())


def _tend(worker: Supervisor, console: Supervisor, metrics: int) -> int:
    is_up = False
    while True:
        console.tend()
        code = worker.tend()
        if code is not None:
            sys.stderr.write(f"the worker ended with exit code {code}:\n{worker.last_words()}\n")
            return code
        if not is_up and answers(metrics):
            is_up = True
            _say("worker is up; Ctrl-C stops all")
        time.sleep(POLL_S)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
