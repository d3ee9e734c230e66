"""Reduces a prompt to 64 small numbers that tell topic and style, and cannot be read back.

A sketch is 64 int8.  The first 32 are *semantic*: the mean of static token embeddings, projected
on 32 directions in which ordinary prompts differ, centred and scaled so that four standard
deviations fill the range.  The last 32 are *surface*: lengths, shares of byte classes, token
variety, function words, first and last character, and the length bin; one unit is 32 steps.  Only
the first 1,024 characters are looked at.  Nothing is fitted on customers' traffic: table and
tokenizer are wordllama's, the directions come from public prompts (`simulator/fit_basis.py`).

The recipe is "v2" of our measurements: in windows of 1,500 prompts it finds the
same share of mixed-in harvesting as a published detector with a 384-value sentence encoder.

Nothing is loaded here: `tables.py` reads the files.  Cost: see tests/benchmarks/bench_sketch.py.

Glossary: *table* vocabulary x 33 projected embeddings; *basis* the 33 directions with centre and
scale; direction 0 is what all prompts have in common, it only normalises.
"""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log1p
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.errors import InvalidEvent

SKETCH_VERSION: Final = 1
SKETCH_SIZE: Final = 64
SEMANTIC: Final = 32  # the first half; the rest is surface
MAX_CHARS: Final = 1024
UNIT: Final = 127 / 4  # steps per unit of a surface value

Floats = NDArray[np.float32]
Tokenize = Callable[[str], Sequence[int]]

FUNCTION_WORDS: Final = frozenset(
    """the of and to in a is that for it as was with be by on not he his but at are this have from or had
    an they which one you were her all she there would their we him been has when who will more no if out
    so what i my your me please can how do does explain write give list why""".split()  # noqa: SIM905
)  # a plain text is read and checked by eye, a list of 70 literals is not
_BAD_SKETCH: Final = "bad_sketch"  # reason of a dead letter
_LENGTH_BINS = (30, 60, 120, 200, 350, 600, 1000)  # characters; about equally full on arena prompts

# Byte classes, by their index in the histogram.
_OTHER, _UPPER, _LOWER, _DIGIT, _SPACE, _NEWLINE, _NON_ASCII, _QUOTE = range(8)
_COMMA, _PERIOD, _ASKING, _BRACKET, _CODE, _COLON, _DASH, _CONTROL = range(8, 16)
_PUNCTUATION = (_OTHER, _QUOTE, _COMMA, _PERIOD, _ASKING, _BRACKET, _COLON, _DASH)
_MEMBERS = {
    _SPACE: " ",
    _NEWLINE: "\n",
    _QUOTE: "\"'",
    _COMMA: ",",
    _PERIOD: ".",
    _ASKING: "?!",
    _BRACKET: "()[]",
    _CODE: "{}`;=<>_\\/|",
    _COLON: ":",
    _DASH: "-",
}


def _byte_class(byte: int) -> int:
    char = chr(byte)
    for kind, members in _MEMBERS.items():
        if char in members:
            return kind
    if byte > 127:
        return _NON_ASCII
    if char.isalpha():
        return _UPPER if char.isupper() else _LOWER
    if char.isdigit():
        return _DIGIT
    return _CONTROL if byte < 32 else _OTHER


_CLASSES = bytes(_byte_class(byte) for byte in range(256))


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """33 directions of the embedding space (columns of ``directions``), and centre and scale of 32."""

    directions: Floats  # embedding size x 33
    centre: Floats  # 32
    scale: Floats  # 32: embedding units per step


