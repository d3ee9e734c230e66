"""How a worker ends, and what its supervisor should make of it.

    0  stopped on request, after a last flush
    1  something failed (the last log line says what): start it again
    2  it can not work as it is configured: starting it again would not help

A supervisor also starts a worker again that a signal killed.
"""

import os
import sys
from typing import Any, NoReturn

import structlog

log = structlog.get_logger(__name__)

EXIT_STOPPED = 0
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2


def die(event: str, error: BaseException | None = None, *, code: int = EXIT_FAILED, **facts: Any) -> NoReturn:
    """Say why, and end the process at once: nothing that is half done may still become durable."""
    log.critical(event, error=repr(error) if error else None, exit_code=code, exc_info=error, **facts)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
