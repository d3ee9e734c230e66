"""Topics are made as the topology needs them, and what is there already is checked, never changed."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from stream_guard.clock import DAY_MS
from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.errors import BrokerUnavailable, ConfigurationError
from stream_guard.runtime.exits import EXIT_CONFIGURATION, EXIT_FAILED
from stream_guard.runtime.faust_app import make_app, run_worker
from stream_guard.runtime.topics import changelog_topic, ensure_topics, topic_specs
from stream_guard.settings import KafkaSettings
from stream_guard.topology import DEAD_LETTERS, Topology
from tests.support.topologies import TOY, load_topology
from tests.support.toy import build_toy

pytestmark = pytest.mark.kafka


def renamed(prefix: str, partitions: int = 4, *, is_compacted: bool = False) -> Topology:
    made = build_toy(partitions)
    streams = (
        replace(each, topic=prefix + each.topic, compacted=is_compacted and each.name == "decisions")
        for each in made.streams
    )
    return replace(made, streams=tuple(streams))


@pytest.fixture
def admin(kafka: EmbeddedKafka) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    yield client
    client.close()


def settings_of(admin: KafkaAdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    found = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    return {name: entry["value"] for name, entry in found.items()}


def test_every_kind_of_topic_is_made_as_it_must_be(kafka: EmbeddedKafka, admin: KafkaAdminClient) -> None:
    topology = renamed("made-", is_compacted=True)
    chosen = KafkaSettings(bootstrap=kafka.bootstrap, app_id="made")
    created = ensure_topics(topology, chosen)
    assert set(created) == {spec.name for spec in topic_specs(topology, "made")}
    counts = {each["name"]: len(each["partitions"]) for each in admin.describe_topics(list(created))}
    assert counts == {spec.name: spec.partitions for spec in topic_specs(topology, "made")}
    assert settings_of(admin, "made-toy.requests.v1")["message.timestamp.type"] == "LogAppendTime"
    frames = settings_of(admin, "made-toy.profiles.v1")
    assert (frames["cleanup.policy"], frames["retention.ms"]) == ("delete", str(3 * DAY_MS))
    assert settings_of(admin, "made-toy.decisions.v1")["cleanup.policy"] == "compact"
    assert settings_of(admin, changelog_topic("made", topology.steps[0]))["cleanup.policy"] == "compact"


def test_a_second_start_finds_all_and_creates_nothing(kafka: EmbeddedKafka) -> None:
    topology, chosen = renamed("twice-"), KafkaSettings(bootstrap=kafka.bootstrap, app_id="twice")
    assert ensure_topics(topology, chosen)
    assert ensure_topics(topology, chosen) == ()


def test_another_number_of_partitions_is_refused_by_name_and_numbers(kafka: EmbeddedKafka) -> None:
    chosen = KafkaSettings(bootstrap=kafka.bootstrap, app_id="parts")
    ensure_topics(renamed("parts-", 4), chosen)
    with pytest.raises(
        ConfigurationError, match=r"topic parts-toy\.requests\.v1 has 4 partitions, the settings want 6"
    ):
        ensure_topics(renamed("parts-", 6), chosen)


def test_a_changelog_that_would_forget_rows_is_refused(kafka: EmbeddedKafka, admin: KafkaAdminClient) -> None:
    topology, chosen = renamed("forget-"), KafkaSettings(bootstrap=kafka.bootstrap, app_id="forget")
    admin.create_topics({"forget-groups-changelog": {"num_partitions": 4, "replication_factor": 1}})
    with pytest.raises(
        ConfigurationError, match=r"forget-groups-changelog has cleanup\.policy=delete, expected compact"
    ):
        ensure_topics(topology, chosen)


def test_more_replicas_than_brokers_are_refused_with_the_brokers_reason(kafka: EmbeddedKafka) -> None:
    chosen = KafkaSettings(bootstrap=kafka.bootstrap, app_id="replicas", replication_factor=3)
    with pytest.raises(
        ConfigurationError, match=r"replicas-toy\.requests\.v1 could not be created: .*replicat"
    ):
        ensure_topics(renamed("replicas-"), chosen)


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_a_broker_that_is_down_at_the_start_is_named(nobody: str) -> None:
    with pytest.raises(BrokerUnavailable, match=f"Kafka does not answer at {nobody}"):
        ensure_topics(renamed("down-"), KafkaSettings(bootstrap=nobody))


@pytest.mark.parametrize("bootstrap", ["localhost", "localhost:kafka"])
def test_an_address_without_a_port_is_refused(bootstrap: str) -> None:
    with pytest.raises(ConfigurationError, match=f"kafka.bootstrap: expected host:port, got '{bootstrap}'"):
        ensure_topics(renamed("x-"), KafkaSettings(bootstrap=bootstrap))


def test_a_worker_whose_broker_is_down_ends_so_that_it_is_started_again(nobody: str) -> None:
    assert run_worker(renamed("down-"), KafkaSettings(bootstrap=nobody)) == EXIT_FAILED


def test_a_worker_that_does_not_fit_its_topics_ends_so_that_it_is_not_started_again(
    kafka: EmbeddedKafka,
) -> None:
    chosen = KafkaSettings(bootstrap=kafka.bootstrap, app_id="misfit")
    ensure_topics(renamed("misfit-", 2), chosen)
    assert run_worker(renamed("misfit-", 3), chosen) == EXIT_CONFIGURATION


def test_a_topology_without_dead_letters_is_refused() -> None:
    whole = load_topology(TOY)
    streams = tuple(stream for stream in whole.streams if stream.name != DEAD_LETTERS)
    with pytest.raises(ConfigurationError, match="no stream 'dead_letters'"):
        make_app(replace(whole, streams=streams), KafkaSettings())
