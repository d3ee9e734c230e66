"""Where Redis may be: another database, a Unix socket, a node of a cluster, behind a password."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from redis import Redis

from stream_guard.embedded.process import free_port
from stream_guard.embedded.valkey import EmbeddedValkey
from tests.support.decisions import decision
from tests.support.guards import KINDS, eventually, guarding, write
from tests.support.redis_servers import BINARIES, need_server

pytestmark = pytest.mark.redis


class With(EmbeddedValkey):
    """A server with further options."""

    def __init__(self, directory: Path, name: str, *options: str) -> None:
        super().__init__(directory, binary=need_server(name))
        self._options = options

    def command(self) -> Sequence[str | Path]:
        return [*super().command(), *self._options]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BINARIES)
def test_another_database_and_a_unix_socket(tmp_path: Path, name: str, kind: str) -> None:
    socket = tmp_path / "redis.sock"
    with With(tmp_path / "server", name, "--unixsocket", str(socket)) as server:
        url = server.url.removesuffix("/0") + "/3"
        write(url, decision("bad"))
        for place in (url, f"unix://{socket}?db=3"):
            with guarding(kind, place) as guard:
                assert not guard.check("bad").allowed
                write(url, decision(f"worse-{place[:4]}"))
                eventually(lambda place=place, guard=guard: not guard.check(f"worse-{place[:4]}").allowed)  # type: ignore[misc]
        with guarding(kind, server.url) as guard:
            assert guard.check("bad").allowed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BINARIES)
def test_block_and_limit_of_an_account_lie_in_one_slot_of_a_cluster(
    tmp_path: Path, name: str, kind: str
) -> None:
    with With(
        tmp_path / "server", name, "--cluster-enabled", "yes", "--cluster-port", str(free_port())
    ) as server:
        with Redis.from_url(server.url) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            eventually(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))
        write(server.url, decision("bad"))
        write(server.url, decision("much", "throttle"))
        with guarding(kind, server.url) as guard:
            assert not guard.check("bad").allowed
            assert [guard.check("much").allowed for _ in range(4)] == [True] * 3 + [False]
            write(server.url, decision("worse"))
            eventually(lambda: not guard.check("worse").allowed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BINARIES)
def test_a_wrong_password_fails_as_configured_and_is_told_without_it(
    tmp_path: Path, name: str, kind: str
) -> None:
    with With(tmp_path / "server", name) as server:
        with Redis.from_url(server.url) as client:
            client.config_set("requirepass", "right")
        wrong = server.url.replace("redis://", "redis://:hunter2@")
        with guarding(kind, wrong, on_failure="closed") as guard:
            assert guard.check("a1").status == 503
            assert "WRONGPASS" in guard.trouble
            assert "hunter2" not in guard.trouble
        with guarding(kind, wrong.replace("hunter2", "right")) as guard:
            assert guard.check("a1").source == "redis"
