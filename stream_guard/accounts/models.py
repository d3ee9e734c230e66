"""River's online models as an account's row holds them: packed to a few bytes, restored bit for bit.

An account keeps exponentially weighted means and variances (`river.stats.EWMean`, `EWVar`), a
Gaussian of its clock hours (`river.anomaly.GaussianScorer`) and a change detector over its days
(`river.drift.PageHinkley`).  Each wrapper has ``snapshot() -> bytes`` and ``restore(bytes)``
(`runtime/rows.py`); nothing of River is subclassed.

Memory traffic is what costs here, not arithmetic: with 5,000 accounts in random order, an event
waited as long for its account's objects (0.25 us a cold one) as it took to update them.  So a row
holds River's compiled statistics without their Python shells (48 + 104 bytes each), one scorer
serves all accounts, and nothing is kept twice.

How it packs: River's statistics in Rust give their state as bytes (``__getstate__``), of which only
the running value changes: 8 bytes of 33 for a mean, 16 of 66 for a variance; the rest is filled in
again.  A contract test holds that layout; River is pinned.
"""

from math import nan
from struct import Struct as Layout
from typing import Any

from river import anomaly, drift, stats

FADING = 0.05
"""Weight of the newest request: the memory is about the last 20 to 40 requests."""

MEANS = ("limit_ratio", "log_latency", "turn")
VARIANCES = ("log_gap", "log_input", "log_output")

# River's state of one running mean: value, alpha, 1 - alpha (doubles), whether there is a value (bool).
# A running variance is two of them, of x and of x squared, and the fading factor.
_CORE_BYTES, _FLAG = 25, 24
_FADING_BYTES = Layout("<d").pack(FADING)
_TAIL = Layout("<ddB").pack(FADING, 1 - FADING, 1)
_NOTHING = Layout("<d").pack(nan)
_EMPTY_CORE = Layout("<dddB").pack(0.0, FADING, 1 - FADING, 0)
_VALUE = Layout("<d")

_EWMean: Any = type(stats.EWMean(FADING)._ewmean)
_EWVar: Any = type(stats.EWVar(FADING)._ewvar)


def _core(value: bytes) -> bytes:
    """River's state of a running mean from its eight bytes."""
    return _EMPTY_CORE if value == _NOTHING else value + _TAIL


class Averages:
    """The recent past of an account: an `EWMean` per name in `MEANS`, an `EWVar` per name in `VARIANCES`.

    What it can not see: order, and anything older than some 60 requests.  Input: finite floats,
    logarithms where a quantity spans decades.  A mean answers 0.0 before its first value, a variance
    before its second.  The mean beside a variance is the one inside it (`mean_of`), so that each
    value is taken once.  Cost: 0.06 us an update.  Memory: 72 bytes packed, about 0.6 kB live.
    """

    __slots__ = MEANS + VARIANCES

    def __init__(self) -> None:
        self.limit_ratio = _EWMean(FADING)
        self.log_latency = _EWMean(FADING)
        self.turn = _EWMean(FADING)
        self.log_gap = _EWVar(FADING)
        self.log_input = _EWVar(FADING)
        self.log_output = _EWVar(FADING)

    def mean_of(self, name: str) -> float:
        """The exponentially weighted mean beside the variance ``name``."""
        value: float = _VALUE.unpack_from(getattr(self, name).__getstate__())[0]
        return value

    def snapshot(self) -> bytes:
        """All running values, eight bytes each; NaN where there is none yet."""
        values = []
        for name in MEANS:
            state = getattr(self, name).__getstate__()
            values.append(state[:8] if state[_FLAG] else _NOTHING)
        for name in VARIANCES:
            state = getattr(self, name).__getstate__()
            if state[_FLAG]:
                values += state[:8], state[_CORE_BYTES : _CORE_BYTES + 8]
            else:
                values += _NOTHING, _NOTHING
        return b"".join(values)

    @classmethod
    def restore(cls, state: bytes) -> "Averages":
        """Build the averages again."""
        averages = cls()
        cores = [_core(state[i : i + 8]) for i in range(0, len(state), 8)]
        for name, core in zip(MEANS, cores, strict=False):
            getattr(averages, name).__setstate__(core + _FADING_BYTES)
        pairs = zip(cores[len(MEANS) :: 2], cores[len(MEANS) + 1 :: 2], strict=True)
        for name, (first, second) in zip(VARIANCES, pairs, strict=True):
            getattr(averages, name).__setstate__(first + second + _FADING_BYTES + _FADING_BYTES)
        return averages


