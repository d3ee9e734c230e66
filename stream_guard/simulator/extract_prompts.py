"""Turns the texts of the public data sets into sketches by source; no text is kept.

Each source is a way of using a model.  Where the record shows harvesting and honest work with the
same kind of prompt (code exercises, role play, tool use, grading, step-by-step reasoning), the
source is cut in two halves, ``x`` and ``x_harvest``: same style, no prompt in common, so that no
prompt convicts by itself.  Wrappers around a text (follow-ups, pasted documents, rubrics) are ours
and are listed below.

Glossary: *source* name of a way of use; *topic* nearest of twelve centres (k-means on the semantic
half of the ordinary sources).
"""

import json
import random
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator import archives as sets
from stream_guard.simulator.archives import Archives
from stream_guard.simulator.prompts import LANGUAGES, TOPICS
from stream_guard.sketches.prompt import SEMANTIC, PromptSketcher
from stream_guard.sketches.tables import Embeddings

ORDINARY: Final = ("chat", "coding", "maths", "writing")
PER_SOURCE: Final = 330

Texts = dict[str, list[str]]

_DOCUMENT = (
    "Summarise this in five bullet points:\n\n{}",
    "Translate the following into German. Keep the tone.\n\n{}",
    "Translate into plain French:\n{}",
    "Proofread this and fix the grammar, keep my wording where you can:\n\n{}",
    "Make this shorter and friendlier:\n\n{}",
    "Extract all names, dates and numbers as JSON.\n\n{}",
    "What is missing in this text?\n\n{}",
    "Write a reply to this message:\n\n{}",
)
_STEPS = (
    "{}\n\nLet's think step by step.",
    "{}\nThink carefully and show your full reasoning before the answer.",
    "Solve the problem below. Write every step of your reasoning, then the final answer.\n\n{}",
    "Question: {}\nReasoning:",
)
_RUBRICS = (
    "Score the answer from 1 to 10 for correctness, depth and clarity. Give one line per criterion, then"
    " the total.\n\n### Task\n{question}\n\n### Answer\n{answer}",
    "You are a strict grader. Rubric: (a) follows the instruction, (b) no factual error, (c) complete."
    " Mark each 0, 1 or 2 and justify.\n\nInstruction: {question}\nResponse: {answer}",
    "Which criteria would a good answer to this fulfil? Then grade this one.\n\nQ: {question}\nA: {answer}",
    'Evaluate as a reward model. Output only JSON {{"score": <0-100>, "why": "..."}}.\n\n<prompt>{question}'
    "</prompt>\n<completion>{answer}</completion>",
)
_SENSITIVE = (
    "Rewrite the following so that it takes no position and can be published anywhere:\n\n{}",
    "Answer this in a way that avoids every politically sensitive term: {}",
    "Give an alternative phrasing of this question that a content filter would accept: {}",
)


class Rows(NamedTuple):
    """Prompts of all sources, one row each."""

    sketches: NDArray[np.int8]  # rows x 64
    source: NDArray[np.uint8]  # index into ``sources``
    topic: NDArray[np.uint8]
    language: NDArray[np.uint8]  # index into LANGUAGES
    chars: NDArray[np.uint16]
    tokens: NDArray[np.uint16]
    sources: tuple[str, ...]


def extract_prompts(archives: Archives, embeddings: Embeddings, sketcher: PromptSketcher) -> Rows:
    """All sources, sketched."""
    texts = _texts(archives, random.Random(2026))  # noqa: S311  # a choice of rows, no secret
    flat = [(source, text) for source in texts for text in texts[source]]
    names = tuple(texts)
    sketches = np.frombuffer(b"".join(sketcher.sketch(text) for _, text in flat), np.int8).reshape(-1, 64)
    source = np.array([names.index(name) for name, _ in flat], np.uint8)
    is_ordinary = np.isin(source, [names.index(name) for name in ORDINARY])
    return Rows(
        sketches,
        source,
        _topics(sketches[:, :SEMANTIC].astype(np.float64), is_ordinary),
        np.array([LANGUAGES.index(language_of(text)) for _, text in flat], np.uint8),
        np.array([min(len(text), 65_535) for _, text in flat], np.uint16),
        np.array([min(len(embeddings.tokenize(text)), 65_535) for _, text in flat], np.uint16),
        names,
    )


