"""The state of one lane: key -> row, packed always, decoded while hot.

A row is a msgspec type.  River models inside it travel through the hooks of `accounts/models.py`
(any object with ``snapshot() -> bytes`` and ``restore(bytes)``).  Changed rows are packed once per
`take`, not once per change; what was packed last is what the changelog holds.

Bound: as many packed rows as the stage keeps keys (`forgetting.py` deletes what has ended); ``hot_max``
decoded ones, oldest out first (a
miss costs one decode).
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec


class Snapshotted(Protocol):
    """A model that can be packed: what rows hold of River."""

    def snapshot(self) -> bytes:
        """The whole state; `restore` of it behaves bit for bit the same."""
        ...

    @classmethod
    def restore(cls, state: bytes) -> "Snapshotted":
        """Build the model again."""
        ...


def _pack_model(model: Any) -> bytes:
    state: bytes = model.snapshot()
    return state


def _unpack_model(kind: Any, state: Any) -> Any:
    return kind.restore(state)


_encoder = msgspec.msgpack.Encoder(enc_hook=_pack_model)
pack = _encoder.encode
Packed = list[tuple[bytes, bytes | None]]


class LaneRows:
    """The rows of one lane (`topology.Rows`), with what changed since the last `take`."""

    def __init__(self, row_type: Any, hot_max: int) -> None:
        self._decode = msgspec.msgpack.Decoder(row_type, dec_hook=_unpack_model).decode
        self._hot: dict[str, Any] = {}
        self._hot_max = hot_max
        self._changed: dict[str, Any] = {}
        self.packed: dict[str, bytes] = {}
        self.size_bytes = 0  # of all packed rows, without keys and Python's own share
        self.on_new: Callable[[str], None] | None = None  # told of each key that is packed for the first time

    def get(self, key: str) -> Any | None:
        """The row of ``key``, decoded, or None."""
        row = self._changed.get(key)
        if row is not None or key in self._changed:
            return row
        row = self._hot.get(key)
        if row is None:
            packed = self.packed.get(key)
            if packed is not None:
                row = self._hot[key] = self._decode(packed)
        return row

    def peek(self, key: str) -> Any | None:
        """The row of ``key``, or None; what had to be decoded for it is not kept."""
        row = self._changed[key] if key in self._changed else self._hot.get(key)
        if row is None and key not in self._changed:
            packed = self.packed.get(key)
            return None if packed is None else self._decode(packed)
        return row

    def keys(self) -> Iterator[str]:
        """Every key, in an order that differs from run to run: for what does not depend on it."""
        yield from (key for key in self.packed if key not in self._changed)
        yield from (key for key, row in self._changed.items() if row is not None)

    def unpacked(self) -> Iterator[str]:
        """Keys that were put since the last `take` and never before."""
        return (key for key in self._changed if key not in self.packed)

    def put(self, key: str, row: Any) -> None:
        """Keep ``row``, and pack it at the next `take`."""
        self._changed[key] = row

    def delete(self, key: str) -> None:
        """Forget ``key``; the next `take` holds a tombstone."""
        self._changed[key] = None

    def load(self, key: str, packed: bytes | None) -> None:
        """Recovery: one record of the changelog, oldest first."""
        self.size_bytes += len(packed or b"") - len(self.packed.get(key, b""))
        if packed is None:
            self.packed.pop(key, None)
            return
        if self.on_new is not None and key not in self.packed:
            self.on_new(key)
        self.packed[key] = packed

    def take(self) -> Packed:
        """What changed since the last call, packed; None is a tombstone."""
        taken: Packed = []
        packed_rows, on_new = self.packed, self.on_new
        for key, row in self._changed.items():
            if row is None:
                self._hot.pop(key, None)
                if (old := self.packed.pop(key, None)) is not None:
                    self.size_bytes -= len(old)
                    taken.append((key.encode(), None))
                continue
            self._hot[key] = row
            if on_new is not None and key not in packed_rows:
                on_new(key)
            value = pack(row)
            self.size_bytes += len(value) - len(packed_rows.get(key, b""))
            packed_rows[key] = value
            taken.append((key.encode(), value))
        self._changed = {}
        excess = len(self._hot) - self._hot_max
        if excess > 0:
            for key in list(self._hot)[:excess]:
                del self._hot[key]
        return taken

    def __len__(self) -> int:
        return len(self.packed)