class PromptSketcher:
    """Text to sketch.

    Args:
        tokenize: text to token ids, no special tokens.
        table: float32, vocabulary x 33: embeddings times the basis' directions.
        function_words: bool, vocabulary: is this token a function word?
        basis: centre and scale of the projected values.

    Holds the table (4.2 MB) and nothing per prompt; one instance may be shared by threads.
    """

    def __init__(
        self, tokenize: Tokenize, table: Floats, function_words: NDArray[np.bool_], basis: Basis
    ) -> None:
        if table.shape != (len(function_words), SEMANTIC + 1):
            message = f"table: expected {len(function_words)} x {SEMANTIC + 1} values; got {table.shape}"
            raise ValueError(message)
        self._tokenize = tokenize
        self._table = table
        self._function_words = function_words
        self._centre = basis.centre
        self._per_step = (1.0 / basis.scale).astype(np.float32)

    def sketch(self, text: str) -> bytes:
        """64 int8 of the first 1,024 characters; any string will do, the empty one too."""
        return self.sketch_and_tokens(text)[0]

    def sketch_and_tokens(self, text: str) -> tuple[bytes, int]:
        """The sketch, and how many tokens of the text were looked at."""
        text = text[:MAX_CHARS]
        try:
            raw = text.encode()
        except UnicodeEncodeError:  # a lone surrogate becomes "?"
            raw = text.encode("utf-8", "replace")
            text = raw.decode()
        ids = np.asarray(self._tokenize(text), dtype=np.int64)
        values = np.empty(SKETCH_SIZE, np.float32)
        values[:SEMANTIC] = self._semantic(ids)
        values[SEMANTIC:] = surface(text, raw, ids, self._function_words)
        values[SEMANTIC:] *= UNIT
        return np.rint(values).clip(-127, 127).astype(np.int8).tobytes(), len(ids)

    def _semantic(self, ids: NDArray[np.int64]) -> Floats:
        total = self._table.take(ids, axis=0).sum(axis=0)  # zeros for no tokens
        total /= np.sqrt(total @ total) + np.float32(1e-9)
        values: Floats = (total[1:] - self._centre) * self._per_step
        return values


def surface(text: str, raw: bytes, ids: NDArray[np.int64], function_words: NDArray[np.bool_]) -> list[float]:
    """32 values of order one: 24 measures, then a one of eight for the length bin."""
    classes = np.bincount(np.frombuffer(raw.translate(_CLASSES), np.uint8), minlength=16).tolist()
    size = len(raw) or 1
    words = classes[_SPACE] + classes[_NEWLINE] + 1
    count = len(ids)
    tokens = count or 1
    is_function = function_words[ids]
    pairs = int(np.count_nonzero(is_function[1:] & is_function[:-1]))
    length = log1p(len(text)) / 2 - 2
    first, last = text[:1], text.rstrip()[-1:]
    bins = [0.0] * 8
    bins[sum(len(text) > edge for edge in _LENGTH_BINS)] = 1.0
    return [
        length,
        length * length,
        log1p(words) - 3,
        log1p(count) - 3.5,
        classes[_UPPER] / size * 10,
        classes[_DIGIT] / size * 10,
        sum(classes[kind] for kind in _PUNCTUATION) / size * 10,
        min(classes[_NEWLINE], 20) / 5,
        classes[_NON_ASCII] / size * 3,
        classes[_CODE] / size * 10,
        (size / words - 5) / 2,
        size / tokens - 4,
        (len(set(ids.tolist())) / tokens - 0.8) * 4,
        int(np.count_nonzero(is_function)) / tokens * 4,
        pairs / tokens * 8,
        float(last == "?"),
        float(last in {".", "!"}),
        float(first.islower()),
        float(first.isupper()),
        float("?" in text),
        classes[_QUOTE] / size * 20,
        float(" ." in text or " ," in text),
        classes[_BRACKET] / size * 20,
        classes[_COLON] / size * 20,
        *bins,
    ]


def encode_sketch(sketch: bytes) -> str:
    """A sketch as events carry it."""
    return b64encode(sketch).decode("ascii")


def decode_sketch(text: str) -> bytes:
    """The 64 bytes of an event's ``prompt_sketch``; InvalidEvent if it is anything else."""
    try:
        sketch = b64decode(text, validate=True)
    except (BadBase64, ValueError) as error:
        detail = f"prompt_sketch: expected base64; got {text[:16]!r}"
        raise InvalidEvent(_BAD_SKETCH, detail) from error
    if len(sketch) != SKETCH_SIZE:
        detail = f"prompt_sketch: expected {SKETCH_SIZE} int8; got {len(sketch)} bytes"
        raise InvalidEvent(_BAD_SKETCH, detail)
    return sketch
