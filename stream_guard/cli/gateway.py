"""`stream-guard gateway`: the guard as a service beside a gateway."""

import asyncio
from importlib.util import find_spec
from typing import Any

from stream_guard.cli.options import Config, settings_from
from stream_guard.cli.output import say
from stream_guard.settings import Settings


def gateway(config: Config = None) -> None:
    """Answer gateways that ask whether a request may pass: over HTTP (LiteLLM, Caddy), over gRPC (Envoy).

    It also takes their access logs, and sends each request as an event to Kafka. Needs Redis, which a
    worker keeps up to date; while Redis does not answer, requests pass or are refused as
    gateway.on_failure says. docs/gateways.md leads through each gateway.

    For example:

        stream-guard gateway -c stream-guard.toml
    """
    from stream_guard.enforcement import AsyncGuard
    from stream_guard.enforcement.adapters.http import Door
    from stream_guard.enforcement.adapters.service import Ports, serve

    settings = settings_from(config)
    ours = settings.gateway
    guard = AsyncGuard.from_url(settings.redis.url, deadline_s=ours.deadline_s, on_failure=ours.on_failure)
    door = Door(ours.account_header, ours.token, ours.help_url)
    ports = Ports(ours.host, ours.port, ours.grpc_port, ours.log_port)
    say(f"gateway: HTTP {ours.host}:{ours.port}, gRPC :{ours.grpc_port}, access logs :{ours.log_port}")
    asyncio.run(serve(guard, _emitter(settings), door, ports))


def _emitter(settings: Settings) -> Any:
    from stream_guard.enforcement import EventEmitter
    from stream_guard.enforcement.event import edge_sketcher

    if not settings.gateway.is_told:
        return None
    sketch = edge_sketcher() if find_spec("wordllama") and find_spec("tokenizers") else None
    return EventEmitter.to_kafka(settings.kafka.bootstrap, topic=settings.kafka.requests_topic, sketch=sketch)
