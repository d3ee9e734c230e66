"""What is said of a prompt by its way of use: labels, language, how long answers are.

Labels are those of an imperfect classifier that knows nothing but the way of use: it misses some, and
it cries on a few ordinary prompts.  A source and its ``_harvest`` half are one way of use.
"""

from typing import Final

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
