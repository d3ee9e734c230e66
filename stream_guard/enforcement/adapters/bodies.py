"""What was posted as JSON: one object, an array of them, or one per line; each is read by itself.

One that can not be read costs no other: it becomes a `Fault`, which the sender is told.  Half a
character, bytes that are no UTF-8 and numbers that are none are no fault (`wire.parse.parse_damaged`),
unless they stand in an id.

Glossary: *piece* what should be one event: an array's item, or a line that is not blank.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stream_guard.errors import InvalidEvent
from stream_guard.wire.parse import REPLACED, parse_damaged, repair

IDS: Final = ("account_id", "event_id")
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode
_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a piece is no event; ``index`` counts from 0."""

    index: int
    reason: str
    detail: str


def read_json(body: bytes) -> Any:
    """The one value in ``body``; InvalidEvent if there is none."""
    try:
        return _decode(body)
    except _ERRORS as error:
        value = parse_damaged(body)
        if value is None:
            raise InvalidEvent("not_json", f"{len(body)} bytes: {error}") from error
        return value


def read_events(body: bytes) -> Iterator[dict[str, Any] | Fault]:
    """Events as they were posted, and faults; InvalidEvent if an array can not be told into pieces."""
    for index, piece in enumerate(_pieces(body)):
        try:
            yield _read(piece)
        except InvalidEvent as error:
            yield Fault(index, error.reason, error.detail)


def _pieces(body: bytes) -> Iterable[Any]:
    """Bytes to be read, or what was read already."""
    if body.lstrip()[:1] == b"[":
        for read in (bytes, repair):  # mending costs more than reading: only where it must be
            try:
                return map(bytes, _split(read(body)))
            except _ERRORS:
                continue
        found = read_json(body)
        return found if isinstance(found, list) else [found]
    try:
        return [_decode(body)]  # one, on as many lines as it likes
    except _ERRORS:
        return (line for line in body.splitlines() if line.strip())


def _read(piece: Any) -> dict[str, Any]:
    tree = read_json(piece) if isinstance(piece, bytes) else piece
    if not isinstance(tree, dict):
        raise InvalidEvent("not_object", f"expected one JSON object per event; got {type(tree).__name__}")
    for name in IDS:
        if isinstance(tree.get(name), str) and REPLACED in tree[name]:
            raise InvalidEvent("not_json", f"{name}: expected UTF-8")
    return tree
