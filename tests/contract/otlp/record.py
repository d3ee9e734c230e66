"""Records what a real OpenTelemetry collector writes to Kafka: `python -m tests.contract.otlp.record`.

Builds the collector of `collector/` (needs Go), starts it beside a real Kafka, sends it spans of the
real SDK, and writes each message of its Kafka exporter beside this file: `batch.otlp_proto` as it
is, `batch.otlp_json` likewise.  Run it again for a newer collector; the tests read the files.
"""

import http.client
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import Server, free_port
from tests.contract.otlp.spans import PROMPT, Attributes, chat, sdk_batch
from tests.support.kafka import read_topics
from tests.support.polling import until

HERE = Path(__file__).parent
REQUESTS: list[Attributes] = [
    chat(
        "acct-7",
        gen_ai__input__messages=f'[{{"role":"user","parts":[{{"type":"text","content":"{PROMPT}"}}]}}]',
    ),
    chat("acct-8", http__response__status_code=429, error__type="429"),
    {name: value for name, value in chat("nobody").items() if name != "account.id"},
    {"account.id": "acct-7", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"},
]


class Collector(Server):
    """The collector that `collector/` builds."""

    name = "collector"

    def __init__(self, directory: Path, binary: Path, bootstrap: str) -> None:
        super().__init__(directory, free_port())
        self._binary, self._bootstrap = binary, bootstrap

    def command(self) -> list[str | Path]:
        return [self._binary, "--config", HERE / "collector" / "config.yml"]

    def environment(self) -> dict[str, str]:
        return {"OTLP_PORT": str(self.port), "KAFKA": self._bootstrap}


def record(directory: Path) -> None:
    """Build, run, send, write."""
    binary = directory / "collector"
    subprocess.run(["go", "build", "-o", binary, "."], cwd=HERE / "collector", check=True)
    topics = {"otlp_spans": "otlp_proto", "otlp_spans_json": "otlp_json"}
    with (
        EmbeddedKafka(directory / "kafka") as kafka,
        Collector(directory, binary, kafka.bootstrap) as collector,
    ):
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        for result in admin.create_topics([NewTopic(topic, 1) for topic in topics]).values():
            result.result(30)
        post(collector.port, sdk_batch(REQUESTS))
        until(
            lambda: len(found(kafka.bootstrap, topics)) == len(topics),
            60,
            "the collector wrote to both topics",
        )
        for topic, value in found(kafka.bootstrap, topics).items():
            (HERE / f"batch.{topics[topic]}").write_bytes(value)


def found(bootstrap: str, topics: dict[str, str]) -> dict[str, bytes]:
    read = read_topics(bootstrap, dict.fromkeys(topics, 1))
    return {topic: records[0].value or b"" for (topic, _), records in read.items() if records}


def post(port: int, batch: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/traces", batch, {"Content-Type": "application/x-protobuf"})
    assert connection.getresponse().status == 200
    connection.close()


if __name__ == "__main__":
    os.environ.setdefault("GOFLAGS", "-mod=mod")
    with tempfile.TemporaryDirectory() as name:
        record(Path(name))
    sys.exit(0)
