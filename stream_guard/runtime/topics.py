"""The topics of a topology: what they must look like, and a check that they do.

`topic_specs` is pure.  `ensure_topics` creates what is missing and compares what is there; it
never changes a topic that exists, since partitions decide where keys live and a lane's rows with
them.  How each kind is made:

- logs: kept as long as the stream says, stamped by the broker (its append time bounds how far into
  the future an event may lie);
- frames: between stages, read within seconds; kept over a weekend's outage;
- sinks: compacted where the newest message of a key is the truth;
- changelogs ``<app_id>-<step>-changelog``: compacted, a lane's rows; small segments, so that a
  recovery reads little twice.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stream_guard.clock import DAY_MS, HOUR_MS
from stream_guard.errors import BrokerUnavailable, ConfigurationError
from stream_guard.settings import KafkaSettings
from stream_guard.topology import Step, Stream, Topology

log = structlog.get_logger(__name__)

FRAMES_RETENTION_MS = 3 * DAY_MS
MESSAGE_BYTES = 4 << 20  # rows and frames are bounded far below; a batch of one large row must still pass
UNKNOWN_TOPIC = 3  # Kafka's error code
BOOTSTRAP_TIMEOUT_MS = 10_000
KNOCK_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class TopicSpec:
    """A topic as it must be.  ``binding``: settings without which the program would be wrong."""

    name: str
    partitions: int
    settings: Mapping[str, str]
    binding: frozenset[str] = field(default=frozenset())


def changelog_topic(app_id: str, step: Step) -> str:
    """The topic that holds the rows of a step."""
    return f"{app_id}-{step.name}-changelog"


def topic_specs(topology: Topology, app_id: str) -> tuple[TopicSpec, ...]:
    """Every topic that the topology needs."""
    streams = [_stream_spec(stream) for stream in topology.streams]
    changelogs = [_changelog_spec(topology, app_id, step) for step in topology.steps]
    return (*streams, *changelogs)


def _stream_spec(stream: Stream) -> TopicSpec:
    settings: dict[str, str] = {}
    binding: set[str] = set()
    retention_ms = stream.retention_ms
    if stream.kind == "frames":
        retention_ms = retention_ms or FRAMES_RETENTION_MS
        settings["max.message.bytes"] = str(MESSAGE_BYTES)
        settings["segment.ms"] = str(6 * HOUR_MS)
    if stream.kind == "log":
        settings["message.timestamp.type"] = "LogAppendTime"
    if stream.compacted:
        settings["cleanup.policy"] = "compact"
        binding.add("cleanup.policy")
    elif retention_ms is not None:
        settings["retention.ms"] = str(retention_ms)
    return TopicSpec(stream.topic, stream.partitions, settings, frozenset(binding))


def _changelog_spec(topology: Topology, app_id: str, step: Step) -> TopicSpec:
    settings = {
        "cleanup.policy": "compact",
        "max.message.bytes": str(MESSAGE_BYTES),
        "min.cleanable.dirty.ratio": "0.3",
        "segment.bytes": str(32 << 20),
        "segment.ms": str(HOUR_MS),
    }
    partitions = topology.source(step).partitions
    return TopicSpec(changelog_topic(app_id, step), partitions, settings, frozenset({"cleanup.policy"}))


def ensure_topics(topology: Topology, kafka: KafkaSettings) -> tuple[str, ...]:
    """Create what is missing, and return its names.

    BrokerUnavailable if Kafka does not answer or refuses; ConfigurationError if a topic is there
    but has another number of partitions, or deletes what it must keep.
    """
    specs = topic_specs(topology, kafka.app_id)
    with _admin(kafka.bootstrap) as admin:
        known = _partitions(admin, specs)
        missing = [spec for spec in specs if spec.name not in known]
        created = _create(admin, missing, kafka.replication_factor)
        if created:
            admin.wait_for_topics(list(created))
        found = _partitions(admin, specs)
        there = [spec for spec in specs if spec.name not in created]
        for spec in there:
            _compare_partitions(spec, found.get(spec.name, 0))
        _compare_settings(admin, there)
    log.info("topics_ready", created=list(created), found=len(there))
    return created


def _partitions(admin: Any, specs: tuple[TopicSpec, ...]) -> dict[str, int]:
    """Number of partitions of those topics that exist."""
    answer = admin.describe_topics([spec.name for spec in specs])
    return {
        topic["name"]: len(topic["partitions"]) for topic in answer if topic["error_code"] != UNKNOWN_TOPIC
    }


@contextmanager
def _admin(bootstrap: str) -> Iterator[Any]:
    _knock(bootstrap)
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)
    except KafkaError as error:
        message = f"Kafka does not answer at {bootstrap} (kafka.bootstrap): {error}"
        raise BrokerUnavailable(message) from error
    try:
        yield admin
    except KafkaError as error:
        message = f"Kafka at {bootstrap} refused: {error}"
        raise BrokerUnavailable(message) from error
    finally:
        admin.close()


def _knock(bootstrap: str) -> None:
    """Fail at once where nobody listens; the client would try for long, and leak its socket."""
    reasons = []
    for server in bootstrap.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_TIMEOUT_S).close()
        except ValueError as error:
            message = f"kafka.bootstrap: expected host:port, got {server!r}"
            raise ConfigurationError(message) from error
        except OSError as error:
            reasons.append(str(error))
        else:
            return
    message = f"Kafka does not answer at {bootstrap} (kafka.bootstrap): {'; '.join(reasons)}"
    raise BrokerUnavailable(message)


def _create(admin: Any, specs: list[TopicSpec], replication_factor: int) -> tuple[str, ...]:
    """Create topics; returns those that another worker did not create meanwhile."""
    if not specs:
        return ()
    wanted = {
        spec.name: {
            "num_partitions": spec.partitions,
            "replication_factor": replication_factor,
            "configs": dict(spec.settings),
        }
        for spec in specs
    }
    created = []
    for topic in admin.create_topics(wanted, raise_errors=False)["topics"]:
        name, error = topic["name"], for_code(topic["error_code"])
        if not topic["error_code"]:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            message = f"topic {name} could not be created: {topic['error_message'] or error.__name__}"
            raise ConfigurationError(message)
    return tuple(created)


def _compare_partitions(spec: TopicSpec, found: int) -> None:
    if found != spec.partitions:
        message = (
            f"topic {spec.name} has {found} partitions, the settings want {spec.partitions}: set "
            f"stream.partitions to what is there, or start afresh under another kafka.app_id with new topics "
            f"(keys would move to partitions that do not hold their rows)"
        )
        raise ConfigurationError(message)


def _compare_settings(admin: Any, specs: list[TopicSpec]) -> None:
    if not specs:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    for spec in specs:
        for name, wanted in spec.settings.items():
            value = found[spec.name].get(name, {}).get("value")
            if value == wanted:
                continue
            if name in spec.binding:
                message = (
                    f"topic {spec.name} has {name}={value}, expected {wanted}: alter it before you start"
                )
                raise ConfigurationError(message)
            log.warning("topic_differs", topic=spec.name, setting=name, value=value, expected=wanted)
