"""Serves the metrics over HTTP, for Prometheus and for health checks."""

from typing import Self

from prometheus_client import CollectorRegistry, start_http_server

from stream_guard.errors import ConfigurationError
from stream_guard.settings import TelemetrySettings


class MetricsServer:
    """An HTTP endpoint in threads of its own; port 0 takes a free one."""

    def __init__(self, registry: CollectorRegistry, settings: TelemetrySettings) -> None:
        host, port = settings.metrics_host, settings.metrics_port
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            message = (
                f"telemetry.metrics_host, telemetry.metrics_port: expected an address to listen on; "
                f"got {host}:{port}: {error.strerror or error} "
                f"(STREAM_GUARD_TELEMETRY__METRICS_PORT sets another port, 0 any free one)"
            )
            raise ConfigurationError(message) from error
        self.port: int = self._server.server_port
        self.url = f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
