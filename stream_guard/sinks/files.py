"""Decisions, campaigns and dead letters as files: one JSON object per line, whole or not at all.

A file is written beside its name (``OUT.jsonl.partial``) and takes the name when it is closed, so
nobody ever reads half of one.  After an error the partial file stays for whoever wants to look.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_guard.errors import ConfigurationError

BUFFER_BYTES = 1 << 20
Messages = Iterable[tuple[bytes | None, bytes]]


@contextmanager
def naming(file: Path | str) -> Iterator[None]:
    """Within it a full disk says whose file it was: the OSError that passes names ``file``."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(file)
        raise


class JsonLinesFile:
    """One output file.  Raises ConfigurationError if it can not be created, OSError if a write fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self.lines = 0
        try:
            if path.is_dir():
                raise IsADirectoryError(path)
            self._file = self.partial.open("wb", buffering=BUFFER_BYTES)
        except OSError as error:
            message = f"{path}: expected a file that can be written; got {error}"
            raise ConfigurationError(message) from error

    def write(self, messages: Messages) -> None:
        """Append one line per message; keys are in the JSON already."""
        lines = [value for _, value in messages]
        with naming(self.path):
            self._file.writelines(value + b"\n" for value in lines)
        self.lines += len(lines)

    def close(self) -> None:
        """The file is complete: it is on disk under its name when this returns."""
        with naming(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self.partial.replace(self.path)

    def abandon(self) -> None:
        """The file is not complete: leave it as ``.partial``, and what had its name before alone."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


class FileSinks:
    """A runtime's sink: each stream into its file; streams without one are not written.

    A context manager: after an error in its block no file is completed.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        with ExitStack() as stack:
            self.files = {stream: stack.enter_context(JsonLinesFile(path)) for stream, path in paths.items()}
            self._stack = stack.pop_all()

    def __call__(self, stream: str, partition: int, messages: Messages) -> None:  # noqa: ARG002 - a sink
        """Take what a runtime hands out (`runtime.local.Sink`)."""
        file = self.files.get(stream)
        if file is not None:
            file.write(messages)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
