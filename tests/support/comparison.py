"""What Kafka holds after a run against what the local runtime makes of the same log."""

from stream_guard.runtime.topics import changelog_topic
from stream_guard.topology import Topology
from tests.support.kafka import read_rows, read_topic
from tests.support.runs import Logs, Outcome, Place, run_local


def dump_logs(bootstrap: str, topology: Topology) -> Logs:
    """Every log of the topology, heartbeats and append times included."""
    return {
        (stream.name, partition): records
        for stream in topology.streams
        if stream.kind == "log"
        for partition, records in read_topic(bootstrap, stream.topic, stream.partitions).items()
    }


def outcome_on_kafka(bootstrap: str, topology: Topology, app_id: str) -> Outcome:
    """All sinks and all rows."""
    sinks: dict[Place, list[tuple[bytes | None, bytes]]] = {}
    for stream in topology.streams:
        if stream.kind == "sink":
            for partition, records in read_topic(bootstrap, stream.topic, stream.partitions).items():
                sinks[stream.name, partition] = [(record.key, record.value or b"") for record in records]
    rows: dict[str, dict[str, bytes]] = {}
    for step in topology.steps:
        partitions = topology.source(step).partitions
        found = read_rows(bootstrap, changelog_topic(app_id, step), partitions)
        rows |= {f"{step.name}/{partition}": found.get(partition, {}) for partition in range(partitions)}
    return Outcome(sinks, rows)


def outcome_locally(topology: Topology, logs: Logs) -> Outcome:
    """The same log through the local runtime."""
    return run_local(topology, logs, is_finished=False)
