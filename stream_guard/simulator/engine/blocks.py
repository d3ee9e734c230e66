"""Many rows become a block of lines at once, with the bytes that `lines.py` gives them one by one.

Whatever is a number or a hash is written with NumPy into a table of one width, where NUL stands for what
a row does not have, and is then squeezed; whatever is text already is joined with it.  An event costs
a third of what a line by itself does.

Bound: one block, about 1 kB a row.

Glossary: *group* four digits of a number; *opening* a line up to its time; *core* conversation and numbers.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
GROUP: Final = 10_000
_ANSWERED: Final = 400
_HASH: Final = "V16"
_NUMBER: Final = ("u4", 3)  # twelve digits: more than any number of a row has
_SMALL: Final = ("u4", 1)  # up to 9,999
_OUTPUT: Final = b',"output_tokens":'  # what only some rows say is written where it is said
_REASONED: Final = b',"reasoning_tokens":'
_USER: Final = b',"end_user_id":"u_'
_LAYOUT: Final[tuple[bytes | tuple[str, Any], ...]] = (
    b'{"event_id":"req_', ("event", _HASH), b'","occurred_at":', ("at", _NUMBER), ("ms", "V4"), b",\n",
    b'"conversation_id":"conv_', ("session", _HASH), b'","turn":', ("turn", _SMALL),
    b',"status":', ("status", _SMALL), b',"input_tokens":', ("input", _NUMBER),
    b',"cached_tokens":', ("cached", _NUMBER),
    ("say_output", f"V{len(_OUTPUT)}"), ("output", _NUMBER),
    ("say_reasoned", f"V{len(_REASONED)}"), ("reasoned", _NUMBER),
    ("say_user", f"V{len(_USER)}"), ("user", "V8"), ("user_end", "V1"),
    b',"latency_ms":', ("latency", _NUMBER), b',"prompt_chars":', ("chars", _NUMBER), b"\n",
)  # fmt: skip


def _packed(layout: Sequence[bytes | tuple[str, Any]]) -> tuple[Array, np.dtype[Any]]:
    """A row's literal bytes, NUL where its fields are; and the fields."""
    literal, fields, offsets = b"", [], []
    for part in layout:
        if isinstance(part, bytes):
            literal += part
        else:
            fields.append(part)
            offsets.append(len(literal))
            literal += bytes(np.dtype(part[1]).itemsize)
    names, formats = [name for name, _ in fields], [form for _, form in fields]
    dtype = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": len(literal)})
    return np.frombuffer(literal, np.uint8), dtype


def _groups() -> Array:
    """Four digits as one integer: of 0-9,999 without leading zeros (of 0 nothing), then with them."""
    digits = np.arange(GROUP)[:, None] // np.array([1000, 100, 10, 1]) % 10
    padded = (digits + ord("0")).astype(np.uint8)
    plain = np.where(np.cumsum(digits, axis=1) == 0, np.uint8(0), padded)
    return np.concatenate([plain, padded]).view(np.uint32)[:, 0].copy()


_LITERAL, _FIELDS = _packed(_LAYOUT)
_FIRST: Final = _groups()
_LAST: Final = _FIRST.copy()  # of the last group a 0 is written
_LAST[0] = np.frombuffer(b"0\0\0\0", np.uint32)[0]
_MS: Final = np.array([b".%03d" % ms for ms in range(1000)]).view("V4")


def digits(numbers: Array) -> Array:
    """Numbers from 0 to 10^12 - 1 as three groups of text, padded with NUL."""
    text = np.zeros((len(numbers), 3), np.uint32)
    above = numbers // GROUP
    text[:, 2] = _LAST[numbers - above * GROUP + GROUP * (above > 0)]
    if above.any():
        top = above // GROUP
        text[:, 1] = _FIRST[above - top * GROUP + GROUP * (top > 0)]
        text[:, 0] = _FIRST[top]
    return text


def hexadecimal(numbers: Array) -> bytes:
    """Unsigned numbers of one width as text, one after the other."""
    return numbers.byteswap().tobytes().hex().encode()


def openings_and_cores(rows: Array, events: bytes, sessions: bytes) -> tuple[list[bytes], list[bytes]]:
    """Of each row the text up to its time, and that from its conversation to its numbers."""
    made = np.empty((len(rows), len(_LITERAL)), np.uint8)
    made[:] = _LITERAL
    table = made.view(_FIELDS)[:, 0]
    table["event"], table["session"] = np.frombuffer(events, _HASH), np.frombuffer(sessions, _HASH)
    seconds = rows["at"] // 1000
    table["at"], table["ms"] = digits(seconds), _MS[rows["at"] - seconds * 1000]
    table["turn"][:, 0], table["status"][:, 0] = _LAST[rows["turn"]], _LAST[rows["status"]]
    for name in ("input", "cached", "latency", "chars"):
        table[name] = digits(rows[name])
    is_answered = rows["status"] < _ANSWERED
    _say(table, rows, ("output", _OUTPUT), np.flatnonzero(is_answered))
    _say(table, rows, ("reasoned", _REASONED), np.flatnonzero(is_answered & (rows["reasoned"] != 0)))
    users = np.flatnonzero(rows["end_user"])
    table["say_user"][users], table["user_end"][users] = np.void(_USER), np.void(b'"')
    table["user"][users] = np.frombuffer(hexadecimal(rows["end_user"][users]), "V8")
    parts = made.tobytes().translate(None, b"\0").split(b"\n")
    return parts[0:-1:2], parts[1::2]


def _say(table: Array, rows: Array, what: tuple[str, bytes], where: Array) -> None:
    """A number that only some rows have."""
    name, literal = what
    table[f"say_{name}"][where] = np.void(literal)
    table[name][where] = digits(rows[name][where])


def joined(columns: Sequence[Iterable[bytes]]) -> bytes:
    """Lines, each of one piece of every column in turn."""
    return b"".join(chain.from_iterable(zip(*columns, strict=True)))
