"""`stream-guard gateway`: the guard over HTTP and gRPC, and access logs read as events, in one process.

All of it lives in one event loop and shares one guard and one emitter.  Start as many as you like;
they share nothing but Redis and Kafka.
"""

import asyncio
import signal
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from stream_guard.enforcement.adapters.access_log import AccessLog
from stream_guard.enforcement.adapters.http import Door, GatewayService
from stream_guard.enforcement.async_guard import AsyncGuard
from stream_guard.enforcement.emitter import EventEmitter
from stream_guard.enforcement.metrics import expose
from stream_guard.errors import ConfigurationError

CLOSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; 0: not at all."""

    host: str
    http: int
    grpc: int
    log: int


async def serve(guard: AsyncGuard, emitter: EventEmitter | None, door: Door, ports: Ports) -> None:
    """Serve until cancelled, or until uvicorn has got SIGTERM or Ctrl-C."""
    registry, lines = CollectorRegistry(), Counter[str]()
    expose(guard, emitter, registry, lines)
    async with AsyncExitStack() as stack:
        await guard.start()
        stack.push_async_callback(guard.close)
        if emitter is not None:
            stack.push_async_callback(asyncio.to_thread, emitter.close, CLOSE_S)
            if ports.log:
                await _listen(AccessLog(emitter, lines), ports, stack)
        if ports.grpc:
            services = _envoy(guard, emitter, door, lines)
            await _serve_grpc(services, ports, stack)
        service = GatewayService(guard, emitter, door, lambda: generate_latest(registry), lines)
        await _serve_http(service, ports)


async def _listen(log: AccessLog, ports: Ports, stack: AsyncExitStack) -> None:
    try:
        listening = await log.listen(ports.host, ports.log)
    except OSError as error:
        message = f"gateway.log_port: expected a free port; got {ports.host}:{ports.log}: {error.strerror}"
        raise ConfigurationError(message) from error
    for each in listening:
        stack.callback(each.close)


def _envoy(guard: AsyncGuard, emitter: EventEmitter | None, door: Door, lines: Counter[str]) -> Any:
    try:
        from stream_guard.enforcement.adapters.envoy import EnvoyServices  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "gateway.grpc_port: pip install 'stream-guard[envoy]', or set it to 0 (no Envoy)"
        raise ConfigurationError(message) from error
    return EnvoyServices(guard, emitter, door.account_header, door.help_url, lines)


async def _serve_grpc(services: Any, ports: Ports, stack: AsyncExitStack) -> None:
    import grpc.aio  # noqa: PLC0415 - an extra

    server: Any = grpc.aio.server()
    server.add_generic_rpc_handlers(services.handlers())
    try:
        server.add_insecure_port(f"{ports.host}:{ports.grpc}")
    except RuntimeError as error:
        message = f"gateway.grpc_port: expected a free port; got {ports.host}:{ports.grpc}: {error}"
        raise ConfigurationError(message) from error
    await server.start()
    stack.push_async_callback(server.stop, 0.5)


async def _serve_http(service: GatewayService, ports: Ports) -> None:
    if find_spec("uvicorn") is None:
        message = "stream-guard gateway: pip install 'stream-guard[gateway]'"
        raise ConfigurationError(message)
    import uvicorn  # noqa: PLC0415 - an extra

    config = uvicorn.Config(
        service, host=ports.host, port=ports.http, lifespan="off", log_level="warning", access_log=False
    )
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            each, signal.SIG_IGN
        )  # uvicorn has its own, and raises it again when all of us must close
    await uvicorn.Server(config).serve()
