"""Real neighbours that tests of every folder may ask for.

A neighbour that can not be started is a visible skip on a developer's own machine and a failure in
CI, where nothing may be skipped.
"""

import os
from collections.abc import Iterator

import pytest

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import Server, ServerFailed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright leaves an event loop in this thread, and others run their own."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def start_or_skip(server: Server) -> None:
    """Start a neighbour, or say why there is none."""
    try:
        server.start()
    except ServerFailed as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A Kafka for all tests that leave it alive; give topics and groups names of your own."""
    broker = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    start_or_skip(broker)
    yield broker
    broker.stop()


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A Kafka that this test alone may kill and start again."""
    broker = EmbeddedKafka(tmp_path_factory.mktemp("own-kafka"))
    start_or_skip(broker)
    yield broker
    broker.stop()
