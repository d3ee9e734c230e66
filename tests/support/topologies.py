"""Topologies by name, so that one test or benchmark runs on the toy and on the real one."""

from dataclasses import replace
from importlib import import_module
from inspect import signature

from stream_guard.settings import Settings
from stream_guard.topology import Topology

TOY = "tests.support.toy:build_toy"


def load_topology(factory: str, prefix: str = "", tick_ms: int | None = None) -> Topology:
    """Call ``module:function`` (with default settings, if it wants settings); prefix its topics."""
    module, _, name = factory.partition(":")
    build = getattr(import_module(module), name)
    wants_settings = "settings" in signature(build).parameters
    topology: Topology = build(Settings()) if wants_settings else build()
    streams = tuple(replace(stream, topic=prefix + stream.topic) for stream in topology.streams)
    return replace(topology, streams=streams, tick_ms=tick_ms or topology.tick_ms)
