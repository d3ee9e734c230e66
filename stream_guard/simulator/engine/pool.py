"""What is asked: real prompts by way of use and topic, task lists, labels, sketches; whole arrays at once.

`data/prompts.npz` holds about 6,000 real prompts as sketches.  So few would repeat, so a prompt of
the traffic is *mixed* from two of one use and topic: the semantic halves add with weights whose
squares sum to one (which keeps their variance), the surface half is the first one's.

Whoever works through a list (a harvester, an evaluation lab, a class) gets one drawn from the same
prompts as everybody's: no prompt belongs to attackers alone.

Labels are those of an imperfect classifier that knows nothing but the way of use: it misses some,
and it cries on a few ordinary prompts.

Glossary: *use* a way of using a model; *row* one real prompt; *mix* how somebody's prompts are
spread over uses.
"""

import base64
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.clients import DATA
from stream_guard.simulator.prompts import ANSWER_FACTOR, FALSE_LABELS, HARVEST, LABELS, LANGUAGES, TOPICS
from stream_guard.sketches.prompt import SEMANTIC

Array = NDArray[Any]
MIX_STEPS: Final = 256  # resolution of a mix of uses
TOPIC_STEPS: Final = 64
LABEL_STEPS: Final = 4096
ENOUGH: Final = 5  # fewer rows of a use on a topic are not told apart by topic
PADDED: Final = 66  # bytes: the next multiple of three above a sketch's 64


class Pool:
    """The real prompts, arranged for drawing many at once."""

    def __init__(self, folder: Path = DATA) -> None:
        with np.load(folder / "prompts.npz") as arrays:
            names = [str(name).removesuffix(HARVEST) for name in arrays["sources"]]
            self.uses: tuple[str, ...] = tuple(dict.fromkeys(names))
            self.use: Array = np.array([self.uses.index(name) for name in names])[arrays["source"]]
            self.sketches: Array = arrays["sketches"].astype(np.float32)
            self.chars: Array = arrays["chars"].astype(np.float32)
            self.tokens: Array = arrays["tokens"].astype(np.float32)
            self.language: Array = arrays["language"].astype(np.int8)
            topic: Array = arrays["topic"].astype(np.int64)
        self.followup = self.uses.index("followup")
        self.answer_factor = np.array([ANSWER_FACTOR.get(use, 1.0) for use in self.uses], np.float32)
        self._arrange(topic)
        self.labels, self._label_of = label_tables(self.uses)

    def _arrange(self, topic: Array) -> None:
        """Rows by use and topic (English), and by use and language; `_first` and `_count` of each."""
        groups: list[Array] = []
        shape = (len(self.uses), TOPICS + len(LANGUAGES))
        self._first, self._count = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        filled = 0
        for use, group in product(range(shape[0]), range(shape[1])):
            english = (self.use == use) & (self.language == 0)
            if group < TOPICS:
                rows = np.flatnonzero(english & (topic == group))
                rows = rows if len(rows) >= ENOUGH else np.flatnonzero(english)
            else:
                rows = np.flatnonzero((self.use == use) & (self.language == group - TOPICS))
            self._first[use, group], self._count[use, group] = filled, len(rows)
            groups.append(rows)
            filled += len(rows)
        self._rows = np.concatenate(groups)
        self._home = np.where(self.language == 0, topic, TOPICS + self.language)  # group of each row

    def mix(self, weights: Mapping[str, float]) -> Array:
        """A mix of uses, ready to draw from by a byte."""
        shares = np.array([weights.get(use, 0.0) for use in self.uses])
        steps = (np.arange(MIX_STEPS) + 0.5) / MIX_STEPS
        return np.searchsorted(np.cumsum(shares) / shares.sum(), steps).astype(np.uint8)

    def draw(self, rng: np.random.Generator, use: Array, topic: Array, language: Array) -> Array:
        """A row for each; ``language`` above zero asks for that language, where the use has it."""
        foreign = (language > 0) & (self._count[use, TOPICS + language] > 0)
        return self._any(rng, use, np.where(foreign, TOPICS + language, topic))

    def like(self, rng: np.random.Generator, rows: Array) -> Array:
        """For each row another of the same use and topic or language."""
        return self._any(rng, self.use[rows], self._home[rows])

    def _any(self, rng: np.random.Generator, use: Array, group: Array) -> Array:
        places = self._first[use, group] + (rng.random(len(use)) * self._count[use, group]).astype(np.int64)
        rows: Array = self._rows[places]
        return rows

    def rows_of(self, use: str) -> Array:
        """All rows of a way of use."""
        return np.flatnonzero(self.use == self.uses.index(use))

    def classify(self, rng: np.random.Generator, use: Array) -> Array:
        """What the classifier says of each: an index into `labels`."""
        said: Array = self._label_of[use, rng.integers(0, LABEL_STEPS, len(use))]
        return said

    def encode(self, rows: Array, others: Array, weights: Array) -> list[str]:
        """Sketches as events carry them: base64 of 64 bytes each."""
        if not len(rows):
            return []
        mixed = self.sketches[rows]
        rest = np.sqrt(1 - weights**2)[:, None]
        mixed[:, :SEMANTIC] = weights[:, None] * mixed[:, :SEMANTIC] + rest * self.sketches[others, :SEMANTIC]
        padded = np.zeros((len(rows), PADDED), np.int8)
        padded[:, : mixed.shape[1]] = np.rint(mixed).clip(-127, 127)
        text = base64.b64encode(padded.tobytes()).decode()
        width = PADDED // 3 * 4
        return [f"{text[at : at + width - 2]}==" for at in range(0, len(text), width)]


class TaskList:
    """A list that somebody works through: each row once before any comes twice."""

    def __init__(self, rng: np.random.Generator, rows: Sequence[int]) -> None:
        self._rng = rng
        self._rows = np.array(rows, np.int64)
        self._left = np.empty(0, np.int64)

    def take(self, count: int) -> Array:
        """The next so many rows."""
        while len(self._left) < count:
            self._left = np.concatenate([self._left, self._rng.permutation(self._rows)])
        taken, self._left = self._left[:count], self._left[count:]
        return taken


def label_tables(uses: tuple[str, ...]) -> tuple[list[str], Array]:
    """All that a classifier may say, as JSON, and which of it how often for each use."""
    texts = [""]
    tables = np.zeros((len(uses), LABEL_STEPS), np.int16)
    for index, use in enumerate(uses):
        said = dict(LABELS.get(use, ()))
        said |= {label: ratio for label, ratio in FALSE_LABELS if label not in said}
        shares: dict[int, float] = {}
        for choice in product((False, True), repeat=len(said)):
            labels = [label for label, is_said in zip(said, choice, strict=True) if is_said]
            text = ',"prompt_labels":["' + '","'.join(labels) + '"]' if labels else ""
            if text not in texts:
                texts.append(text)
            share = np.prod([p if yes else 1 - p for p, yes in zip(said.values(), choice, strict=True)])
            shares[texts.index(text)] = float(share)
        steps = (np.arange(LABEL_STEPS) + 0.5) / LABEL_STEPS
        places = np.searchsorted(np.cumsum(list(shares.values())), steps).clip(0, len(shares) - 1)
        tables[index] = np.array(list(shares))[places]
    return texts, tables
