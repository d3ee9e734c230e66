"""Baseline: River's HalfSpaceTrees for every account, each learning what is usual for it.

The usual way to find anomalies in a stream: score a request by the account's own past, and block an
account whose requests stay anomalous.  A campaign that never behaves otherwise is its own past.

Small trees (5 of height 4, window 25), since there is one forest per account; the stock size would
take 1 MB for each.  Features are squashed into [0, 1], as HalfSpaceTrees wants them.
"""

from collections.abc import Mapping, Sequence
from math import log1p

from river.anomaly import HalfSpaceTrees

from stream_guard.evaluation.deciders.shown import Shown, blocks, shown
from stream_guard.evaluation.grouping import Found
from stream_guard.evaluation.rulings import Ruling

MAX_ACCOUNTS = 20_000
WARM = 50  # requests before a score is believed: two windows
FADE = 0.2  # of the smoothed score, per request
DAY_S = 86_400.0
LOG_SPAN = 14.0  # ln(1 + 1.2 million): tokens, seconds, milliseconds


class TreesRule:
    """Blocks an account whose smoothed score exceeds ``line``.

    Bound: `MAX_ACCOUNTS` forests, for those that come first.
    """

    def __init__(self, line: float) -> None:
        self.name = f"half-space trees over {line:g}"
        self._line = line
        self._forests: dict[str, tuple[HalfSpaceTrees, list[float]]] = {}
        self._blocked: set[str] = set()

    def take(self, lines: Sequence[bytes], now: float) -> list[Ruling]:  # noqa: ARG002 - events tell the time
        """Score, then learn."""
        rulings: list[Ruling] = []
        for event in shown(lines):
            account = event.account_id
            if account in self._blocked or not self._score(event) > self._line:
                continue
            self._blocked.add(account)
            del self._forests[account]
            rulings += blocks([account], event.occurred_at, "anomaly")
        return rulings

    def _score(self, event: Shown) -> float:
        """The account's smoothed score; 0 while it is cold."""
        kept = self._forests.get(event.account_id)
        if kept is None:
            if len(self._forests) >= MAX_ACCOUNTS:
                return 0.0
            forest = HalfSpaceTrees(n_trees=5, height=4, window_size=25, seed=1)
            kept = self._forests[event.account_id] = (forest, [0.0, 0.0, event.occurred_at])
        forest, state = kept  # requests, smoothed score, time of the last request
        features = _features(event, event.occurred_at - state[2])
        score = forest.score_one(features) if state[0] >= WARM else 0.0
        forest.learn_one(features)
        state[0] += 1
        state[1] += FADE * (score - state[1])
        state[2] = event.occurred_at
        return state[1]

    def finish(self) -> list[Ruling]:
        """Nothing is left."""
        return []

    def found(self) -> Mapping[str, Found]:
        """It knows no campaigns."""
        return {}


def _features(event: Shown, gap_s: float) -> dict[str, float]:
    return {
        "gap": min(1.0, log1p(max(0.0, gap_s)) / LOG_SPAN),
        "hour": event.occurred_at % DAY_S / DAY_S,
        "input": min(1.0, log1p(event.input_tokens or 0) / LOG_SPAN),
        "output": min(1.0, log1p(event.output_tokens or 0) / LOG_SPAN),
        "latency": min(1.0, log1p(event.latency_ms or 0.0) / LOG_SPAN),
        "turn": min(1.0, (event.turn or 0) / 20),
        "tools": min(1.0, len(event.tools or ()) / 20),
    }
