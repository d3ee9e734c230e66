"""Embedded servers are real ones: they keep their data through SIGKILL, and say why they do not start."""

import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient
from redis import Redis

from stream_guard.embedded import jars
from stream_guard.embedded.__main__ import claim
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import HOST, Server, ServerFailed, answers
from stream_guard.embedded.supervisor import Backoff, Supervisor
from stream_guard.embedded.valkey import EmbeddedValkey
from tests.support.kafka import read_topics, write_all
from tests.support.polling import until


@pytest.mark.kafka
def test_kafka_keeps_topics_messages_and_port_through_sigkill_and_a_new_start(
    own_kafka: EmbeddedKafka,
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=own_kafka.bootstrap)
    admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    write_all(own_kafka.bootstrap, [("kept", 0, b"k", b"v")])
    port = own_kafka.port
    own_kafka.restart()
    own_kafka.stop()
    again = EmbeddedKafka(own_kafka.directory)
    with again:
        assert again.port == port
        (records,) = read_topics(again.bootstrap, {"kept": 1}).values()
    assert [(record.key, record.value) for record in records] == [(b"k", b"v")]
    assert not answers(port)


def test_without_a_network_the_first_start_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jgo.constants.MAVEN_CENTRAL_URL", f"http://{HOST}:1/maven2")
    with pytest.raises(ServerFailed, match=r"could not be fetched from Maven Central .*: check the network"):
        jars.kafka_jars(tmp_path)
    assert not list(tmp_path.glob("*.jars"))


@pytest.mark.redis
def test_a_restarted_valkey_is_empty_unless_it_is_durable(tmp_path: Path) -> None:
    for is_durable in (False, True):
        with EmbeddedValkey(tmp_path / str(is_durable), is_durable=is_durable) as server:
            with Redis.from_url(server.url) as client:
                client.set("k", "v")
                first = client.info("server")["run_id"]
                client.execute_command("WAITAOF", 1 if is_durable else 0, 0, 1000)
            server.restart()
            with Redis.from_url(server.url) as client:
                assert client.exists("k") == is_durable
                assert client.info("server")["run_id"] != first


def test_a_folder_that_is_in_use_is_named_and_left_alone(tmp_path: Path) -> None:
    with ExitStack() as first, ExitStack() as second:
        claim(first, tmp_path)
        with pytest.raises(ServerFailed, match="is in use by another"):
            claim(second, tmp_path)
    with ExitStack() as third:
        claim(third, tmp_path)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ServerFailed, match=f"port {port} of {HOST} is taken"):
            EmbeddedValkey(tmp_path, port).start()


class Broken(Server):
    name = "broken"

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-c", "print('no disk left'); raise SystemExit(3)"]


def test_a_server_that_ends_at_once_shows_its_exit_code_and_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"broken ended with exit code 3; the end of .*:\nno disk left"):
        Broken(tmp_path).start()


class Deaf(Server):
    name = "deaf"
    start_timeout_s = 0.3

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_server_that_never_answers_is_killed_and_named(tmp_path: Path) -> None:
    server = Deaf(tmp_path)
    with pytest.raises(ServerFailed, match="deaf did not answer on port"):
        server.start()
    assert server.pid is None


# ---- the supervisor

COUNTING = """
import pathlib, sys
seen = pathlib.Path(sys.argv[1])
seen.write_text(seen.read_text() + "x" if seen.exists() else "x")
sys.exit(int(sys.argv[2]) if len(seen.read_text()) >= 3 else 1)
"""


@pytest.mark.parametrize("last", [0, 2])
def test_a_worker_that_failed_is_started_again_until_it_ends_for_good(tmp_path: Path, last: int) -> None:
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "seen"), str(last)]
    supervisor = Supervisor(command, tmp_path / "log", {}, Backoff(first_s=0.01, longest_s=0.02))
    assert supervisor.run() == last
    assert supervisor.starts == 3


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    supervisor = Supervisor(command, tmp_path / "log", {}, Backoff(first_s=0.01))

    def lives() -> int | None:
        supervisor.tend()
        return supervisor.pid

    until(lives, 10, "the first life")
    assert supervisor._process is not None
    supervisor._process.kill()
    supervisor._process.wait(10)
    until(lives, 10, "the second life")
    supervisor.stop()
    assert supervisor.starts == 2


def test_waits_double_to_a_bound_and_are_forgotten_after_a_healthy_life() -> None:
    backoff = Backoff(first_s=1, longest_s=5, healthy_s=60)
    assert [backoff.delay_s(1) for _ in range(6)] == [0, 1, 2, 4, 5, 5]
    assert [backoff.delay_s(lived) for lived in (61, 1, 1)] == [0, 1, 2]
