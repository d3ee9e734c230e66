"""What tests of gateways share: a model to forward to, the gateway's program, the events that came of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import msgspec
from kafka.admin import KafkaAdminClient

from stream_guard.embedded.kafka import EmbeddedKafka
from stream_guard.embedded.process import HOST, Server, free_port
from stream_guard.records import RequestEvent
from stream_guard.wire.native import EventDecoder
from tests.e2e.program import COMMAND, with_environment
from tests.support.kafka import read_topics
from tests.support.polling import until

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMPT = "Name a river that is longer than the Elbe."
PARTITIONS = 4
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_763_800_000,
    "model": "atlas-large-2",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "The Rhine."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
}


def question(**more: Any) -> dict[str, Any]:
    """A chat request as OpenAI's API takes it."""
    return {
        "model": "atlas-large-2",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": PROMPT}],
        **more,
    }


class _Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


class Upstream:
    """Answers every chat request; `asked` holds the headers of each that got through."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer((HOST, 0), _Model)
        self.asked: list[dict[str, str]] = []
        self._server.asked = self.asked  # type: ignore[attr-defined]
        self.port = self._server.server_port
        self.url = f"http://{HOST}:{self.port}"

    def __enter__(self) -> "Upstream":
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Program(Server):
    """Another program on a port, with its variables."""

    def __init__(
        self,
        directory: Path,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.name = Path(command[0]).name
        super().__init__(directory, port)
        self._command, self._environment = command, environment or {}

    def command(self) -> Sequence[str | Path]:
        return [str(part).replace("{port}", str(self.port)) for part in self._command]

    def environment(self) -> Mapping[str, str]:
        return self._environment

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


class Told:
    """The events of a topic."""

    def __init__(self, broker: EmbeddedKafka, topic: str) -> None:
        self.bootstrap, self.topic = broker.bootstrap, topic
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        try:
            wanted = {topic: {"num_partitions": PARTITIONS, "replication_factor": 1}}
            admin.create_topics(wanted, wait_for_metadata=True)
        finally:
            admin.close()

    def raw(self) -> list[bytes]:
        found = read_topics(self.bootstrap, {self.topic: PARTITIONS})
        return [record.value or b"" for records in found.values() for record in records]

    def of(self, account_id: str) -> list[RequestEvent]:
        decode = EventDecoder().decode
        return [event for event in map(decode, self.raw()) if event.account_id == account_id]

    def wait(self, account_id: str, count: int) -> list[RequestEvent]:
        """The account's events, once there are so many."""
        until(lambda: len(self.of(account_id)) >= count, 60, f"{count} events of {account_id}", 0.2)
        return self.of(account_id)


def environment(redis_url: str, told: Told, **more: str) -> dict[str, str]:
    """Variables of ours, for a program that is to use these neighbours."""
    return {
        "STREAM_GUARD_REDIS__URL": redis_url,
        "STREAM_GUARD_KAFKA__BOOTSTRAP": told.bootstrap,
        "STREAM_GUARD_KAFKA__REQUESTS_TOPIC": told.topic,
        "STREAM_GUARD_GATEWAY__DEADLINE_S": "2.0",  # a test machine may be slow
        **more,
    }


class GuardService(Program):
    """`stream-guard gateway`."""

    def __init__(self, directory: Path, redis_url: str, told: Told, **more: str) -> None:
        self.grpc_port, self.log_port = free_port(), free_port()
        ports = {
            "STREAM_GUARD_GATEWAY__PORT": "{port}",
            "STREAM_GUARD_GATEWAY__GRPC_PORT": str(self.grpc_port),
            "STREAM_GUARD_GATEWAY__LOG_PORT": str(self.log_port),
        }
        super().__init__(directory, [*COMMAND, "gateway"], {})
        self.name, self._ours = (
            "stream-guard",
            with_environment(environment(redis_url, told, **ports, **more)),
        )
        self.log = directory / "stream-guard.log"

    def environment(self) -> Mapping[str, str]:
        return {**self._ours, "STREAM_GUARD_GATEWAY__PORT": str(self.port)}

    def is_ready(self) -> bool:
        """Answers, and Redis is there."""
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def asking(base: str) -> Iterator[httpx.Client]:
    """A client of a gateway."""
    with httpx.Client(base_url=base, timeout=30) as client:
        yield client


def ask(client: httpx.Client, account_id: str, **headers: str) -> httpx.Response:
    """One chat request of an account, named by a header as by a bearer."""
    told = {"x-account-id": account_id, "authorization": f"Bearer sk-{account_id}", **headers}
    return client.post("/v1/chat/completions", json=question(), headers=told)


def reference_of(response: httpx.Response) -> str:
    """The reference that a refusal names, wherever the gateway put the problem."""
    return str(msgspec.json.decode(response.content)["reference"])
