"""A Faust worker on a real Kafka: events per CPU second, CPU by stage, memory, recovery.

    python -m tests.benchmarks.bench_faust --accounts 5000 --events 1000000
    python -m tests.benchmarks.bench_faust --factory module:function --messages module:function

A log is filled, one worker drains it, the worker is started again on what it left.  CPU is that of
the worker process, all threads, from the first record it was fed to the last tick closed; wall
times are given for the curious only.  ``--messages`` names a function (events, accounts) -> iterator
of (key, value) for the stream ``requests``.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.runtime.lane import HEARTBEAT
from stream_guard.runtime.topics import ensure_topics
from stream_guard.settings import KafkaSettings
from stream_guard.topology import Topology
from tests.support.cluster import Cluster, running
from tests.support.kafka import Writer
from tests.support.topologies import TOY, load_topology
from tests.support.traffic import Traffic, events
from tests.support.worker import WorkerConfig

AFTER_MS = 60_000
TOY_MESSAGES = "tests.benchmarks.bench_faust:toy_messages"
Message = tuple[bytes, bytes]


def toy_messages(number: int, accounts: int) -> Iterator[Message]:
    """Ten minutes of traffic."""
    for event in events(Traffic(number, accounts=accounts, span=600_000)):
        yield event.key, event.value


def fill(bootstrap: str, topology: Topology, messages: Iterator[Message]) -> tuple[int, int]:
    """Write the log, and the end of time on every log; returns events written and that end."""
    requests = topology.stream("requests")
    assert requests.decode is not None
    assert requests.time is not None
    writer, number, newest = Writer(bootstrap), 0, 0
    for key, value in messages:
        writer.write(requests.topic, requests.partition(key.decode()), key, value)
        number += 1
        if number % 100 == 0:  # disorder is bounded: the newest of a few is the newest of all, nearly
            newest = max(newest, requests.time(requests.decode(value)))
    end = newest + AFTER_MS
    for stream in topology.streams:
        if stream.kind == "log":
            for partition in range(stream.partitions):
                writer.write(stream.topic, partition, HEARTBEAT, b"%d" % end)
    writer.close()
    return number, end


def drain(cluster: Cluster, end: int, tick_ms: int) -> dict[str, Any]:
    """Start a worker and wait until it has closed every tick; its last figures."""
    cluster.spawn("drain")
    cluster.wait_until_drained(end // tick_ms * tick_ms, deadline_s=1800)
    return cluster.figures("drain")


def recover(cluster: Cluster) -> dict[str, Any]:
    """Start a worker on what is there; when it was ready, and what it read."""
    started = time.time()
    cluster.spawn("recover")
    cluster.wait_for(lambda: cluster.figures("recover").get("recovered"), "recovery", deadline_s=300)
    found = cluster.figures("recover")
    return {
        "rows_read": found["recovered"]["rows"],
        "reading_s": round(found["recovered"]["seconds"], 2),
        "process_start_to_ready_s": round(found["recovered"]["at"] - started, 2),
        "rss_mb": found["rss_kb"] // 1024,
    }


def report(figures: dict[str, Any], number: int) -> dict[str, Any]:
    """Figures per event."""
    cpu = figures["cpu_s"] - figures["first"]["cpu_s"]
    by_stage = {stage: round(1e6 * each / number, 2) for stage, each in figures["cpu_by"].items()}
    keys: dict[str, int] = {}
    for lane, state in figures["lanes"].items():
        step = lane.partition("/")[0]
        keys[step] = keys.get(step, 0) + state[2]
    return {
        "events": number,
        "events_per_cpu_s": round(number / cpu),
        "cpu_us_per_event": round(1e6 * cpu / number, 2),
        "cpu_us_by_stage": {**by_stage, "rest": round(1e6 * cpu / number - sum(by_stage.values()), 2)},
        "wall_s": round(figures["at"] - figures["first"]["at"], 1),
        "rows_written": figures["rows"],
        "transactions": sum(figures["commits"].values()),
        "sent": figures["sent"],
        "keys": keys,
        "rss_mb": figures["rss_kb"] // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--factory", default=TOY)
    parser.add_argument("--tick-ms", type=int, default=None, help="instead of the topology's own")
    parser.add_argument("--messages", default=TOY_MESSAGES)
    parser.add_argument(
        "--keep", type=Path, default=None, help="folder for broker and logs; default: a temporary one"
    )
    chosen = parser.parse_args()
    with nullcontext(chosen.keep) if chosen.keep else TemporaryDirectory() as folder:
        found = run(
            Path(folder), chosen.factory, chosen.messages, chosen.events, chosen.accounts, chosen.tick_ms
        )
    print(json.dumps(found, indent=2))  # noqa: T201


def run(
    directory: Path,
    factory: str = TOY,
    messages: str = TOY_MESSAGES,
    events: int = 1_000_000,
    accounts: int = 5_000,
    tick_ms: int | None = None,
) -> dict[str, Any]:
    """Fill a log, drain it with one worker, start the worker again."""
    module, _, name = messages.partition(":")
    topology = load_topology(factory, tick_ms=tick_ms)
    with EmbeddedKafka(directory / "kafka") as kafka:
        settings = KafkaSettings(
            bootstrap=kafka.bootstrap, app_id="bench", idle_s=0, data_dir=str(directory / "data")
        )
        ensure_topics(topology, settings)
        number, end = fill(kafka.bootstrap, topology, getattr(import_module(module), name)(events, accounts))
        config = WorkerConfig(kafka=settings, stats="", factory=factory, tick_ms=tick_ms)
        with running(directory, config) as cluster:
            drained = report(drain(cluster, end, topology.tick_ms), number)
            cluster.stop()
            recovery = recover(cluster)
    return {"accounts": accounts, **drained, "recovery": recovery}


if __name__ == "__main__":
    main()
