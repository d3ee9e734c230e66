"""A row becomes a line of JSON: pieces of text that were made once, and the numbers between them.

Fields that a request does not have are left out, not null.  Event and conversation ids are hashes of
running numbers under a key of the seed: nothing can be read off them.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.engine.blocks import hexadecimal, joined, openings_and_cores
from stream_guard.simulator.engine.roster import MODELS, Roster
from stream_guard.simulator.engine.sessions import read_tail
from stream_guard.simulator.prompts import LANGUAGES
from stream_guard.sketches.prompt import SKETCH_VERSION

Array = NDArray[Any]
Row = tuple[Any, ...]
_NO, _YES = ',"reasoning":false', ',"reasoning":true'


class Writer:
    """Puts rows into words."""

    def __init__(self, roster: Roster, key: int) -> None:
        self._roster = roster
        self._key = key
        self._written = 0
        self._tails = Tails(roster.pool.labels)

    def block(self, rows: Array) -> bytes:
        """Lines of rows, with their ends."""
        numbers, roster = self._next(len(rows)), self._roster
        openings, cores = openings_and_cores(rows, *map(hexadecimal, self._hashes(numbers, rows)))
        columns: list[Iterable[bytes]] = [
            openings,
            map(roster.looks.__getitem__, rows["look"].tolist()),
            map(roster.places.__getitem__, rows["place"].tolist()),
            map(roster.tools.__getitem__, rows["tools"].tolist()),
            map(roster.templates.__getitem__, rows["template"].tolist()),
            cores,
            map(self._tails.__getitem__, rows["tail"].tolist()),
        ]
        if rows["is_sketched"].any():
            columns.append(self._sketches(numbers, rows))
        return joined([*columns, repeat(b"}\n", len(rows))])

    def texts(self, rows: Array) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """Event ids, conversation ids and sketches of rows, in their order."""
        numbers = self._next(len(rows))
        event_ids, conversations = self._hashes(numbers, rows)
        return words(event_ids), words(conversations), self._sketches(numbers, rows)

    def _next(self, count: int) -> Array:
        """Running numbers."""
        self._written += count
        return np.arange(self._written - count, self._written, dtype=np.uint64)

    def _hashes(self, numbers: Array, rows: Array) -> tuple[Array, Array]:
        """Of events and of conversations."""
        sessions = rows["session"].astype(np.uint64)
        return scrambled(numbers, self._key), scrambled(sessions, self._key ^ 0x5DEECE66D)

    def _sketches(self, numbers: Array, rows: Array) -> list[bytes]:
        sketches = [b""] * len(rows)
        wanted = np.flatnonzero(rows["is_sketched"])
        if wanted.size:
            of = rows[wanted]
            weights = 0.8 + 0.2 * (numbers[wanted] * np.uint64(2_654_435_761) % np.uint64(1000)) / 1000
            made = self._roster.pool.encode(of["row"], of["other"], weights.astype(np.float32))
            for index, text in zip(wanted.tolist(), made, strict=True):
                said = f',"prompt_sketch":"{text}","prompt_sketch_version":{SKETCH_VERSION}'
                sketches[index] = said.encode()
        return sketches

    def fresh(self, session: int, account: int) -> tuple[bytes, bytes]:
        """Event and conversation id of a request that was not planned like this."""
        [event_id] = words(scrambled(self._next(1), self._key))
        [conversation] = words(scrambled(np.array([session << 24 ^ account], np.uint64), ~self._key))
        return event_id, conversation

    def line(self) -> Callable[..., bytes]:
        """A function that writes one row, given its values, ids and sketch; a refused row has no answer."""
        roster = self._roster
        places, looks = roster.places, roster.looks
        tools, templates, tails = roster.tools, roster.templates, self._tails

        def write(  # noqa: PLR0913, PLR0917  # a row's values, as they lie in it
            at: int, _account: int, look: int, place: int, end_user: int, offer: int, template: int,
            _session: int, turn: int, status: int, given: int, cached: int, output: int, reasoned: int,
            latency: int, chars: int, tail: int, _row: int, _other: int, _is_sketched: bool,  # noqa: FBT001
            event_id: bytes, conversation: bytes, sketch: bytes,
        ) -> bytes:  # fmt: skip
            answer = b',"output_tokens":%d' % output if status < 400 else b""
            if reasoned and answer:
                answer += b',"reasoning_tokens":%d' % reasoned
            if end_user:
                answer += b',"end_user_id":"u_%08x"' % end_user
            return (
                b'{"event_id":"req_%b","occurred_at":%d.%03d,%b%b%b%b"conversation_id":"conv_%b","turn":%d,'
                b'"status":%d,"input_tokens":%d,"cached_tokens":%d%b,"latency_ms":%d,"prompt_chars":%d%b%b}'
            ) % (
                event_id, at // 1000, at % 1000, looks[look], places[place], tools[offer],
                templates[template], conversation, turn, status, given, cached, answer, latency, chars,
                tails[tail], sketch,
            )  # fmt: skip

        return write


class Tails(dict[int, bytes]):
    """Texts of tails, made when they are first asked for; some thousands."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self._labels = labels

    def __missing__(self, tail: int) -> bytes:
        said = read_tail(tail)
        images = f',"images":{said["images"]}' if said["images"] else ""
        calls = f',"tool_calls":{said["calls"]}' if said["calls"] >= 0 else ""
        text = (
            f',"model":"{MODELS[said["model"]].name}"{("", _NO, _YES)[said["wish"]]}{images}{calls}'
            f',"prompt_language":"{LANGUAGES[said["language"]]}"{self._labels[said["labels"]]}'
        )
        self[tail] = text.encode()
        return self[tail]


def scrambled(numbers: Array, key: int) -> Array:
    """A hash of 64 bits for each number: a keyed, invertible mixture (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed: Array = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(key & ((1 << 64) - 1))
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed ^= mixed >> np.uint64(shift)
            mixed *= np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def words(hashes: Array) -> list[bytes]:
    """Sixteen hexadecimal digits of each."""
    return hashes.byteswap().tobytes().hex(" ", 8).encode().split()
