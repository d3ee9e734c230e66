"""A real Alertmanager, and a webhook that it tells."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

from stream_guard.embedded.process import HOST, Server
from tests.deploy.files import DEPLOY, read_yaml
from tests.support.neighbours import need_binary

SHIPPED = DEPLOY / "alertmanager" / "alertmanager.yml"


class EmbeddedAlertmanager(Server):
    """The shipped configuration, quick, with one receiver: a webhook."""

    name = "alertmanager"

    def __init__(self, directory: Path, webhook: str) -> None:
        super().__init__(directory)
        self._webhook = webhook

    def prepare(self) -> None:
        config = read_yaml(SHIPPED)
        config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        (receiver,) = config["receivers"]
        receiver["webhook_configs"] = [{"url": self._webhook, "send_resolved": True}]
        (self.directory / "alertmanager.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def command(self) -> Sequence[str | Path]:
        return [
            need_binary("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={self.directory / 'alertmanager.yml'}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",  # alone
        ]


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and the alerts that it was told of."""
    told: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.extend(json.loads(body)["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is there
            pass

    server = HTTPServer((HOST, 0), Hook)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
