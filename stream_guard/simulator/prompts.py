"""What is asked: sketches, lengths, languages and labels of real prompts, by way of use.

`data/prompts.npz` holds about 6,000 real prompts as sketches.  So few would repeat, so each prompt
of the traffic is *mixed* from two rows of one source and topic: the semantic halves add with weights
whose squares sum to one (which keeps their variance), the surface half is the first one's.  Honest
and abusive prompts are made by the same function.

Labels are those of an imperfect classifier that knows nothing but the way of use: it misses some,
and it cries on a few ordinary prompts.  A source and its ``_harvest`` half are labelled alike.

Glossary: *source* a way of use (`extract_prompts.py`); *interest* how somebody's prompts are spread
over sources, topics and languages.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.clients import DATA
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.sketches.prompt import SEMANTIC, encode_sketch

LANGUAGES: Final = ("en", "zh", "ru", "de", "es", "fr", "pt", "ja", "ko", "ar")
TOPICS: Final = 12
HARVEST: Final = "_harvest"
# Label and how often the classifier gives it, by way of use; FALSE_LABELS for everything else.
LABELS: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "steps": (("chain_of_thought", 0.80),),
    "grading": (("rubric_grading", 0.82), ("chain_of_thought", 0.12)),
    "sensitive": (("sensitive_rewrite", 0.70),),
    "maths": (("chain_of_thought", 0.08), ("mathematics", 0.75)),
    "coding": (("code_generation", 0.80),),
    "exercise": (("code_generation", 0.85),),
    "role": (("role_play", 0.75),),
    "tool": (("tool_use", 0.70),),
    "writing": (("creative_writing", 0.65),),
    "document": (("text_editing", 0.60), ("sensitive_rewrite", 0.015)),
    "bench": (("chain_of_thought", 0.04),),
}
FALSE_LABELS: Final = (("chain_of_thought", 0.015), ("rubric_grading", 0.004), ("sensitive_rewrite", 0.003))
# How long answers are, against those of a real conversation.
ANSWER_FACTOR: Final = {
    "steps": 2.0,
    "grading": 0.9,
    "coding": 1.8,
    "exercise": 1.1,
    "maths": 1.6,
    "writing": 1.9,
    "tool": 0.4,
    "smalltalk": 0.4,
    "followup": 0.9,
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt, before anybody looked at it."""

    row: int
    other: int
    weight: float
    source: str
    chars: int
    tokens: int
    language: str

    @property
    def use(self) -> str:
        """The way of use, without its half."""
        return self.source.removesuffix(HARVEST)


@dataclass(frozen=True, slots=True)
class Interest:
    """What somebody asks."""

    sources: Weighted[str]
    topics: Weighted[int]
    language: str = "en"
    language_ratio: float = 0.0  # asked in that language, where the source has it
    rows: tuple[int, ...] = ()  # nothing but these: a class' assignment


class Prompts:
    """The pool of real prompts."""

    def __init__(self, folder: Path = DATA) -> None:
        with np.load(folder / "prompts.npz") as arrays:
            self.sketches: NDArray[np.float32] = arrays["sketches"].astype(np.float32)
            self.chars: list[int] = arrays["chars"].tolist()
            self.tokens: list[int] = arrays["tokens"].tolist()
            self.topics: list[int] = arrays["topic"].tolist()
            self.languages = [LANGUAGES[index] for index in arrays["language"].tolist()]
            names = arrays["sources"].tolist()
            self.sources: list[str] = [names[index] for index in arrays["source"].tolist()]
        self._by_topic: dict[tuple[str, int], list[int]] = {}
        self._by_language: dict[tuple[str, str], list[int]] = {}
        for row, (source, topic, language) in enumerate(
            zip(self.sources, self.topics, self.languages, strict=True)
        ):
            self._by_language.setdefault((source, language), []).append(row)
            if language == "en":
                self._by_topic.setdefault((source, topic), []).append(row)

    def rows(self, source: str) -> list[int]:
        """All rows of a source."""
        return [row for row, name in enumerate(self.sources) if name == source]

    def draw(self, draw: Draw, interest: Interest, source: str | None = None) -> Prompt:
        """A prompt of somebody's interest."""
        if interest.rows:
            return self.mix(draw, draw.pick(interest.rows), interest.rows)
        source = source or draw.weighted(interest.sources)
        foreign = self._by_language.get((source, interest.language), [])
        if foreign and interest.language != "en" and draw.chance(interest.language_ratio):
            return self.mix(draw, draw.pick(foreign), foreign)
        near = self._by_topic.get((source, draw.weighted(interest.topics)), [])
        rows = near if len(near) > 4 else self._by_language[source, "en"]
        return self.mix(draw, draw.pick(rows), rows)

    def near(self, row: int) -> list[int]:
        """Rows of the same source, topic and language class."""
        source = self.sources[row]
        if self.languages[row] != "en":
            return self._by_language[source, self.languages[row]]
        return self._by_topic[source, self.topics[row]]

    def mix(self, draw: Draw, row: int, others: list[int] | tuple[int, ...]) -> Prompt:
        """A prompt much like ``row``, a little like one of ``others``."""
        longer = draw.rng.uniform(0.95, 1.05)
        return Prompt(
            row=row,
            other=draw.pick(others),
            weight=draw.rng.uniform(0.8, 1.0),
            source=self.sources[row],
            chars=max(1, round(self.chars[row] * longer)),
            tokens=max(1, round(self.tokens[row] * longer)),
            language=self.languages[row],
        )

    def sweep(self, draw: Draw, sources: Weighted[str]) -> Iterator[Prompt]:
        """A task list: every row of the sources once in random order, then again with other mixtures."""
        lists: dict[str, list[int]] = {source: [] for source in sources.values}
        while True:
            source = draw.weighted(sources)
            if not lists[source]:
                lists[source] = self.rows(source)
                draw.rng.shuffle(lists[source])
            row = lists[source].pop()
            yield self.mix(draw, row, self.near(row))

    def sketch(self, prompt: Prompt) -> str:
        """The sketch as an event carries it."""
        first = self.sketches[prompt.row]
        mixed = first.copy()
        rest = (1 - prompt.weight**2) ** 0.5
        mixed[:SEMANTIC] = prompt.weight * first[:SEMANTIC] + rest * self.sketches[prompt.other][:SEMANTIC]
        return encode_sketch(np.rint(mixed).clip(-127, 127).astype(np.int8).tobytes())


def classify(draw: Draw, prompt: Prompt) -> list[str]:
    """What the classifier says."""
    said = [label for label, ratio in LABELS.get(prompt.use, ()) if draw.chance(ratio)]
    said += [label for label, ratio in FALSE_LABELS if label not in said and draw.chance(ratio)]
    return said


def interest(draw: Draw, sources: dict[str, float], language: str = "en", breadth: float = 0.3) -> Interest:
    """A person's or firm's interest: sources as given, each more or less; topics few or many."""
    weights = {source: weight * draw.about(1.0, 0.7) for source, weight in sources.items()}
    topics = Weighted(dict(enumerate(draw.shares(TOPICS, breadth))))
    return Interest(Weighted(weights), topics, language, draw.ratio(0.3, 0.9))
