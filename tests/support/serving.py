"""An ASGI application behind a real uvicorn, in a thread."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn

from stream_guard.embedded.process import HOST
from tests.support.polling import until


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application's URL while it is served."""
    config = uvicorn.Config(app, log_config=None, lifespan="on", ws="none")
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
        thread = Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            until(lambda: server.started, 30, "uvicorn did not start")
            yield f"http://{HOST}:{port}"
        finally:
            server.should_exit = True
            thread.join(30)