def _texts(archives: Archives, rng: random.Random) -> Texts:
    ordinary = _ordinary(archives)
    benches = sets.bench_questions(archives)
    answers = _answers(archives)
    mathematical = [text for text in ordinary["maths"] if len(text) < 600]
    instructions = _gpteacher(archives)
    texts: Texts = dict(ordinary)
    texts["bench"] = [turn for question in benches for turn in question["turns"]]
    texts["followup"] = rng.sample(_sentences(ordinary.values()), 2 * PER_SOURCE)
    texts["document"] = _wrapped(rng, _DOCUMENT, [answer for _, answer in answers], PER_SOURCE)
    texts["smalltalk"] = _smalltalk(archives)
    for name, (honest, harvest) in instructions.items():
        texts[name] = rng.sample([question for question, _ in honest], PER_SOURCE)
        texts[f"{name}_harvest"] = rng.sample([question for question, _ in harvest], PER_SOURCE)
    texts["steps"] = _wrapped(rng, _STEPS[:3], mathematical[0::2], PER_SOURCE // 2)
    texts["steps_harvest"] = _wrapped(rng, _STEPS, mathematical[1::2], PER_SOURCE // 2)
    texts["steps_harvest"] += _few_shot(archives, rng, PER_SOURCE // 2)
    texts["grading"] = _judged(archives, rng, benches, answers)
    graded = [pair for _, harvest in instructions.values() for pair in harvest if pair[1]]
    texts["grading_harvest"] = [
        rng.choice(_RUBRICS).format(question=question, answer=answer)
        for question, answer in rng.sample(graded, PER_SOURCE)
    ]
    texts["sensitive"] = _wrapped(rng, _SENSITIVE, texts["bench"], PER_SOURCE // 3)
    return texts


def _ordinary(archives: Archives) -> Texts:
    texts: Texts = {name: [] for name in ORDINARY}
    names = {"coding": "coding", "math": "maths", "creative_writing": "writing"}
    for question in sets.arena_questions(archives):
        texts[names.get(question.get("subcategory", ""), "chat")].append(question["prompt"])
    texts["chat"] += [seed["instruction"] for seed in archives.lines(sets.GPTEACHER, "seedprompts.jsonl")]
    return texts


def _answers(archives: Archives) -> list[tuple[str, str]]:
    """Question and answer of two models on arena-hard v0.1."""
    pairs = []
    for model in ("gpt-3.5-turbo-0125", "gpt-4-0613"):
        path = f"data/arena-hard-v0.1/model_answer/{model}.jsonl"
        for line in archives.lines(sets.ARENA, path):
            question, answer = line["messages"][0]["content"], line["messages"][1]["content"]["answer"]
            pairs.append((str(question), str(answer)))
    return pairs


def _gpteacher(archives: Archives) -> dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]]:
    """Prompt and response by kind, in an honest and a harvest half."""
    files = {
        "exercise": "Codegen/codegen-instruct.json",
        "role": "Roleplay/roleplay-simple-deduped-roleplay-instruct.json",
        "tool": "Toolformer/toolformer-dedupe-only-dataset.json",
    }
    halves = {}
    for name, path in files.items():
        rows = json.loads(archives.text(sets.GPTEACHER, path))
        pairs = [(f"{row['instruction']}\n{row['input']}".strip(), str(row["response"])) for row in rows]
        unique = list(dict(pairs).items())
        halves[name] = (unique[0::2], unique[1::2])
    return halves


def _sentences(texts: Iterable[list[str]]) -> list[str]:
    """Sentences of ordinary prompts that could stand alone: what a follow-up looks like."""
    found = [
        sentence.strip()
        for group in texts
        for text in group
        for sentence in re.split(r"(?<=[.?!。？])\s+|\n+", text)[1:]
    ]
    return sorted({sentence for sentence in found if 25 <= len(sentence) <= 300})


def _wrapped(rng: random.Random, wrappers: tuple[str, ...], texts: list[str], count: int) -> list[str]:
    cut = [text[: rng.randint(300, 2500)] for text in texts]
    return [rng.choice(wrappers).format(text) for text in (rng.choice(cut) for _ in range(count))]


def _smalltalk(archives: Archives) -> list[str]:
    talks = json.loads(archives.text(sets.FASTCHAT, "data/dummy_conversation.json"))
    turns = {turn["value"] for talk in talks for turn in talk["conversations"] if turn["from"] == "human"}
    return sorted(turns)[:PER_SOURCE]


def _few_shot(archives: Archives, rng: random.Random, count: int) -> list[str]:
    """One to three worked examples, then another's question, as in reasoning distillation."""
    tasks = json.loads(archives.text(sets.REASONING_TEACHER, "data/few_shot_cot_prompts.json"))
    made: list[str] = []
    while len(made) < count:
        examples = tasks[rng.choice(sorted(tasks))]["prompt"].split("\nQ: ")
        *shown, asked = rng.sample(examples, min(len(examples), rng.randint(2, 4)))
        made.append("\n".join(f"Q: {text.removeprefix('Q: ')}" for text in [*shown, asked.split("\nA:")[0]]))
    return [f"{text}\nA:" for text in made]


def _judged(
    archives: Archives,
    rng: random.Random,
    benches: list[dict[str, list[str]]],
    answers: list[tuple[str, str]],
) -> list[str]:
    """FastChat's grading templates, filled as an evaluation lab would."""
    templates = {
        line["name"]: line["prompt_template"]
        for line in archives.lines(sets.FASTCHAT, "fastchat/llm_judge/data/judge_prompts.jsonl")
    }
    questions = [turn for question in benches for turn in question["turns"]]
    made = []
    for _ in range(PER_SOURCE):
        values = {"question": rng.choice(questions), "ref_answer_1": rng.choice(answers)[1]}
        values |= {key: rng.choice(answers)[1] for key in ("answer", "answer_a", "answer_b")}
        made.append(templates[rng.choice(["single-v1", "single-math-v1", "pair-v2"])].format(**values))
    return made


def _topics(rows: NDArray[np.float64], is_ordinary: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Nearest of twelve k-means centres of the ordinary rows (Lloyd's rounds, farthest-first start)."""
    ordinary = rows[is_ordinary]
    centres = ordinary[:1]
    while len(centres) < TOPICS:
        far = _distances(ordinary, centres).min(axis=1).argmax()
        centres = np.vstack([centres, ordinary[far]])
    for _ in range(30):
        nearest = _distances(ordinary, centres).argmin(axis=1)
        centres = np.stack(
            [
                ordinary[nearest == k].mean(axis=0) if (nearest == k).any() else centres[k]
                for k in range(TOPICS)
            ]
        )
    nearest_topic: NDArray[np.uint8] = _distances(rows, centres).argmin(axis=1).astype(np.uint8)
    return nearest_topic


def _distances(rows: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    squared: NDArray[np.float64] = ((rows[:, None, :] - centres[None]) ** 2).sum(axis=2)
    return squared


_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\uac00-\ud7af]"),
    ("zh", r"[\u4e00-\u9fff]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("ar", r"[\u0600-\u06ff]"),
)
_WORDS: dict[str, str] = {
    "de": "der die das und ist nicht ein eine mit auf für",
    "es": "el los las que una con para por como del",
    "fr": "le les des une est que pour dans avec sur",
    "pt": "os uma que não para com em como do da",
    "en": "the of and to in is that for with you",
}


def language_of(text: str) -> str:
    """A language tag by script, else by the commonest function words; English in doubt."""
    for language, script in _SCRIPTS:
        if len(re.findall(script, text)) > max(3, len(text) // 50):
            return language
    words = re.findall(r"\w+", text.lower())

    def score(language: str) -> int:
        return sum(word in _WORDS[language].split() for word in words)

    best = max(_WORDS, key=score)
    return best if score(best) > 1.5 * score("en") + 2 else "en"
