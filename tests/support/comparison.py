"""What Kafka holds after a run against what the local runtime makes of the same log."""

from stream_guard.runtime.local import LocalRecord
from stream_guard.runtime.topics import changelog_topic
from stream_guard.topology import Topology, lane_name
from tests.support.kafka import read_topics, rows_of
from tests.support.runs import Logs, Outcome, Place, run_local


def dump_logs(bootstrap: str, topology: Topology) -> Logs:
    """Every log of the topology, heartbeats and append times included."""
    return _read(bootstrap, topology, "log")


def outcome_on_kafka(bootstrap: str, topology: Topology, app_id: str) -> Outcome:
    """All sinks and all rows."""
    sinks = {
        place: [(record.key, record.value or b"") for record in records]
        for place, records in _read(bootstrap, topology, "sink").items()
        if records
    }
    changelogs = {changelog_topic(app_id, step): step for step in topology.steps}
    partitions = {name: topology.source(step).partitions for name, step in changelogs.items()}
    found = read_topics(bootstrap, partitions)
    rows = {lane_name(changelogs[name], partition): rows_of(log) for (name, partition), log in found.items()}
    return Outcome(sinks, rows)


def _read(bootstrap: str, topology: Topology, kind: str) -> dict[Place, list[LocalRecord]]:
    """By stream and partition."""
    names = {stream.topic: stream for stream in topology.streams if stream.kind == kind}
    found = read_topics(bootstrap, {topic: stream.partitions for topic, stream in names.items()})
    return {(names[topic].name, partition): records for (topic, partition), records in found.items()}


def outcome_locally(topology: Topology, logs: Logs) -> Outcome:
    """The same log through the local runtime."""
    return run_local(topology, logs, is_finished=False)
