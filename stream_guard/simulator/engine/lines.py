"""A row becomes a line of JSON: pieces of text that were made once, and the numbers between them.

Fields that a request does not have are left out, not null.  Event and conversation ids are hashes of
running numbers under a key of the seed: nothing can be read off them.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.engine.roster import MODELS, Roster
from stream_guard.simulator.engine.sessions import REQUEST
from stream_guard.simulator.prompts import LANGUAGES
from stream_guard.sketches.prompt import SKETCH_VERSION

Array = NDArray[Any]
Row = tuple[Any, ...]
_MODEL: Final = [f'"model":"{model.name}",' for model in MODELS]
_LANGUAGE: Final = [f',"prompt_language":"{language}"' for language in LANGUAGES]
_SAID: Final = {-2: "", -1: ',"reasoning":false'}


class Writer:
    """Puts rows into words."""

    def __init__(self, roster: Roster, key: int) -> None:
        self._roster = roster
        self._key = key
        self._written = 0

    def texts(self, rows: Array) -> tuple[list[str], list[str], list[str]]:
        """Event ids, conversation ids and sketches of rows, in their order."""
        count = len(rows)
        numbers = np.arange(self._written, self._written + count, dtype=np.uint64)
        self._written += count
        event_ids = scrambled(numbers, self._key)
        conversations = scrambled(rows["session"].astype(np.uint64), self._key ^ 0x5DEECE66D)
        sketches = [""] * count
        wanted = np.flatnonzero(rows["is_sketched"])
        if wanted.size:
            of = rows[wanted]
            weights = 0.8 + 0.2 * (numbers[wanted] * np.uint64(2_654_435_761) % np.uint64(1000)) / 1000
            made = self._roster.pool.encode(of["row"], of["other"], weights.astype(np.float32))
            for index, text in zip(wanted.tolist(), made, strict=True):
                sketches[index] = f',"prompt_sketch":"{text}","prompt_sketch_version":{SKETCH_VERSION}'
        return event_ids, conversations, sketches

    def fresh(self, session: int, account: int) -> tuple[str, str]:
        """Event and conversation id of a request that was not planned like this."""
        [event_id], _, _ = self.texts(np.zeros(1, REQUEST))
        [conversation] = scrambled(np.array([session << 24 ^ account], np.uint64), ~self._key)
        return event_id, conversation

    def line(self) -> Callable[[Row, str, str, str], bytes]:
        """A function that writes one row, with its ids and sketch; a refused row has no answer."""
        roster = self._roster
        heads, places, looks = roster.heads, roster.places, roster.looks
        tools, templates, labels = roster.tools, roster.templates, roster.pool.labels

        def write(row: Row, event_id: str, conversation: str, sketch: str) -> bytes:
            (
                at, account, place, look, model, end_user, _, turn, status, given, cached, output, reasoned,
                latency, offer, calls, images, template, label, chars, language, _, _, _, _,
            ) = row  # fmt: skip
            answer = ""
            if status < 400:
                answer = f',"output_tokens":{output}'
                if reasoned > 0:
                    answer += f',"reasoning_tokens":{reasoned}'
                if calls >= 0:
                    answer += f',"tool_calls":{calls}'
            user = f'"end_user_id":"u_{end_user:08x}",' if end_user else ""
            wish = _SAID.get(reasoned, ',"reasoning":true')
            seen = f',"images":{images}' if images else ""
            return (
                f'{{"event_id":"req_{event_id}","occurred_at":{at // 1000}.{at % 1000:03},{heads[account]}'
                f"{_MODEL[model]}{looks[look]}{places[place]}{user}{tools[offer]}{templates[template]}"
                f'"conversation_id":"conv_{conversation}","turn":{turn},"status":{status},'
                f'"input_tokens":{given},"cached_tokens":{cached}{answer},'
                f'"latency_ms":{latency / 10}{wish}{seen},"prompt_chars":{chars}'
                f"{_LANGUAGE[language]}{labels[label]}{sketch}}}"
            ).encode()

        return write


def scrambled(numbers: Array, key: int) -> list[str]:
    """Sixteen hexadecimal digits for each number: a keyed, invertible mixture (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key & ((1 << 64) - 1))
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    text = mixed.byteswap().tobytes().hex()
    return [text[at : at + 16] for at in range(0, len(text), 16)]
