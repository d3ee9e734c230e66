"""Real gateways: what every one of them is tested with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_guard.embedded.kafka import EmbeddedKafka
from tests.support.gateways import Told, Upstream
from tests.support.redis_servers import Servers, redis_servers

__all__ = ["redis_servers"]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def decisions(redis_servers: Servers) -> str:
    """The URL of an empty Valkey."""
    return redis_servers("valkey")


@pytest.fixture(scope="module")
def told(kafka: EmbeddedKafka, request: pytest.FixtureRequest) -> Told:
    return Told(kafka, f"{Path(request.path).stem}.requests")
