"""prompt_labels: too large a share of the requests asks for what a student model is trained on.

Idea.  Harvests ask for chains of thought, for rubric grading, for rewriting of sensitive answers; few honest
accounts do so in more than a few of their requests.  The labels are the gateway's (`prompt_labels`).
Null, reference, e-value.  `ranks.py` over the share of requests with each of `conduct.HARVEST_LABELS`, among
honest accounts of the same request count; the three e-values are averaged.
Needs 4 requests.  Cost: three ranks.
Fails.  An honest evaluation lab grades by rubric all day (it declares its organisation, and is one unit);
blind where no classifier labels the prompts; prompts reworded until the classifier is silent, or diluted
with ordinary ones, pass at the price of the yield.
Source.  The patterns that Anthropic reported in 2026 of what three laboratories asked for; the statistic is
ours.
"""

from stream_guard.groups.conduct import LABELS
from stream_guard.groups.evidence import ranks
from stream_guard.groups.evidence.cohort import Cohort, Reading, Test, log_mean_exp


def read(cohort: Cohort) -> Reading | None:
    """Rank the three shares; show the loudest."""
    readings = [reading for label in LABELS if (reading := ranks.read(cohort, label)) is not None]
    if not readings:
        return None
    loudest = max(readings, key=lambda reading: reading.log_e)
    return Reading(
        log_mean_exp([r.log_e for r in readings]), loudest.value, loudest.expected, loudest.is_cold
    )


TEST = Test("prompt_labels", "content", "what", cap=10.0, read=read)
