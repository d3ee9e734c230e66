"""An operator's day on a real Kafka and a real Valkey, by commands alone."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import free_port, tail
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.samples import TRAFFIC
from stream_guard.wire.files import EventFile
from tests.conftest import start_or_skip
from tests.e2e.program import COMMAND, ROOT, good, stream_guard, with_environment
from tests.support.polling import until

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
EVENTS = 3_000
PATIENCE_S = 120


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[dict[str, str], Path]]:
    """A broker and a server of this module's own; the environment that names them; the worker's log."""
    directory = tmp_path_factory.mktemp("operator")
    broker = EmbeddedKafka(directory / "kafka")
    server = EmbeddedValkey(directory / "valkey")
    start_or_skip(broker)
    start_or_skip(server)
    environment = {
        "STREAM_GUARD_KAFKA__BOOTSTRAP": broker.bootstrap,
        "STREAM_GUARD_KAFKA__DATA_DIR": str(directory / "data"),
        "STREAM_GUARD_REDIS__URL": server.url,
        "STREAM_GUARD_TELEMETRY__METRICS_PORT": str(free_port()),
    }
    events = directory / "events.jsonl"
    events.write_bytes(
        b"\n".join(line for line, _ in zip(EventFile(str(TRAFFIC)), range(EVENTS), strict=False))
    )
    sent = stream_guard("produce", events, "--shift-to-now", environment=environment)
    good(sent)
    assert f"{EVENTS:,} events sent".encode() in sent.stderr
    worker = directory / "worker.log"
    with worker.open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "run"], stdout=log, stderr=log, cwd=ROOT, env=with_environment(environment)
        )
    try:
        yield environment, worker
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, tail(worker)
    finally:
        process.kill()
        process.wait(10)
        broker.stop()
        server.stop()


def is_read(environment: dict[str, str]) -> bool:
    """Whether the worker has read everything."""
    looks = [
        json.loads(line)
        for line in stream_guard("doctor", "--json", environment=environment).stdout.splitlines()
    ]
    return all(look["state"] == "good" for look in looks if look["what"] in ("lag", "topics", "metrics"))


def listed(environment: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for line in good(stream_guard(*arguments, "--json", environment=environment)).splitlines()
    ]


def blocked(environment: dict[str, str], *accounts: str) -> None:
    """Wait until exactly these are blocked by billing's word."""

    def is_so() -> bool:
        found = listed(environment, "decisions", "list", "-a", "block", "-n", "10000")
        mine = {each["account_id"] for each in found if each["reason_codes"][0] == "chargeback"}
        return mine == set(accounts)

    until(is_so, PATIENCE_S, f"expected {accounts} to be blocked")


def test_an_operator_is_heard_end_to_end(place: tuple[dict[str, str], Path]) -> None:
    environment, worker = place
    until(lambda: is_read(environment), PATIENCE_S, "the events were not read")
    good(stream_guard("doctor", environment=environment))

    charge_back(environment, "acc_bad")
    blocked(environment, "acc_bad")
    assert "acc_bad is blocked: chargeback" in good(
        stream_guard("decisions", "show", "acc_bad", environment=environment)
    )
    assert "What would have changed it" in good(
        stream_guard("decisions", "explain", "acc_bad", environment=environment)
    )

    good(
        stream_guard("decisions", "revoke", "acc_bad", "--wrong", "--author", "ann", environment=environment)
    )
    blocked(environment)

    good(
        stream_guard(
            "allow",
            "add",
            "acc_odd",
            "--for",
            "30d",
            "--author",
            "ann",
            "--note",
            "n",
            environment=environment,
        )
    )
    good(stream_guard("allow", "add", "network:192.0.2.0/24", "--author", "ann", environment=environment))
    good(stream_guard("allow", "remove", "network:192.0.2.0/24", "--author", "ann", environment=environment))
    assert [word["subject"] for word in listed(environment, "allow", "list")] == ["acc_odd"]
    charge_back(environment, "acc_odd")
    charge_back(environment, "acc_last")
    blocked(environment, "acc_last")
    assert listed(environment, "campaigns", "list", "--all") is not None
    assert b'"event": "decision"' in worker.read_bytes()

    with Redis.from_url(environment["STREAM_GUARD_REDIS__URL"]) as client:
        client.flushall()
    (counts,) = listed(environment, "rebuild")
    assert sum(counts.values()) >= 2, (
        "a running worker may have been faster; together they know both accounts"
    )
    blocked(environment, "acc_last")


def charge_back(environment: dict[str, str], account: str) -> None:
    good(stream_guard("decisions", "chargeback", account, "--author", "billing", environment=environment))
