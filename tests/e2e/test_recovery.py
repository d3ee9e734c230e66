"""The main job on a real Kafka and a real Valkey, with worker and Valkey killed in the middle.

The traffic is the shipped sample, three days of it, sent as a gateway would, under our own supervisor.
A replay of the same file, in one process that nobody disturbs, says what must come out.  Its times are
in the past, so Redis is told to keep what has expired, and no heartbeat may carry today's clock into
the log once the recording has ended: all blocks would run out at once, as they should.  An operator's
word at the end, which both runs hear, lets event time go on to there instead.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from redis.exceptions import RedisError

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import free_port
from stream_guard.embedded.supervisor import Backoff, Supervisor
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.records import Control, pack_json
from stream_guard.samples import TRAFFIC
from stream_guard.sinks.control import ControlWriter
from stream_guard.sinks.decision_log import DecisionLog
from stream_guard.sinks.redis_keys import DECISION_PREFIX
from tests.conftest import start_or_skip
from tests.e2e.program import COMMAND, ROOT, good, stream_guard, with_environment
from tests.support.polling import until

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
PATIENCE_S = 120
CENTURY_S = 3_155_760_000  # the sample's blocks ended long ago by the clock of the server
SENT = 140_410
LAST_WORD = Control(verb="exempt", subject="acc_nobody", spoken_at=1_778_198_400.0, author="ann")  # midnight
LAG = "stream_guard_stream_lag_messages"


@dataclass
class Place:
    """Everything that runs."""

    valkey: EmbeddedValkey
    kafka: EmbeddedKafka
    worker: Supervisor
    environment: dict[str, str]

    def await_(self, condition: Callable[[], object], what: str) -> None:
        """Poll, starting the worker again where it ended."""

        def holds() -> object:
            code = self.worker.tend()
            assert code is None, f"the worker gave up with {code}:\n{self.worker.last_words()}"
            return condition()

        try:
            until(holds, PATIENCE_S, what)
        except AssertionError as error:
            message = f"{error}\n{self.worker.last_words()}"
            raise AssertionError(message) from error

    def kill_worker_and_valkey(self) -> None:
        """SIGKILL to both; what Valkey held is gone."""
        pid = self.worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.valkey.kill()
        self.await_(lambda: self.worker.pid not in (None, pid), "the supervisor starts the worker again")
        self.valkey.start()

    def held(self) -> dict[str, bytes]:
        """What Valkey tells gateways: account -> decision, as it was written."""
        try:
            with Redis.from_url(self.valkey.url) as client:
                keys = sorted(client.scan_iter(match=f"{DECISION_PREFIX}*", count=1000))
                values = [client.hget(key, "decision") for key in keys]
        except RedisError:
            return {}
        return newest(value for value in values if isinstance(value, bytes))

    def lag(self) -> float | None:
        """Messages of all lanes that are still to be read; None where no worker owns all of them."""
        port = self.environment["STREAM_GUARD_TELEMETRY__METRICS_PORT"]
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                families = text_string_to_metric_families(answer.read().decode())
        except (URLError, OSError):
            return None
        found = [sample.value for family in families if family.name == LAG for sample in family.samples]
        return sum(found) if found else None


def newest(values: Iterator[bytes] | list[bytes]) -> dict[str, bytes]:
    """The last of each account."""
    return {json.loads(value)["account_id"]: value for value in values}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A broker, a server and a supervised worker that this test alone may kill."""
    kafka, valkey = EmbeddedKafka(tmp_path / "kafka"), EmbeddedValkey(tmp_path / "valkey")
    environment = {
        "STREAM_GUARD_KAFKA__DATA_DIR": str(tmp_path / "data"),
        "STREAM_GUARD_KAFKA__IDLE_S": "0",
        "STREAM_GUARD_REDIS__KEEP_EXPIRED_S": str(CENTURY_S),
        "STREAM_GUARD_TELEMETRY__METRICS_PORT": str(free_port()),
    }
    try:
        start_or_skip(kafka)
        start_or_skip(valkey)
        environment |= {
            "STREAM_GUARD_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "STREAM_GUARD_REDIS__URL": valkey.url,
        }
        worker = Supervisor(
            [*COMMAND, "run"], tmp_path / "worker.log", with_environment(environment), Backoff()
        )
        try:
            yield Place(valkey, kafka, worker, environment)
        finally:
            worker.stop()
    finally:
        valkey.stop()
        kafka.stop()


def test_killed_in_the_middle_it_decides_what_it_would_have_decided_undisturbed(
    place: Place, tmp_path: Path
) -> None:
    undisturbed = tmp_path / "undisturbed.jsonl"
    words = tmp_path / "words.jsonl"
    words.write_bytes(pack_json(LAST_WORD))
    replay = subprocess.Popen(
        [*COMMAND, "replay", str(TRAFFIC), "-d", str(undisturbed), "--labels", str(words)],
        cwd=ROOT, env=with_environment({}),
    )  # fmt: skip
    try:
        sent = stream_guard("produce", TRAFFIC, environment=place.environment)
        good(sent)
        assert f"{SENT:,} events sent".encode() in sent.stderr
        with ControlWriter(place.kafka.bootstrap) as writer:
            writer.send(LAST_WORD)
        kill_twice(place)
        assert replay.wait(PATIENCE_S) == 0
    finally:
        replay.kill()
        replay.wait(10)
    expected = undisturbed.read_bytes().splitlines()
    assert expected, "the sample has a campaign to find"

    place.await_(lambda: len(place.held()) >= len(newest(expected)), "all decisions come out")
    place.await_(lambda: place.lag() == 0, "all is read")
    place.await_(lambda: place.held() == newest(expected), "Valkey holds what the undisturbed run decided")
    written = [value for value, _ in DecisionLog(place.kafka.bootstrap).everything()]
    assert sorted(written) == sorted(expected), "each decision once: none lost, none doubled"


def kill_twice(place: Place) -> None:
    """Worker and Valkey: before anything is decided, and when the first decisions have come out."""
    place.await_(lambda: 0 < (place.lag() or 0) < SENT / 2, "the worker has read half")
    assert not place.held()
    place.kill_worker_and_valkey()
    place.await_(place.held, "the first decisions come out")
    place.kill_worker_and_valkey()
    assert place.worker.starts == 3, "nothing but SIGKILL ended it"
