"""Events in files: ``.jsonl``, plain or compressed with gzip or zstandard, Parquet, and standard input.

What a file is, is told by its first bytes, so a pipe may be compressed too.  Lines come out as raw
bytes, undecoded, in order; memory is bounded by one chunk, decompressed, and one line.  Progress is
counted in bytes of the file as it lies on disk, since only that total is known.

A compressed file that ends too soon, as one does that is still being written or copied, yields all
complete lines; `EventFile.fault` then says where it broke, and the caller decides what that means.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import zstandard

from stream_guard.errors import ConfigurationError
from stream_guard.wire.parquet import parquet_lines
from stream_guard.wire.parse import MAX_MESSAGE_BYTES

CHUNK_BYTES: Final = 16 * 1024  # small: logs compress tenfold and more
STDIN: Final = "-"
_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_REFUSED: Final = {b"\xfd7zXZ": "xz", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"\x04\x22\x4d\x18": "lz4"}
_BOM: Final = b"\xef\xbb\xbf"


class Decompressor(Protocol):
    """zlib's and zstandard's decompression objects, as far as they are alike."""

    @property
    def eof(self) -> bool:
        """Whether the stream's end was seen."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came after that end."""
        ...

    def decompress(self, data: bytes, /) -> bytes:
        """Decompress a piece."""
        ...


class _Truncated(Exception):
    """The input ends within a compressed stream."""


class EventFile:
    """One input: iterate once over its raw lines, blank ones left out.

    ``offset`` and ``total`` are bytes on disk, read so far and in all (None for standard input);
    ``line`` is the number of the last line that came out, from 1 (Parquet: of the row);
    ``fault`` is None, or what cut the input short.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == STDIN else path
        self.offset = 0
        self.line = 0
        self.total: int | None = None
        self.fault: str | None = None
        self._path = path
        if path != STDIN:
            self.total = _size(Path(path))

    def __iter__(self) -> Iterator[bytes]:
        if self._path == STDIN:
            yield from self._read(sys.stdin.buffer)
            return
        with Path(self._path).open("rb") as file:
            yield from self._read(file)

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        chunks = self._chunks(file)
        first = next(chunks, b"")
        _refuse(first, self.name)
        if first.startswith(_PARQUET):
            yield from self._rows()
            return
        chunks = _chain(first, chunks)
        if first.startswith(_GZIP):
            chunks = _decompress(chunks, lambda: zlib.decompressobj(wbits=31))
        elif first.startswith(_ZSTD):
            chunks = _decompress(chunks, lambda: zstandard.ZstdDecompressor().decompressobj())
        yield from self._lines(self._guarded(chunks))

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        while chunk := file.read(CHUNK_BYTES):
            self.offset += len(chunk)
            yield chunk

    def _guarded(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Turn what breaks a compressed stream into `fault`; all before it has come out by then."""
        try:
            yield from chunks
        except _Truncated:
            self.fault = f"{self.name}: ends within its compressed data, after {self.offset} bytes"
        except (zlib.error, zstandard.ZstdError) as error:
            self.fault = f"{self.name}: broken compressed data before byte {self.offset}: {error}"

    def _lines(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for number, line in enumerate(_split(chunks), start=1):
            if self.fault is not None:
                return  # what is left is the beginning of a line
            if line and not line.isspace():
                self.line = number
                yield line.removeprefix(_BOM) if number == 1 else line

    def _rows(self) -> Iterator[bytes]:
        if self._path == STDIN:
            message = "standard input: Parquet can not be read from a pipe; give the file's path"
            raise ConfigurationError(message)
        self.offset = 0
        for line, offset in parquet_lines(Path(self._path)):
            self.offset = offset
            self.line += 1
            yield line


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            message = f"{path}: expected a file of events; got a directory"
            raise ConfigurationError(message)
        with path.open("rb"):
            return path.stat().st_size
    except FileNotFoundError as error:
        message = f"{path}: no such file"
        raise ConfigurationError(message) from error
    except OSError as error:
        message = f"{path}: expected a readable file of events; got: {error}"
        raise ConfigurationError(message) from error


def _refuse(first: bytes, name: str) -> None:
    for magic, kind in _REFUSED.items():
        if first.startswith(magic):
            message = (
                f"{name}: expected JSON lines, plain or compressed with gzip or zstd, or Parquet; got {kind}"
            )
            raise ConfigurationError(message)


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends; of one that is too large, just enough to be refused as that."""
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        first, *lines = chunk.split(b"\n")
        if size <= MAX_MESSAGE_BYTES:
            pieces.append(first)
            size += len(first)
        if lines:
            yield b"".join(pieces)
            tail = lines.pop()
            yield from lines
            pieces, size = [tail], len(tail)
    yield b"".join(pieces)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _decompress(chunks: Iterable[bytes], start: Callable[[], Decompressor]) -> Iterator[bytes]:
    """The content of one or more compressed streams laid end to end (``cat a.gz b.gz``)."""
    stream = start()
    for chunk in chunks:
        rest = chunk
        while rest:
            if stream.eof:
                stream = start()
            if data := stream.decompress(rest):
                yield data
            rest = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise _Truncated
