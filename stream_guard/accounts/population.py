"""What do accounts of one segment look like together?  Half-space trees, taught a few samples per account.

A *segment* is model x surface x tier.  Each partition sees a random share of the accounts and keeps
models of its own: `river.anomaly.HalfSpaceTrees` inside `river.anomaly.QuantileFilter`, one per
segment (1.15 MB live), scored at checkpoints and not on every event.

Learning is guarded three times: an account teaches at most a few samples a day, so that a campaign
weighs no more than its share of accounts; what scores beyond the filter's quantile teaches nothing
(`protect_anomaly_detector`); refused requests are never in a sample.  Score before learn.

How it packs: half-space trees score only with the masses of the last complete window, so samples are
kept as bytes (one per feature) until a window is full, then learnt together.  That is the same
model, sample for sample, and a row is then the masses alone: 5.1 kB a segment, plus 12 bytes a
waiting sample, instead of the trees at every flush.

Cost: 6 us a score, 23 us a sample learnt.  Bound: `MAX_SEGMENTS` per partition, the rest shares one.
"""

from itertools import accumulate
from math import inf, log1p, sqrt
from operator import sub

from msgspec import Struct
from river import anomaly, stats

from stream_guard.records import Conduct
from stream_guard.topology import Rows

WINDOW = 250  # samples a window; masses then fit into one byte each
SEED = 7
QUANTILE = 0.995
MAX_SEGMENTS = 24
HEIGHT = 6
WARM_WINDOWS = 2
FEATURES = (
    "log_gap", "log_gap_deviation", "log_input", "log_output", "limit_ratio", "tools",
    "reasoning", "turn", "mismatch", "hidden", "night", "failed",
)  # fmt: skip
_STEPS = [step / 255 for step in range(256)]


class SegmentRow(Struct, array_like=True, tag="p"):
    """A segment's trees: masses of the last complete window, tree by tree in depth-first order."""

    masses: bytes = b""
    windows: int = 0


class WaitingRow(Struct, array_like=True, tag="w"):
    """Samples of a segment that wait for their window to fill, and the filter's quantile of all scores."""

    samples: bytes = b""  # `len(FEATURES)` bytes each
    quantile: bytes = b""  # state of River's quantile


class SegmentsRow(Struct, array_like=True, tag="s"):
    """The segments that this partition knows."""

    names: list[str] = []


def features_of(conduct: Conduct) -> bytes:
    """What the trees see of an account: each feature in [0, 1], in steps of 1/255."""
    total = max(conduct.answered + conduct.failed + conduct.refused, 1)
    hours = conduct.hours or (0,) * 24
    active = max(sum(hours), 1)
    sums = list(accumulate(hours + hours[:5], initial=0))
    night = min(map(sub, sums[6:], sums))  # the quietest six hours
    values = (
        conduct.log_gap_mean / 12,
        sqrt(max(conduct.log_gap_var, 0.0)) / 4,
        conduct.log_input_mean / 12,
        conduct.log_output_mean / 12,
        conduct.limit_ratio_mean,
        log1p(conduct.tools_mean) / 5,
        conduct.reasoning_ratio,
        log1p(conduct.turn_mean) / 5,
        conduct.mismatch_ratio,
        conduct.hidden_ratio,
        night / active * 4,
        conduct.failed / total,
    )
    return bytes([int(255 * value) if 0 < value < 1 else 255 * (value >= 1) for value in values])


class Segments:
    """The population models of one lane, decoded; a cache over the rows that hold them."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[int, anomaly.HalfSpaceTrees]] = {}

    def resolve(self, rows: Rows, segment: str) -> str:
        """``segment``, or "other" once the partition knows `MAX_SEGMENTS`."""
        known = rows.get("segments") or SegmentsRow()
        if segment in known.names:
            return segment
        if len(known.names) >= MAX_SEGMENTS:
            return "other"
        rows.put("segments", SegmentsRow([*known.names, segment]))
        return segment

    def score_one(self, rows: Rows, segment: str, sample: bytes) -> tuple[float, float]:
        """(score in [0, 1], the line beyond which it is extreme); (0, inf) while cold."""
        row, waiting = rows.get(f"p:{segment}"), rows.get(f"w:{segment}")
        if row is None or waiting is None or row.windows < WARM_WINDOWS:
            return 0.0, inf
        line = _quantile(waiting.quantile).get()
        return self._model(segment, row).score_one(_named(sample)), inf if line is None else line

    def learn_one(self, rows: Rows, segment: str, sample: bytes, score: float) -> bool:
        """Keep a sample and its score unless it is extreme; False: refused.

        The trees score with the last complete window, so a sample's score is the same now and when
        its window is learnt: the filter may judge it at once.
        """
        waiting, row = rows.get(f"w:{segment}") or WaitingRow(), rows.get(f"p:{segment}") or SegmentRow()
        guard = anomaly.QuantileFilter(None, q=QUANTILE)
        guard.quantile = _quantile(waiting.quantile)
        is_warm = row.windows >= WARM_WINDOWS
        is_extreme = is_warm and bool(guard.classify(score))
        if is_warm:
            guard.quantile.update(score)
        samples = waiting.samples if is_extreme else waiting.samples + sample
        if len(samples) == WINDOW * len(FEATURES):
            self._learn_window(rows, segment, row, samples)
            samples = b""
        state = guard.quantile._quantile.__getstate__() if is_warm else b""
        rows.put(f"w:{segment}", WaitingRow(samples, state))
        return not is_extreme

    def _learn_window(self, rows: Rows, segment: str, row: SegmentRow, samples: bytes) -> None:
        """Teach a full window to the trees; the last sample makes River turn the window over."""
        trees = self._model(segment, row)
        step = len(FEATURES)
        for i in range(0, len(samples), step):
            trees.learn_one(_named(samples[i : i + step]))
        changed = SegmentRow(_masses(trees), row.windows + 1)
        rows.put(f"p:{segment}", changed)
        self._models[segment] = (changed.windows, trees)

    def _model(self, segment: str, row: SegmentRow) -> anomaly.HalfSpaceTrees:
        cached = self._models.get(segment)
        if cached is not None and cached[0] == row.windows:
            return cached[1]
        trees = _restore(row.masses)
        self._models[segment] = (row.windows, trees)
        return trees


def _named(sample: bytes) -> dict[str, float]:
    return dict(zip(FEATURES, map(_STEPS.__getitem__, sample), strict=True))


def _new_trees() -> anomaly.HalfSpaceTrees:
    """Trees with their structure built (it depends on the seed alone) and no mass."""
    trees = anomaly.HalfSpaceTrees(
        n_trees=10, height=HEIGHT, window_size=WINDOW, limits=dict.fromkeys(FEATURES, (0.0, 1.0)), seed=SEED
    )
    trees.learn_one(dict.fromkeys(FEATURES, 0.0))
    trees.counter = 0
    for nodes in trees._tree_nodes:
        for node in nodes:
            node.l_mass = 0
    return trees


def _masses(trees: anomaly.HalfSpaceTrees) -> bytes:
    return bytes(node.r_mass for nodes in trees._tree_nodes for node in nodes)


def _restore(masses: bytes) -> anomaly.HalfSpaceTrees:
    trees = _new_trees()
    if masses:
        values = iter(masses)
        for nodes in trees._tree_nodes:
            for node in nodes:
                node.r_mass = next(values)
        trees._first_window = False
    return trees


def _quantile(state: bytes) -> stats.Quantile:
    quantile = stats.Quantile(QUANTILE)
    if state:
        quantile._quantile.__setstate__(state)
        quantile._is_updated = True
    return quantile
