"""The example configuration of Redis: it starts, it is enough, and it is no more than that."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from stream_guard.embedded.process import HOST, answers
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.enforcement.keys import decision_key, rate_key
from stream_guard.sinks.decision_store import RedisDecisionStore
from stream_guard.sinks.redis_projection import RedisProjection
from tests.deploy.files import ROOT
from tests.support.decisions import decision, message
from tests.support.guards import KINDS, eventually, guarding, write
from tests.support.neighbours import need_binary
from tests.support.redis_servers import BINARIES, need_server

pytestmark = pytest.mark.redis
FILES = ROOT / "deploy" / "redis"


class Configured(EmbeddedValkey):
    """A server as the files say, but for its place."""

    def __init__(self, directory: Path, binary: str, *more: str) -> None:
        super().__init__(directory, binary=binary)
        self._more = more

    def command(self) -> Sequence[str | Path]:
        place = ("--port", str(self.port), "--dir", str(self.directory))
        return [
            self._server(),
            FILES / "redis.conf",
            *place,
            "--aclfile",
            str(FILES / "users.acl"),
            *self._more,
        ]

    def is_ready(self) -> bool:
        return answers(self.port)

    def as_user(self, name: str, scheme: str = "redis", host: str = HOST, options: str = "") -> str:
        return f"{scheme}://{name}:change-me-{name}@{host}:{self.port}/0{options}"


@pytest.fixture(params=BINARIES)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Configured]:
    with Configured(tmp_path / "server", need_server(request.param)) as server:
        yield server


@pytest.mark.parametrize("kind", KINDS)
def test_worker_gateway_and_operator_can_do_their_work(server: Configured, kind: str) -> None:
    blocked = decision("bad")
    projection = RedisProjection(server.as_user("worker"), list)
    projection.start()
    try:
        with guarding(kind, server.as_user("gateway")) as guard:
            assert guard.check("bad").source == "redis", guard.trouble
            for sequence, each in enumerate((blocked, decision("much", "throttle"))):
                projection.push([(message(each)[1], sequence)])
            assert projection.flush(30)
            eventually(lambda: not guard.check("bad").allowed)
            assert [guard.check("much").allowed for _ in range(4)] == [True, True, True, False]
        store = RedisDecisionStore(server.as_user("operator"))
        assert store.get("bad") == blocked
        assert len(store.newest(10)) == 2
        store.close()
    finally:
        projection.close(30)


def test_a_gateway_can_neither_write_decisions_nor_look_around(server: Configured) -> None:
    write(server.as_user("worker"), decision("bad"))
    bad = decision_key("bad")
    with Redis.from_url(server.as_user("gateway")) as gateway:
        for forbidden in (
            ("HSET", bad, "action", "allow"),
            ("SET", bad, "1"),
            ("DEL", bad),
            ("EXPIRE", bad, "1"),
            ("HGETALL", bad),
            ("GET", "sg:v1:projection"),
            ("SET", "other", "1"),
            ("EVAL", "return 1", "0"),
            ("KEYS", "*"),
            ("SCAN", "0"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("FUNCTION", "FLUSH"),
            ("ACL", "LIST"),
            ("SUBSCRIBE", "x"),
        ):
            with pytest.raises(NoPermissionError):
                gateway.execute_command(*forbidden)
        assert gateway.set(rate_key("bad"), "0")
    with Redis.from_url(server.as_user("operator")) as operator, pytest.raises(NoPermissionError):
        operator.delete(bad)
    with (
        pytest.raises(Exception, match="authenticated"),
        Redis(port=server.port) as nobody,
    ):
        nobody.ping()


def certificates(folder: Path) -> None:
    """An authority and a server's certificate for localhost."""
    openssl = need_binary("openssl", "openssl")
    subject = ["-nodes", "-newkey", "rsa:2048", "-keyout"]
    for command in (
        ["req", "-x509", *subject, "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2"],
        ["req", *subject, "server.key", "-out", "server.csr", "-subj", "/CN=localhost"],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
         "-out", "server.pem", "-days", "2", "-extfile", "names"],
    ):  # fmt: skip
        (folder / "names").write_text("subjectAltName=DNS:localhost")
        subprocess.run([openssl, *command], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("kind", KINDS)
def test_over_tls_the_servers_name_is_verified(tmp_path: Path, kind: str) -> None:
    """Debian's Redis: the Valkey of the wheel is built without TLS."""
    tls = tmp_path / "tls"
    tls.mkdir()
    certificates(tls)
    lines = (FILES / "tls.conf").read_text().replace("/etc/redis/tls", str(tls)).splitlines()
    pairs = [line.replace('"', "").split(None, 1) for line in lines if line and not line.startswith("#")]
    server = Configured(tmp_path / "server", need_server("redis"))
    server._more = tuple(
        part for name, value in pairs if name not in ("port", "tls-port") for part in (f"--{name}", value)
    )
    with server:
        plain = server.port
        with Redis.from_url(f"redis://operator:change-me-operator@{HOST}:{plain}") as client:
            assert client.ping()
        server.stop()
        server._more = (*server._more, "--port", "0", "--tls-port", str(plain))
        server.start()
        options = f"?ssl_ca_certs={tls / 'ca.pem'}"
        worker = server.as_user("worker", "rediss", "localhost", options)
        write(worker, decision("bad"))
        with guarding(kind, server.as_user("gateway", "rediss", "localhost", options)) as guard:
            eventually(lambda: guard.state == "up", guard.trouble)
            assert not guard.check("bad").allowed
            write(worker, decision("worse"))
            eventually(lambda: not guard.check("worse").allowed)
        for wrong in (
            server.as_user("gateway", "rediss", HOST, options),  # not the name in the certificate
            server.as_user("gateway", "rediss", "localhost"),  # an authority that nobody trusts
        ):
            with guarding(kind, wrong) as guard:
                assert guard.check("bad").source == "fail_open"
                assert "CERTIFICATE_VERIFY_FAILED" in guard.trouble
