"""Files that traffic is written to: plain or compressed by their name; the same lines give the same bytes.

Compressed ones do so on one version of the compressor and one kind of processor.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, cast

import zstandard
from isal import igzip

from stream_guard.errors import ConfigurationError

STDOUT: Final = "-"
ZSTD_LEVEL: Final = 1  # with the wide window: 1.1 us and 70 bytes an event; level 3: 1.75 us, 68 bytes
ZSTD_WINDOW_LOG: Final = 22  # 4 MB
GZIP_LEVEL: Final = 2  # of ISA-L: 1.0 us and 133 bytes an event; zlib's fastest level: 5.2 us, 148 bytes
_PLAIN: Final = ".jsonl"


def check_name(name: str) -> None:
    """ConfigurationError if nothing can be written under this name."""
    if name != STDOUT and not name.endswith((_PLAIN, ".jsonl.gz", ".jsonl.zst")):
        message = (
            f"{name}: expected a name that ends in .jsonl, .jsonl.gz or .jsonl.zst, or - for standard output"
        )
        raise ConfigurationError(message)
    if name != STDOUT and not Path(name).resolve().parent.is_dir():
        message = f"{name}: expected a file in a folder that is there"
        raise ConfigurationError(message)


def open_lines(name: str) -> tuple[ExitStack, IO[bytes]]:
    """A file to write lines to, and what closes it."""
    check_name(name)
    stack = ExitStack()
    if name == STDOUT:
        return stack, sys.stdout.buffer
    path = Path(name)
    file = stack.enter_context(path.open("wb"))
    if name.endswith(".zst"):
        quick = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL, window_log=ZSTD_WINDOW_LOG)
        compressor = zstandard.ZstdCompressor(compression_params=quick)
        return stack, cast("IO[bytes]", stack.enter_context(compressor.stream_writer(file)))
    if name.endswith(".gz"):
        packed = igzip.IGzipFile(  # type: ignore[no-untyped-call]  # its constructor bears no types
            "", "wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0
        )
        return stack, cast("IO[bytes]", stack.enter_context(packed))
    return stack, file
