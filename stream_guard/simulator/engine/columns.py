"""Tables that grow: the accounts' numbers by column, and rows that are added one at a time.

Columns lie apart, so that what a draw needs of many accounts is close together.  Rows that were added
wait until somebody reads, or there are many: a column takes many values for little more than one.

Bound: 250 bytes an account, for the whole run; 256 rows that wait.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.engine.pool import TOPIC_STEPS

Array = NDArray[Any]
WAITING: Final = 256  # rows
ACCOUNT: Final = np.dtype(
    [
        ("campaign", "i2"), ("per_min", "i4"), ("per_day", "i4"), ("begin", "f8"), ("end", "f8"),
        # how it speaks
        ("look", "i4"), ("looks", "i2"), ("plain", "i4"), ("plains", "i2"), ("model", "i1"),
        ("other_model", "i1"), ("other_ratio", "f4"), ("tools", "i4"), ("tools_ratio", "f4"),
        ("reasoning_ratio", "f4"), ("images_ratio", "f4"), ("max_tokens", "i4"), ("context", "i2"),
        ("end_users", "i4"), ("end_user_salt", "u4"), ("templates", "i4"), ("eager", "f4"),
        # where it sits
        ("home", "i4"), ("homes", "i2"), ("steep", "f4"), ("away", "i4"), ("aways", "i2"),
        ("away_ratio", "f4"),
        # what it asks
        ("mix", "i4"), ("topics", "u1", (TOPIC_STEPS,)), ("language", "i1"), ("language_ratio", "f4"),
        ("list", "i4"), ("list_ratio", "f4"), ("follow_ratio", "f4"), ("is_dry", "?"),
        # when
        ("sessions", "f4"), ("curve", "i4"), ("shift", "i4"), ("rest", "f4"), ("weekend", "f4"),
        ("spread", "f4"), ("shape", "f4"), ("is_gamma", "?"), ("turns", "f4"), ("gap_s", "f4"),
    ]
)  # fmt: skip


class Columns:
    """The accounts' numbers, by column; `of` takes those of some accounts."""

    def __init__(self) -> None:
        self.size = 0
        self._stored = 0
        self._waiting: list[tuple[Any, ...]] = []
        self._arrays: dict[str, Array] = {}
        self._grow(1024)

    def _grow(self, room: int) -> None:
        grown = np.zeros(room, ACCOUNT)
        for name in ACCOUNT.names or ():
            column = np.ascontiguousarray(grown[name])
            if self._stored:
                column[: self._stored] = self._arrays[name][: self._stored]
            self._arrays[name] = column

    def append(self, row: tuple[Any, ...]) -> int:
        """Add an account; its index."""
        self._waiting.append(row)
        self.size += 1
        if len(self._waiting) == WAITING:
            self._store()
        return self.size - 1

    def _store(self) -> None:
        """Put down the rows that wait."""
        if self.size > len(self._arrays["campaign"]):
            self._grow(2 * self.size)
        columns = zip(*self._waiting, strict=True)
        for column, values in zip(self._arrays.values(), columns, strict=True):
            column[self._stored : self.size] = values
        self._stored = self.size
        self._waiting.clear()

    def __getitem__(self, name: str) -> Array:
        if self._waiting:
            self._store()
        return self._arrays[name][: self.size]

    def of(self, accounts: Array) -> "Taken":
        """The columns of some accounts, in this order."""
        if self._waiting:
            self._store()
        return Taken(self._arrays, accounts)

    def one(self, account: int, name: str) -> Any:
        """One number of one account."""
        if self._waiting:
            self._store()
        return self._arrays[name][account]


class Taken:
    """Columns of some accounts, taken when they are asked for."""

    def __init__(self, arrays: dict[str, Array], accounts: Array) -> None:
        self._arrays = arrays
        self._accounts = accounts
        self._taken: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def __getitem__(self, name: str) -> Array:
        if name not in self._taken:
            self._taken[name] = self._arrays[name][self._accounts]
        return self._taken[name]

    def topics(self, places: Array) -> Array:
        """One topic for each, at a place of its own."""
        return self._arrays["topics"][self._accounts, places]


class Growing:
    """Rows that are added one at a time and read as one array."""

    def __init__(self, dtype: Any, width: int | None = None) -> None:
        self._array: Array = np.zeros(64 if width is None else (64, width), dtype)
        self._size = self._stored = 0
        self._waiting: list[Any] = []

    def add(self, row: Any) -> int:
        """Append; the new row's index."""
        self._waiting.append(row)
        self._size += 1
        if len(self._waiting) == WAITING:
            self._store()
        return self._size - 1

    def _store(self) -> None:
        """Put down the rows that wait."""
        while self._size > len(self._array):
            self._array = np.concatenate([self._array, np.zeros_like(self._array)])
        self._array[self._stored : self._size] = self._waiting
        self._stored = self._size
        self._waiting.clear()

    @property
    def array(self) -> Array:
        """All rows."""
        if self._waiting:
            self._store()
        return self._array[: self._size]
