"""Files of JSON lines of one type: truth, decisions, campaigns."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from stream_guard.errors import ConfigurationError

T = TypeVar("T")


def decoded(lines: Iterable[bytes], place: str, kind: type[T], what: str) -> Iterator[tuple[int, T]]:
    """Each line's number and what it holds; ConfigurationError if a line is not ``what``."""
    decode = msgspec.json.Decoder(kind).decode
    for number, line in enumerate(lines, 1):
        try:
            one = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"{place}: line {number}: expected {what}; got: {error}"
            raise ConfigurationError(message) from error
        yield number, one
