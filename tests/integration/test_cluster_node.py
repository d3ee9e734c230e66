"""A Redis Cluster of one shard, as providers sell it: worker and gateway on its one primary."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from redis import Redis

from stream_guard.embedded.process import free_port
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.sinks.redis_projection import RedisProjection
from tests.support.decisions import decision, message
from tests.support.guards import KINDS, eventually, guarding
from tests.support.redis_servers import BINARIES, need_server

pytestmark = pytest.mark.redis
SLOTS = 16_384


class Node(EmbeddedValkey):
    """A primary that is a Cluster by itself."""

    def command(self) -> Sequence[str | Path]:
        bus = str(free_port())  # else the port and 10,000, which there may not be
        return [*super().command(), "--cluster-enabled", "yes", "--cluster-port", bus]

    def take(self, first: int, last: int) -> None:
        """Serve these slots."""
        with Redis.from_url(self.url) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)


@pytest.fixture(params=BINARIES)
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path / "node", binary=need_server(request.param)) as node:
        yield node


@pytest.mark.parametrize("kind", KINDS)
def test_decisions_of_any_slot_are_written_and_obeyed(node: Node, kind: str) -> None:
    node.take(0, SLOTS - 1)
    names = [f"a{i}" for i in range(60)] + ["}", "{}", "\\}"]
    projection = RedisProjection(node.url, list)
    projection.start()
    try:
        with guarding(kind, node.url) as guard:
            eventually(lambda: guard.check("nobody").source != "fail_open", guard.trouble)
            projection.push([(message(decision(name))[1], i) for i, name in enumerate(names)])
            projection.push([(message(decision("slow", "throttle"))[1], len(names))])
            assert projection.flush(30)
            for name in names:
                eventually(lambda name=name: not guard.check(name).allowed, name)  # type: ignore[misc]
            assert [guard.check("slow").allowed for _ in range(4)] == [True, True, True, False]
            assert projection.status().pushed == len(names) + 1
    finally:
        projection.close(30)


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_slots_requests_flow_as_configured_until_they_are_there(node: Node, kind: str) -> None:
    with guarding(kind, node.url) as guard:
        assert guard.check("a1").source == "fail_open"
        assert "CLUSTERDOWN" in guard.trouble
        node.take(0, SLOTS - 1)
        eventually(lambda: guard.check("a1").source != "fail_open", guard.trouble)