class HourlyVolume:
    """Is this hour's volume far above this account's own hours?

    `river.anomaly.GaussianScorer` over ln(1 + requests) of the clock hours that have ended and had
    any; the hour that is being scored was never learnt.  Fails on accounts with two regimes (weekday
    and batch night): the variance then hides bursts, it does not invent them.

    Score in [0, 1], higher is more anomalous, 0 below `GRACE` hours.  Cost: 0.4 us an hour learnt,
    0.8 a score.  Memory: 24 bytes packed, about 0.3 kB live (one scorer serves all accounts).
    """

    GRACE = 24
    _layout = Layout("<ddd")
    _scorer: Any = anomaly.GaussianScorer(grace_period=GRACE)
    __slots__ = ("hours",)

    def __init__(self) -> None:
        self.hours: Any = stats.Var()

    @property
    def is_warm(self) -> bool:
        """Whether it has seen enough hours to be believed."""
        return bool(self.hours.mean.n >= self.GRACE)

    @property
    def usual(self) -> float:
        """Mean of ln(1 + requests) over the hours learnt."""
        return float(self.hours.mean.get())

    def score_one(self, log_volume: float) -> float:
        """How unusual ``log_volume`` is; 0 where it lies below the usual."""
        if log_volume <= self.usual:
            return 0.0
        self._scorer.gaussian._var = self.hours
        return float(self._scorer.score_one(None, log_volume))

    def learn_one(self, log_volume: float) -> None:
        """Learn an hour that has ended."""
        self.hours.update(log_volume)

    def snapshot(self) -> bytes:
        """Size, mean and sum of squares of the Gaussian."""
        hours = self.hours
        return self._layout.pack(hours.mean.n, hours.mean._mean, hours._S)

    @classmethod
    def restore(cls, state: bytes) -> "HourlyVolume":
        """Build the model again."""
        volume = cls()
        hours = volume.hours
        hours.mean.n, hours.mean._mean, hours._S = cls._layout.unpack(state)
        return volume


class DailyLevel:
    """Did the level of an account's daily volume change for good?

    `river.drift.PageHinkley` over ln(1 + requests) of the days that have ended and had any.  Fires some
    five days after a tenfold change; a single night or weekend does not move it.  It says that
    something changed, never what: context, not evidence.  Cost: 0.9 us a day.  Memory: 49 bytes
    packed, about 0.8 kB live.
    """

    _layout = Layout("<dddddd?")
    __slots__ = ("detector",)

    def __init__(self) -> None:
        self.detector: Any = drift.PageHinkley(min_instances=7, delta=0.1, threshold=6.0)

    def update(self, log_volume: float) -> bool:
        """Learn a day that has ended; True when the level was found changed just now."""
        self.detector.update(log_volume)
        return bool(self.detector.drift_detected)

    def snapshot(self) -> bytes:
        """The detector's sums."""
        d = self.detector
        return self._layout.pack(
            d._x_mean.n, d._x_mean._mean, d._sum_increase, d._sum_decrease,
            d._min_increase, d._max_decrease, d.drift_detected,
        )  # fmt: skip

    @classmethod
    def restore(cls, state: bytes) -> "DailyLevel":
        """Build the detector again."""
        level = cls()
        d = level.detector
        (
            d._x_mean.n, d._x_mean._mean, d._sum_increase, d._sum_decrease,
            d._min_increase, d._max_decrease, d._drift_detected,
        ) = cls._layout.unpack(state)  # fmt: skip
        return level
