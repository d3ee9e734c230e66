"""Kafka's jars: fetched once from Maven Central, kept in the user's cache folder.

A list of the jars is written when all of them are there, so that later starts need neither the
resolver nor the network.  Maven Central's checksums are verified by `jgo` while it downloads.
"""

import fcntl
import os
from pathlib import Path

from stream_guard.embedded.process import ServerFailed

KAFKA_VERSION = "4.3.1"
BROKER = ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)
# Lets the broker log at all: without a binding slf4j drops every line.  Taken without what it
# depends on, since Kafka brings all of it, and log4j's own list would replace Kafka's versions.
LOGGING = ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4")
CACHE_VARIABLE = "STREAM_GUARD_CACHE"


def cache_dir() -> Path:
    """``$STREAM_GUARD_CACHE``, else ``stream-guard`` in the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stream-guard"


def kafka_jars(cache: Path | None = None) -> list[Path]:
    """All jars that a broker needs; downloads about 50 MB the first time."""
    cache = cache or cache_dir()
    listing = cache / f"kafka-{KAFKA_VERSION}.jars"
    known = _read(listing)
    if known:
        return known
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first starts at once: one downloads, one waits
        known = _read(listing)
        if known:
            return known
        jars = _fetch(cache / "maven")
        partial = listing.with_suffix(".partial")
        partial.write_text("\n".join(map(str, jars)), encoding="utf-8")
        partial.rename(listing)
        return jars


def _read(listing: Path) -> list[Path]:
    """The jars of a listing, or none if one of them has gone."""
    if not listing.exists():
        return []
    jars = [Path(line) for line in listing.read_text(encoding="utf-8").splitlines()]
    return jars if all(jar.exists() for jar in jars) else []


def _fetch(repository: Path) -> list[Path]:
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - only a first start pays for these imports
    from jgo.maven import MavenContext  # noqa: PLC0415
    from jgo.parse import Coordinate  # noqa: PLC0415

    context = MavenContext(repo_cache=repository, remote_repos={"central": MAVEN_CENTRAL_URL})
    broker = context.create_dependency(Coordinate(*BROKER, scope="compile"))
    group, name, version = LOGGING
    try:
        roots, others = context.resolver.resolve([broker])
        needed = [*roots, *(each for each in others if each.scope in ("compile", "runtime"))]
        logging = context.project(group, name).at_version(version).artifact()
        return [Path(artifact.resolve()) for artifact in [*(each.artifact for each in needed), logging]]
    except Exception as error:  # jgo raises whatever its HTTP client raises
        message = (
            f"Kafka {KAFKA_VERSION} could not be fetched from Maven Central ({error}): check the network, "
            f"or put the jars where {CACHE_VARIABLE} points to"
        )
        raise ServerFailed(message) from error
