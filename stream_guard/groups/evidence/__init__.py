"""Tests: how a group behaves against what honest accounts show.  One test, one file.

Each module holds a docstring (idea, null, reference, formula, e-value, cost, where it fails, source) and one
``TEST``.  `TESTS` lists them; adding a test is adding a file and a line here.

Every test is a bet against "these are unrelated honest accounts" that gains on average nothing while that is
so (an e-value; Grunwald, de Heide, Koolen: "Safe testing", 2020).  A test is *silent* in a group that its
cause formed (`kinds.py`).
"""

from stream_guard.groups.evidence import (
    client_churn,
    content_sameness,
    hidden_network,
    instruments,
    load_evenness,
    network_churn,
    no_night,
    no_sessions,
    prompt_labels,
    region_mismatch,
    regular_gaps,
    shared_cards,
    sign_up_burst,
    ties,
)
from stream_guard.groups.evidence.cohort import Test

TESTS: tuple[Test, ...] = (
    content_sameness.TEST,
    prompt_labels.TEST,
    load_evenness.TEST,
    no_night.TEST,
    no_sessions.TEST,
    regular_gaps.TEST,
    network_churn.TEST,
    client_churn.TEST,
    hidden_network.TEST,
    region_mismatch.TEST,
    sign_up_burst.TEST,
    ties.TEST,
    instruments.TEST,
    shared_cards.TEST,
)
